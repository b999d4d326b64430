"""The main road: the stages of a build in their order. Only this module knows it; each stage takes and returns values.

What does not depend on each other runs at the same time: the index of the image beside its observation, the checks of the
slim image beside each other.
"""

from __future__ import annotations

import importlib
import os
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from slimmer.artifacts.package_file import package_document
from slimmer.engine import images, leftovers
from slimmer.engine.description import risk
from slimmer.errors import VerificationFailed
from slimmer.formatting import SHOWN, counted, listed
from slimmer.image import reference
from slimmer.image.engine_artifacts import ImageTree
from slimmer.image.package_files import PackageFiles
from slimmer.interrupts import finish
from slimmer.keep import installed
from slimmer.keep.analyzer import Policy
from slimmer.keep.image_view import ImageView
from slimmer.keep.keepset import MISSED, Finding, KeepSet
from slimmer.observe.log import AccessLog
from slimmer.observe.pristine import PristineImage
from slimmer.output_folder import OutputFolder, default_folder
from slimmer.pipeline.artifacts import write_artifacts
from slimmer.pipeline.observation import ObservationSet, observed_for
from slimmer.pipeline.report import Built, build_report, difference_lines
from slimmer.pipeline.request import REPAIRS, BuildRequest, BuildResult, Progress
from slimmer.pipeline.scenario import scenarios
from slimmer.pipeline.session import Candidate, Session, cannot_be_kept, open_session
from slimmer.pipeline.verification import CandidateVerifier, VariantVerdict, Verdict, variants
from slimmer.rebuild.archive import creation_time
from slimmer.rebuild.image import DOCKERFILE, mark_unverified

__all__ = ["REPAIRS", "BuildRequest", "BuildResult", "Progress", "build"]

EPOCH = "SOURCE_DATE_EPOCH"
"""Says when the slim image was made: reproducible-builds.org, "SOURCE_DATE_EPOCH"."""

DIFFERS = "the slim image is not what the original is, and has no name; report.json has the differences."
UNASKED = "--no-verify was given, so nobody has seen the slim image at work."
"""What the Dockerfile of such a build says."""


@dataclass(frozen=True, slots=True)
class Original:
    """What is known of the image itself: who answers for its files, its tree, its packages."""

    pristine: PristineImage
    own: ImageTree
    packages: PackageFiles


@dataclass(frozen=True, slots=True)
class Slim:
    """A candidate, what was kept for it, and what its checks found."""

    kept: KeepSet
    candidate: Candidate
    verdict: Verdict
    variants: tuple[VariantVerdict, ...] = ()


def build(request: BuildRequest, progress: Progress) -> BuildResult:
    """Make the slim image of `request.target`, verify it, tag it, write the artifacts.

    Raises a SlimmerError for each way to fail; nothing is left in the engine then, and no tag has changed.
    """
    tag = reference.checked_tag(request.tag) if request.tag else ""
    epoch = os.environ.get(EPOCH)
    first = scenarios(request)[0].options
    with open_session(request.target, first, request.recorder, pull=request.pull) as session:
        tag = tag or reference.slim_tag(reference.parse(request.target), session.config)
        created = creation_time(session.config, epoch)
        if request.observe and (text := risk(request.options)):
            progress.warn(text)
        with OutputFolder(request.out or default_folder(tag), tell=session.scope.lifeline.folder) as folder:
            return _Build(request, progress, session, folder, tag, created).run()


