"""The stages that commands consist of: read the image, observe, keep. Each takes and returns values.

A stage reports its progress and its warnings to the user. Commands (slimmer.pipeline.build, slimmer.pipeline.commands) are short
sequences of stages.
"""

from __future__ import annotations

import importlib
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from slimmer.engine.description import risk
from slimmer.engine.options import RunOptions
from slimmer.formatting import SHOWN
from slimmer.image.layer_border import LayerChoice
from slimmer.keep import installed
from slimmer.keep.analyzer import Policy
from slimmer.keep.image_view import ImageView
from slimmer.keep.keepset import Finding, KeepSet
from slimmer.keep.margin.amount import Margin
from slimmer.observe.log import AccessLog
from slimmer.output_folder import OutputFolder
from slimmer.pipeline import observation as observations
from slimmer.pipeline.observation import ObservationSet
from slimmer.pipeline.original import Original, open_original
from slimmer.pipeline.own_layers import begin_layers, notes
from slimmer.pipeline.progress import Progress
from slimmer.pipeline.request import BuildRequest, RunRequest
from slimmer.pipeline.scenario import scenarios
from slimmer.pipeline.session import Session, open_session

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Stages:
    """The stages of one command, in its session."""

    session: Session
    progress: Progress

    def output(self, path: Path) -> OutputFolder:
        """Return the output folder. Open it as a context manager."""
        return OutputFolder(path, tell=self.session.scope.lifeline.folder)

    # ------------------------------------------------------------------ the image

    def read(self) -> Original:
        """Read the image's tree. Also load the analyzers and start the sandbox."""
        importlib.import_module("slimmer.keep.keeper")
        self.session.sandbox.warm()
        return open_original(self.session)

    def with_layers(
        self, original: Original, target: str, choice: LayerChoice | None, *, pull: bool = False
    ) -> Original:
        """Return the image with the layers that stay whole, which are being read. Raises what `begin_layers` raises."""
        if choice is None:
            return original
        layers = begin_layers(self.session, target, choice, original.tree, pull=pull)
        logger.info("own layers: %s", layers.border)
        return replace(original, layers=layers)

    def read_layers(self, original: Original) -> None:
        """Wait until the layers that stay whole are read, and tell the user of them."""
        if original.layers is None:
            return
        with self.progress.stage("layers"):
            own = original.layers.reading.result()
        for text in notes(own):
            self.progress.note(text)

    def load_analyzers(self) -> None:
        """Load the analyzers of other packages before the app runs. Raise PluginFailed if one cannot be used."""
        if installed.points():
            from slimmer.keep import registry

            registry.evidence()

    def begin_reading(self, request: BuildRequest) -> Future[Original]:
        """Read the image's tree and packages in another thread, and load the keep rules, while the app runs.

        The result raises UsageError if the user selected something that the image does not have.
        """
        return self.session.pool.submit(self._read_all, request)

    def _read_all(self, request: BuildRequest) -> Original:
        selection = request.selection
        read = self.read()
        original = self.with_layers(read, request.target, request.layers, pull=request.pull)
        original.packages.know_all()
        if not selection.is_empty:
            from slimmer.keep.keeper import check_selection

            check_selection(read.view(AccessLog(self.session.config.image_id, ()), "", selection))
        return original

    def begin_clearing(self) -> None:
        """Begin to remove the containers in the background. No file of an image can be read any more."""
        self.session.pool.submit(self._clear)

    def _clear(self) -> None:
        self.session.opened.close()
        self.session.scope.clear()

    # ------------------------------------------------------------------ its use

    def observe(self, request: RunRequest) -> ObservationSet:
        """Run the app under the probe while it is exercised. Raise AppFailed, ExerciseFailed or ObservationIncomplete."""
        self.warn_of_risk(request)
        with self.progress.stage("observe"):
            observation = observations.observe(request, self.session, self.progress.note)
        self.warn(observation.warnings)
        return observation

    def observe_or_reuse(
        self, request: BuildRequest, folder: Path, reading: Future[Original]
    ) -> tuple[Original, ObservationSet]:
        """Observe, join logs or reuse an earlier observation, as requested, and wait until the image is read.

        Raises UsageError for logs that do not fit, and what `observe` raises.
        """
        with self.progress.stage("observe"):
            if not request.selection.is_empty or request.layers is not None:
                reading.result()  # raises before the app runs if the image lacks something that the user selected
            observation = observations.observe_or_reuse(request, self.session, folder, self.progress.note)
            original = reading.result()
        for text in observation.notes(original.tree):
            self.progress.note(text)
        self.warn(dict.fromkeys((*original.warnings(), *observation.warnings)))
        self.warn(observation.disturbances())
        return original, observation

    def warn_of_risk(self, request: RunRequest) -> None:
        """Warn if the options give the app dangerous rights."""
        if text := risk(request.options):
            self.progress.warn(text)

    # ------------------------------------------------------------------ what stays

    def keep(
        self,
        view: ImageView,
        policy: Policy,
        extra: Sequence[Finding] = (),
        *,
        margin: Margin | None = None,
        name: str = "keep",
    ) -> KeepSet:
        """Decide what to keep. `extra` is kept, too. `margin` None is that of the policy."""
        from slimmer.keep.keeper import keep

        with self.progress.stage(name):
            kept = keep(view, policy, extra, margin)
        rules = Counter(reason.rule for reasons in kept.reasons.values() for reason in reasons)
        logger.info("policy %s keeps %d of %d paths", policy, len(kept), len(view.tree))
        logger.info("margin: %s", kept.margin)
        logger.info("reasons by rule: %s", ", ".join(f"{rule} {number}" for rule, number in rules.most_common()))
        return kept

    def warn_of_unreadable(self) -> None:
        """Warn of files whose contents could not be read, each once. All of them are logged each time."""
        for path, reason in self.session.sandbox.unreadable.items():
            logger.info("could not read %s: %s", path, reason)
        self.warn(self.session.sandbox.notes())

    def tell_of_kept(self, view: ImageView, kept: KeepSet) -> None:
        """Show the user the notes about the files that stay."""
        from slimmer.keep import notices

        for text in notices.notes(view.tree, kept):
            self.progress.note(text)

    def warn_of_excluded(self, kept: KeepSet) -> None:
        """Warn of paths that the user excluded although they were used or the engine needs them. The app may miss them."""
        from slimmer.keep.core import engine_needs, observed

        in_use = (observed.RULE, engine_needs.RULE)
        used = [f"{path} ({reason})" for path, reason in kept.excluded.items() if reason.rule in in_use]
        self.warn(f"excluded although it was in use: {text}" for text in used[:SHOWN])
        if len(used) > SHOWN:
            self.progress.warn(f"{len(used) - SHOWN} more paths were excluded although they were in use")

    def warn(self, texts: Iterable[str]) -> None:
        """Report each text as a warning."""
        for text in texts:
            self.progress.warn(text)


@contextmanager
def open_stages(request: RunRequest, progress: Progress, docker_host: str) -> Iterator[Stages]:
    """Open a session for an image with the run options of the request. Raise what open_session raises."""
    for text in request.notes:
        progress.note(text)
    for text in request.warnings:
        progress.warn(text)
    first = scenarios(request)[0].options
    others = request.other_images
    with ExitStack() as opened:
        with progress.stage("start"):
            session = opened.enter_context(
                open_session(
                    request.target, first, request.recorder, others=others, pull=request.pull, docker_host=docker_host
                )
            )
        yield Stages(session, progress)
        with progress.stage("finish"):
            opened.close()


@contextmanager
def open_unrun(target: str, progress: Progress, docker_host: str) -> Iterator[Stages]:
    """Open a session for an image whose app is not run. Only its identity is asked for."""
    # The command does not matter for the identity.
    with open_session(target, RunOptions(cmd=("true",)), docker_host=docker_host) as session:
        yield Stages(session, progress)
