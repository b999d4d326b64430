"""The main road: the stages of a build in their order. Only this module knows it; each stage takes and returns values.

What does not depend on each other runs at the same time: the index of the image beside its observation, the checks of the
slim image beside each other.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from slimmer.engine import images, leftovers
from slimmer.engine.options import RunOptions
from slimmer.errors import AppFailed, ExerciseFailed, VerificationFailed
from slimmer.exercise.plan import Plan
from slimmer.image import reference
from slimmer.image.engine_made import OwnTree
from slimmer.keep.context import Context, Policy
from slimmer.keep.keeper import check_selection, keep
from slimmer.keep.keepset import Finding, KeepSet
from slimmer.keep.selection import Patterns, Selection
from slimmer.observe.log import AccessLog, write_log
from slimmer.observe.pristine import PristineImage
from slimmer.rebuild.archive import creation_time
from slimmer.rebuild.image import DOCKERFILE
from slimmer.report import package_file
from slimmer.report.build import Built, as_json, build_report, difference_lines
from slimmer.report.manifest import manifest, write_manifest
from slimmer.report.output import OutputFolder, default_folder
from slimmer.report.package_file import package_document
from slimmer.report.tree_file import write_tree
from slimmer.site import Candidate, Observation, Site, open_site
from slimmer.verify.behaviour import compare_behaviour
from slimmer.verify.missed import missed
from slimmer.verify.structure import Difference

SHOWN = 5
"""Lines of one kind that the user is shown; the rest is counted."""

REPAIRS = 2
"""How often a slim image is mended, unless the user says otherwise."""


class Progress(Protocol):
    """Whoever is told how far a build is (slimmer.cli.console.TerminalProgress)."""

    def stage(self, name: str) -> Any: ...

    def note(self, text: str) -> None: ...

    def warn(self, text: str) -> None: ...


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """What the user asked for. `tag` "" and `out` None stand for the defaults, `builder` "" for any.

    `repair`: how many times look-ups that fail in the slim image alone may be mended.
    """

    target: str
    tag: str = ""
    out: Path | None = None
    options: RunOptions = field(default_factory=RunOptions)
    plan: Plan = field(default_factory=Plan)
    policy: str = Policy.BALANCED
    selection: Selection = field(default_factory=Selection)
    builder: str = ""
    recorder: str = "auto"
    verify: bool = True
    repair: int = REPAIRS
    pull: bool = False


@dataclass(frozen=True, slots=True)
class BuildResult:
    """What came of it: the image's name and the report (slimmer.report.build)."""

    tag: str
    report: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the checks of a candidate found: differences, and what its app looked for in vain though the original has it."""

    differences: tuple[Difference, ...] = ()
    missed: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Slim:
    """A candidate, what was kept for it, and what its checks found."""

    kept: KeepSet
    candidate: Candidate
    verdict: Verdict


def build(request: BuildRequest, progress: Progress) -> BuildResult:
    """Make the slim image of `request.target`, verify it, tag it, write the artefacts.

    Raises a SlimmerError for each way to fail; nothing is left in the engine then, and no tag has changed.
    """
    tag = reference.checked_tag(request.tag) if request.tag else ""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    with open_site(request.target, request.options, request.recorder, pull=request.pull) as site:
        tag = tag or reference.slim_tag(reference.parse(request.target), site.config)
        created = creation_time(site.config, epoch)
        with OutputFolder(request.out or default_folder(tag)) as folder:
            return _Build(request, progress, site, folder, tag, created).run()


class _Build:
    """One build: its surroundings as attributes, its steps as methods."""

    def __init__(
        self, request: BuildRequest, progress: Progress, site: Site, folder: OutputFolder, tag: str, created: str
    ) -> None:
        self.request, self.progress, self.site, self.folder = request, progress, site, folder
        self.tag, self.created = tag, created
        self.times: list[tuple[str, float]] = []

    def run(self) -> BuildResult:
        site, selection = self.site, self.request.selection
        removed = site.pool.submit(leftovers.remove_leftovers, site.engine)
        with self.stage("observe"):
            indexed = site.pool.submit(site.open_image)
            if not selection.is_empty:
                self.check_selection(*indexed.result())
            observation = site.observe(self.request.plan, self.progress.note)
            pristine, own = indexed.result()
        self.tell(observation, removed)
        context = site.context(own, pristine, observation.log, observation.home, selection)
        slim = self.slim(context, own, pristine, observation)
        packages = package_document(own.tree, context.packages, site.config.image_id)
        with self.folder.writing(package_file.NAME) as archive:
            package_file.write_packages(packages, archive)
        return self.conclude(own, slim, observation)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Show a stage to the user, and remember how long it took."""
        started = time.monotonic()
        with self.progress.stage(name):
            yield
        self.times.append((name, time.monotonic() - started))

    def check_selection(self, pristine: PristineImage, own: OwnTree) -> None:
        """Refuse what the image lacks before it is run. Raises UsageError."""
        nothing = AccessLog(self.site.config.image_id, ())
        check_selection(self.site.context(own, pristine, nothing, "", self.request.selection))

    # ------------------------------------------------------------------ keep, rebuild, verify; and again

    def slim(self, context: Context, own: OwnTree, pristine: PristineImage, observation: Observation) -> Slim:
        """A candidate with its verdict. One whose app misses something is mended, a few times at most."""
        extra: list[Finding] = []
        for repairs in range(self.request.repair + 1):
            again = f" (repair {repairs})" if repairs else ""
            with self.stage(f"keep{again}"):
                kept = keep(context, Policy(self.request.policy), extra)
            if not repairs:
                self.tell_excluded(kept)
            with self.stage(f"rebuild{again}"):
                candidate = self.rebuild(own, pristine, kept, repairs)
            if not self.request.verify:
                return Slim(kept, candidate, Verdict())
            with self.stage(f"verify{again}"):
                verdict = self.verify(own, kept, candidate, observation, repairs)
            slim = Slim(kept, candidate, verdict)
            if not verdict.missed or repairs == self.request.repair:
                break
            self.progress.note(f"missed in the slim image, and kept now: {_names(verdict.missed)}")
            extra.extend(verdict.missed)
        if verdict.missed:
            self.progress.warn(
                f"the slim image's app still looks in vain for what the original has: {_names(verdict.missed)}"
            )
        return slim

    def rebuild(self, own: OwnTree, pristine: PristineImage, kept: KeepSet, repairs: int) -> Candidate:
        """Make a candidate of what is kept."""
        builder = self.site.choose_builder(self.request.builder, own, kept)
        if builder.name != (self.request.builder or DOCKERFILE) and not repairs:
            self.progress.note(f"builder {builder.name}: {builder.reason}")
        purpose = f"candidate{repairs}"
        return self.site.rebuild(own, pristine, kept, builder, self.folder, self.created, purpose)

    def verify(
        self, own: OwnTree, kept: KeepSet, candidate: Candidate, observation: Observation, repairs: int
    ) -> Verdict:
        """Hold the candidate against the original: what it holds, how it answers as a user would run it, what it misses."""
        site, plan = self.site, self.request.plan
        watch = partial(site.watch_again, candidate.image_id, plan, observation, f"replay{repairs}")
        structure = site.pool.submit(site.check_structure, own, kept, candidate, f"slim-tree{repairs}")
        beside = site.pool.submit(watch) if self.request.repair and not _meet(self.request) else None
        behaviour = self.check_behaviour(candidate, observation, repairs)
        if not self.request.repair:
            return Verdict(structure.result() + behaviour)
        found = missed(own.tree, kept, beside.result() if beside else watch())
        excludes = Patterns(own.tree, self.request.selection.exclude, "--exclude").excludes
        wanted = tuple(f for f in found if f.path not in kept and not excludes(f.path))
        return Verdict(structure.result() + behaviour, wanted)

    def check_behaviour(self, candidate: Candidate, observation: Observation, repairs: int) -> tuple[Difference, ...]:
        """Differences in answers, exit codes and health, between the watched original and the candidate by itself."""
        try:
            answered, health = self.site.answer(candidate.image_id, self.request.plan, observation, f"slim{repairs}")
        except (AppFailed, ExerciseFailed) as error:
            problem, _, last_words = error.message.partition("\n")
            return (Difference("the slim image", "run", "good", problem.removesuffix(":"), last_words),)
        differences = compare_behaviour(observation.exercised, answered)
        if health not in ("healthy", "none"):
            differences += (Difference("HEALTHCHECK", "verdict", "healthy", health),)
        return differences

    # ------------------------------------------------------------------ the end

    def conclude(self, own: OwnTree, slim: Slim, observation: Observation) -> BuildResult:
        """Write the artefacts, then give the image its name: in that order, so that a name never lacks its report."""
        request, engine, differences = self.request, self.site.engine, slim.verdict.differences
        report = build_report(
            Built(
                target=request.target,
                tag="" if differences else self.tag,
                original=self.site.config,
                slim=images.inspect(engine, slim.candidate.image_id),
                original_paths=len(own.tree),
                kept_paths=len(slim.kept),
                policy=request.policy,
                selection=request.selection,
                builder=slim.candidate.builder,
                log=observation.log,
                exercised=observation.exercised,
                verified=request.verify and not differences,
                differences=differences,
                missed=tuple(dict.fromkeys(finding.path for finding in slim.verdict.missed)),
                stages=tuple(self.times),
            )
        )
        self.write(own, slim, observation.log, report)
        if differences:
            raise VerificationFailed(
                f"the slim image is not what the original is:\n{difference_lines(differences)}",
                hint=f"It was not tagged. {self.folder.path}/report.json has all differences.",
            )
        images.tag(engine, slim.candidate.image_id, self.tag)
        return BuildResult(self.tag, report)

    def write(self, own: OwnTree, slim: Slim, log: AccessLog, report: dict[str, Any]) -> None:
        """The artefacts beside Dockerfile and rootfs.tar."""
        with self.folder.writing_text("access.json") as file:
            write_log(log, file)
        with self.folder.writing_text("manifest.jsonl") as file:
            write_manifest(manifest(own.tree, slim.kept, slim.candidate.rootfs.digests, own.mtime), file)
        with self.folder.writing("tree.json.zst") as archive:
            write_tree(own.tree, self.site.config.image_id, archive)
        with self.folder.writing_text("report.json") as file:
            file.write(as_json(report) + "\n")

    def tell_excluded(self, kept: KeepSet) -> None:
        """What the user excluded though it was seen in use, or the engine needs it: the app may miss it."""
        used = [f"{path} ({reason})" for path, reason in kept.excluded.items() if reason.rule in ("observed", "engine")]
        for text in used[:SHOWN]:
            self.progress.warn(f"excluded although it was in use: {text}")
        if len(used) > SHOWN:
            self.progress.warn(f"{len(used) - SHOWN} more paths are excluded although they were in use")

    def tell(self, observation: Observation, removed: Future[leftovers.Leftovers]) -> None:
        """What the user should know of the observation, and of what dead runs had left."""
        gone = removed.result()
        if gone:
            self.progress.note(
                f"removed what a run that was killed had left: {len(gone.containers)} containers, "
                f"{len(gone.volumes)} volumes, {len(gone.images)} images"
            )
        for warning in observation.exercised.warnings:
            self.progress.warn(warning)
        for recorder in observation.log.recorders:
            if not recorder.active and recorder.name == "fanotify":
                self.progress.warn(f"the recorder fanotify did not run: {recorder.reason}")
        for text in observation.log.disturbances:
            self.progress.warn(text)


def _names(findings: Iterable[Finding]) -> str:
    """The first paths that were missed themselves, without what leads to them, and how many more there are."""
    paths = list(dict.fromkeys(f.path for f in findings if f.reason.rule == "missed"))
    more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
    return f"{', '.join(paths[:SHOWN])}{more}"


def _meet(request: BuildRequest) -> bool:
    """Whether two runs at a time would get in each other's way outside of their containers, and so must come in turn."""
    options = request.options
    places = (options.network, options.pid_mode, options.ipc_mode)
    shared = any(place == "host" or place.startswith("container:") for place in places)
    return shared or options.share_mounts or bool(options.devices or request.plan.host_commands)