class _Build:
    """One build: its surroundings as attributes, its steps as methods."""

    def __init__(
        self, request: BuildRequest, progress: Progress, session: Session, folder: OutputFolder, tag: str, created: str
    ) -> None:
        self.request, self.progress, self.session, self.folder = request, progress, session, folder
        self.tag, self.created = tag, created
        self.times: list[tuple[str, float]] = []
        self.document: Future[dict[str, Any]] | None = None

    def run(self) -> BuildResult:
        _load_analyzers()
        session, selection = self.session, self.request.selection
        removed = session.pool.submit(leftovers.remove_leftovers, session.engine)
        with self.stage("observe"):
            known = session.pool.submit(self.know)
            if not selection.is_empty:
                self.check_selection(known.result())
            observed = observed_for(self.request, session, self.folder.path, self.progress.note)
            original = known.result()
        self.tell(observed, original.own, removed)
        return self.conclude(original, self.slim(original, observed), observed)

    def know(self) -> Original:
        """Read what is to know of the image, while its app runs. Load the rules, and start who reads files, which take their time, too."""
        importlib.import_module("slimmer.keep.keeper")
        self.session.sandbox.warm()
        pristine, own = self.session.open_image()
        return Original(pristine, own, self.session.packages(own, pristine))

    def documented(self, original: Original) -> Future[dict[str, Any]]:
        """The document of the packages, begun once: best while the engine builds, and slimmer only waits."""
        own, image_id = original.own, self.session.config.image_id
        self.document = self.document or self.session.pool.submit(
            package_document, own.tree, original.packages, image_id
        )
        return self.document

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Show a stage to the user, and remember how long it took."""
        started = time.monotonic()
        with self.progress.stage(name):
            yield
        self.times.append((name, time.monotonic() - started))

    def check_selection(self, original: Original) -> None:
        """Refuse what the image lacks before it is run. Raises UsageError."""
        from slimmer.keep.keeper import check_selection

        check_selection(self.context(original, AccessLog(self.session.config.image_id, ()), ""))

    def context(self, original: Original, log: AccessLog, home: str) -> ImageView:
        """What the keep rules look at."""
        own, pristine, packages = original.own, original.pristine, original.packages
        return self.session.context(own, pristine, log, home, self.request.selection, packages)

    # ------------------------------------------------------------------ keep, rebuild, verify; and again

    def slim(self, original: Original, observed: ObservationSet) -> Slim:
        """A candidate with its verdict. One whose app misses something is mended, a few times at most."""
        from slimmer.keep.keeper import keep

        context = self.context(original, observed.log, observed.home)
        verifier = CandidateVerifier(
            self.session, self.request, original.own, observed.scenario_runs, self.progress.warn
        )
        extra: list[Finding] = []
        for repairs in range(self.request.repair + 1):
            again = f" (repair {repairs})" if repairs else ""
            with self.stage(f"keep{again}"):
                kept = keep(context, Policy(self.request.policy), extra)
            for text in self.session.sandbox.notes():
                self.progress.warn(text)
            if not repairs:
                self.tell_excluded(kept)
            with self.stage(f"rebuild{again}"):
                candidate = self.rebuild(original, kept, repairs)
            if not self.request.verify:
                return Slim(kept, candidate, Verdict())
            with self.stage(f"verify{again}"):
                verdict = verifier.verify(kept, candidate)
            slim = Slim(kept, candidate, verdict)
            if not verdict.missed or repairs == self.request.repair:
                break
            self.progress.note(f"missed in the slim image, and kept now: {_names(verdict.missed)}")
            extra.extend(verdict.missed)
        if verdict.missed:
            self.progress.warn(
                f"the slim image's app still looks in vain for what the original has: {_names(verdict.missed)}"
            )
        return self.verified_elsewhere(verifier, slim)

    def verified_elsewhere(self, verifier: CandidateVerifier, slim: Slim) -> Slim:
        """The same with what the other places say, where the user asked for some."""
        for variant in variants(self.request):
            with self.stage(f"verify {variant.name}"):
                found = list(verifier.verify_in(variant, slim.candidate))
            differences = tuple(difference for _, some in found for difference in some)
            verdict = replace(slim.verdict, differences=slim.verdict.differences + differences)
            slim = replace(slim, verdict=verdict, variants=slim.variants + tuple(one for one, _ in found))
        return slim

    def rebuild(self, original: Original, kept: KeepSet, repairs: int) -> Candidate:
        """Make a candidate of what is kept."""
        session, request = self.session, self.request
        dated = bool(os.environ.get(EPOCH))
        builder = session.choose_builder(request.builder, original.own, kept, dated=dated)
        if builder.name != (request.builder or DOCKERFILE) and not repairs:
            self.progress.note(f"builder {builder.name}: {builder.reason}")
        if dated and builder.name == DOCKERFILE and not repairs:
            self.progress.warn(f"{EPOCH} does not count with --builder dockerfile: docker build stamps its own time")
        rootfs = session.pack(original.own, original.pristine, kept, self.folder, self.progress.note)
        self.documented(original)
        return session.make(rootfs, builder, self.folder, self.created, "candidate")

    # ------------------------------------------------------------------ the end

    def conclude(self, original: Original, slim: Slim, observed: ObservationSet) -> BuildResult:
        """Write the artifacts, then give the image its name: in that order, so that a name never lacks its report.

        An interrupt comes before or after both. Of an image that differs, the artifacts are there to be looked at.
        """
        request, engine, differences = self.request, self.session.engine, slim.verdict.differences
        report = build_report(
            Built(
                target=request.target,
                tag="" if differences else self.tag,
                original=self.session.config,
                slim=images.inspect(engine, slim.candidate.image_id),
                tree=original.own.tree,
                kept_paths=len(slim.kept),
                policy=request.policy,
                selection=request.selection,
                builder=slim.candidate.builder,
                observed=observed,
                verified=request.verify and not differences,
                differences=differences,
                missed=tuple(dict.fromkeys(finding.path for finding in slim.verdict.missed)),
                variants=slim.variants,
                by_shape=slim.verdict.by_shape,
                stages=tuple(self.times),
            )
        )
        packages, digests = self.documented(original).result(), slim.candidate.rootfs.digests
        write_artifacts(self.folder, original.own, slim.kept, digests, observed.log, packages, report)
        if not report["verification"]["verified"]:
            mark_unverified(self.folder, DIFFERS if differences else UNASKED)
        finish(lambda: self.hand_over("" if differences else slim.candidate.image_id))
        if differences:
            raise VerificationFailed(
                f"the slim image is not what the original is:\n{difference_lines(differences)}",
                hint=f"It was not tagged. {self.folder.path}/report.json has all differences.",
            )
        return BuildResult(self.tag, report)

    def hand_over(self, image_id: str) -> None:
        """Put the artifacts in their places, and give the image its name, if it is to have one."""
        self.folder.publish()
        if image_id:
            images.tag(self.session.engine, image_id, self.tag)

    def tell_excluded(self, kept: KeepSet) -> None:
        """Warn of what the user excluded though it was seen in use, or the engine needs it: the app may miss it."""
        from slimmer.keep.core import engine_needs, observed

        in_use = (observed.RULE, engine_needs.RULE)
        used = [f"{path} ({reason})" for path, reason in kept.excluded.items() if reason.rule in in_use]
        for text in used[:SHOWN]:
            self.progress.warn(f"excluded although it was in use: {text}")
        if len(used) > SHOWN:
            self.progress.warn(f"{len(used) - SHOWN} more paths are excluded although they were in use")

    def tell(self, observed: ObservationSet, own: ImageTree, removed: Future[leftovers.Leftovers]) -> None:
        """What the user should know of the observation, and of what dead runs had left."""
        gone = removed.result()
        if gone:
            self.progress.note(
                f"removed what a run that was killed had left: {counted(len(gone.containers), 'container')}, "
                f"{counted(len(gone.volumes), 'volume')}, {counted(len(gone.images), 'image')}"
            )
        for text in observed.notes(own.tree):
            self.progress.note(text)
        for text in dict.fromkeys((*cannot_be_kept(own), *observed.warnings)):
            self.progress.warn(text)
        for recorder in observed.log.recorders:
            if not recorder.active and recorder.name == "fanotify":
                self.progress.warn(f"the recorder fanotify did not run: {recorder.reason}")
        for text in observed.log.disturbances:
            self.progress.warn(text)


def _load_analyzers() -> None:
    """Load the analyzers of other packages, so that one that cannot be used is told before the app is run. Raises PluginFailed."""
    if installed.points():
        from slimmer.keep import registry

        registry.evidence()


def _names(findings: Iterable[Finding]) -> str:
    """The first paths that were missed themselves, without what leads to them, and how many more there are."""
    return listed(list(dict.fromkeys(f.path for f in findings if f.reason.rule == MISSED)), SHOWN)
