"""The main road: the stages of a build in their order. Only this module knows it; each stage takes and returns values.

What does not depend on each other runs at the same time: the index of the image beside its observation, the structural
check beside the run of the slim image.
"""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote_to_bytes

from slimmer.engine import builds, description, images, leftovers
from slimmer.engine.connection import Engine, connect
from slimmer.engine.options import RunOptions
from slimmer.engine.pristine import open_pristine
from slimmer.engine.runs import ask_identity, native_run, watched_run
from slimmer.engine.session import RunScope
from slimmer.errors import AppFailed, ExerciseFailed, VerificationFailed
from slimmer.exercise.drive import exercise
from slimmer.exercise.plan import Exercised, Plan, replay_plan
from slimmer.exercise.verdict import failure
from slimmer.image import reference
from slimmer.image.config import ImageConfig
from slimmer.image.engine_made import OwnTree, overrides, own_tree
from slimmer.keep.context import Context, Policy
from slimmer.keep.keeper import check_selection, keep
from slimmer.keep.keepset import KeepSet
from slimmer.keep.selection import Selection
from slimmer.observe.log import AccessLog, write_log
from slimmer.observe.pristine import PristineImage
from slimmer.probe_binary import probe_path
from slimmer.rebuild.archive import creation_time
from slimmer.rebuild.image import DOCKERFILE, Builder, choose_builder, make_image
from slimmer.rebuild.rootfs import RootFs, write_rootfs
from slimmer.report import package_file
from slimmer.report.build import Built, as_json, build_report, difference_lines
from slimmer.report.manifest import manifest, write_manifest
from slimmer.report.output import OutputFolder, default_folder
from slimmer.report.package_file import package_document
from slimmer.report.tree_file import write_tree
from slimmer.verify.behaviour import compare_behaviour
from slimmer.verify.check import Side, check_structure
from slimmer.verify.structure import Difference

WORKERS = 4
SHOWN = 5
"""Lines of one kind that the user is shown; the rest is counted."""

FIRST_EPHEMERAL_PORT = 32768
"""Ports from here on are chosen by the kernel (ip_local_port_range, ip(7)) and differ from run to run."""


class Progress(Protocol):
    """Whoever is told how far a build is (slimmer.cli.console.TerminalProgress)."""

    def stage(self, name: str) -> Any: ...

    def note(self, text: str) -> None: ...

    def warn(self, text: str) -> None: ...


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """What the user asked for. `tag` "" and `out` None stand for the defaults, `builder` "" for any."""

    target: str
    tag: str = ""
    out: Path | None = None
    options: RunOptions = field(default_factory=RunOptions)
    plan: Plan = field(default_factory=Plan)
    policy: str = Policy.OBSERVED
    selection: Selection = field(default_factory=Selection)
    builder: str = ""
    recorder: str = "auto"
    verify: bool = True
    pull: bool = False


@dataclass(frozen=True, slots=True)
class BuildResult:
    """What came of it: the image's name and the report (slimmer.report.build)."""

    tag: str
    report: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Observation:
    """A watched run: what was accessed, what was answered, who the app was, and whether its ports needed a relay."""

    log: AccessLog
    exercised: Exercised
    home: str
    relayed: bool


@dataclass(frozen=True, slots=True)
class Candidate:
    """A slim image that was made but not tagged yet."""

    image_id: str
    rootfs: RootFs
    builder: Builder


def build(request: BuildRequest, progress: Progress) -> BuildResult:
    """Make the slim image of `request.target`, verify it, tag it, write the artefacts.

    Raises a SlimmerError for each way to fail; nothing is left in the engine then, and no tag has changed.
    """
    description.check(request.options)
    tag = reference.checked_tag(request.tag) if request.tag else ""
    created = os.environ.get("SOURCE_DATE_EPOCH")
    engine = connect()
    with ExitStack() as stack:
        stack.callback(engine.close)
        config = images.resolve(engine, request.target, platform=request.options.platform, pull=request.pull)
        description.check_command(config, request.options)
        tag = tag or reference.slim_tag(reference.parse(request.target), config)
        creation = creation_time(config, created)
        probe = probe_path(engine.architecture)
        folder = stack.enter_context(OutputFolder(request.out or default_folder(tag)))
        # Left in this order: the scope removes the containers, so that what the pool's threads wait for ends, and then
        # nobody uses what they opened.
        opened = stack.enter_context(ExitStack())
        pool = stack.enter_context(ThreadPoolExecutor(WORKERS))
        scope = stack.enter_context(RunScope(engine))
        return _Build(request, progress, engine, scope, pool, folder, config, probe, tag, creation).run(opened)


class _Build:
    """One build: its surroundings as attributes, its stages as methods."""

    def __init__(
        self,
        request: BuildRequest,
        progress: Progress,
        engine: Engine,
        scope: RunScope,
        pool: ThreadPoolExecutor,
        folder: OutputFolder,
        config: ImageConfig,
        probe: Path,
        tag: str,
        created: str,
    ) -> None:
        self.request, self.progress, self.engine, self.scope, self.pool = request, progress, engine, scope, pool
        self.folder, self.config, self.probe, self.tag, self.created = folder, config, probe, tag, created
        self.times: list[tuple[str, float]] = []

    def run(self, opened: ExitStack) -> BuildResult:
        removed = self.pool.submit(leftovers.remove_leftovers, self.engine)
        with self.stage("observe"):
            indexed = self.pool.submit(self.open_image, opened)
            if not self.request.selection.is_empty:
                self.check_selection(*indexed.result())
            observation = self.observe()
            pristine, own = indexed.result()
        self.tell(observation, removed)
        context = self.context(own, pristine, observation.log, observation.home)
        with self.stage("keep"):
            kept = keep(context, Policy(self.request.policy))
        self.tell_excluded(kept)
        with self.stage("rebuild"):
            candidate = self.rebuild(own, pristine, kept)
        packages = self.pool.submit(package_document, own.tree, context.packages, self.config.image_id)
        differences: tuple[Difference, ...] = ()
        if self.request.verify:
            with self.stage("verify"):
                differences = self.verify(own, kept, candidate, observation)
        with self.folder.writing(package_file.NAME) as archive:
            package_file.write_packages(packages.result(), archive)
        return self.conclude(own, kept, candidate, observation, differences)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Show a stage to the user, and remember how long it took."""
        started = time.monotonic()
        with self.progress.stage(name):
            yield
        self.times.append((name, time.monotonic() - started))

    # ------------------------------------------------------------------ the stages

    def open_image(self, opened: ExitStack) -> tuple[PristineImage, OwnTree]:
        """The pristine image, open until the end of the build, and its tree."""
        pristine = opened.enter_context(
            open_pristine(self.scope, self.config, self.config.image_id, self.probe, "pristine")
        )
        return pristine, own_tree(pristine.index(), self.config.created, self.config.volumes)

    def observe(self) -> Observation:
        """Run the app under the probe while it is exercised, and stop it as `docker stop` would."""
        request, config = self.request, self.config
        identity = ask_identity(self.scope, config, request.options, self.probe)
        plan = dataclasses.replace(request.plan, expected_ports=_exposed(config), healthcheck=_healthcheck(config))
        with watched_run(self.scope, config, request.options, self.probe, identity, request.recorder, "observed") as (
            run,
            ports,
        ):
            exercised = exercise(run, plan, say=self.progress.note)
            problem = failure(exercised)
            if problem is not None:
                raise problem
            log = run.finish(config.image_id, config.stop_signal, config.stop_timeout)
            return Observation(log, exercised, _home(identity), ports.relayed)

    def context(self, own: OwnTree, pristine: PristineImage, log: AccessLog, home: str = "") -> Context:
        """What the keep rules look at."""

        def read(paths: Iterable[str]) -> Iterator[tuple[str, bytes | None]]:
            return pristine.read(list(paths))

        return Context(own.tree, log, self.config, read, home, self.request.selection)

    def check_selection(self, pristine: PristineImage, own: OwnTree) -> None:
        """Refuse what the image lacks before it is run. Raises UsageError."""
        check_selection(self.context(own, pristine, AccessLog(self.config.image_id, ())))

    def rebuild(self, own: OwnTree, pristine: PristineImage, kept: KeepSet) -> Candidate:
        """Pack what stays, and make the candidate under a temporary tag."""
        config = self.config
        self.folder.clear()
        paths = list(kept)
        entries = (entry for path in paths if (entry := own.tree.get(path)) is not None)
        engine = self.engine
        builder = choose_builder(
            self.request.builder,
            config,
            entries,
            engine.architecture,
            is_podman=engine.is_podman,
            lacks_workdir=bool(config.working_dir) and own.tree.resolve(config.working_dir).end is None,
        )
        rootfs = write_rootfs(pristine, overrides(paths, own), self.folder)
        if builder.name != (self.request.builder or DOCKERFILE):
            self.progress.note(f"builder {builder.name}: {builder.reason}")
        image_id = make_image(
            config,
            rootfs,
            builder,
            self.folder,
            self.scope.temporary_tag("candidate"),
            self.created,
            lambda files, tag: builds.build(self.engine, files, tag, self.request.options.platform),
            lambda write, tag: builds.load(self.engine, write, tag),
        )
        return Candidate(image_id, rootfs, builder)

    def verify(
        self, own: OwnTree, kept: KeepSet, candidate: Candidate, observation: Observation
    ) -> tuple[Difference, ...]:
        """Hold the candidate against the original: what it holds, and how it answers as a user would run it."""
        structure = self.pool.submit(self.check_structure, own, kept, candidate)
        behaviour = self.check_behaviour(candidate, observation)
        return structure.result() + behaviour

    def check_structure(self, own: OwnTree, kept: KeepSet, candidate: Candidate) -> tuple[Difference, ...]:
        """Differences in paths, contents and configuration."""
        slim_config = images.inspect(self.engine, candidate.image_id)
        with open_pristine(self.scope, slim_config, candidate.image_id, self.probe, "slim-tree") as slim:
            return check_structure(
                Side(own, self.config),
                Side(own_tree(slim.index(), self.config.created, self.config.volumes), slim_config),
                list(kept),
                candidate.rootfs.digests,
                slim.hash,
                whole_seconds=candidate.builder.whole_seconds,
            )

    def check_behaviour(self, candidate: Candidate, observation: Observation) -> tuple[Difference, ...]:
        """Differences in answers, exit codes and health, between the watched original and the candidate by itself."""
        ports = _lasting_ports(observation, self.config)
        plan = replay_plan(self.request.plan, observation.exercised)
        relay = self.probe if observation.relayed else None
        with native_run(self.scope, self.config, self.request.options, candidate.image_id, ports, relay, "slim") as run:
            try:
                answered = exercise(run, plan, replay=True, say=lambda text: None)
                differences = compare_behaviour(observation.exercised, answered)
                if answered.exit_code is None and _healthcheck(self.config) and run.await_health() != "healthy":
                    differences += (Difference("HEALTHCHECK", "verdict", "healthy", "unhealthy"),)
            except (AppFailed, ExerciseFailed) as error:
                return (Difference("the slim image", "run", "good", error.message),)
            return differences

    # ------------------------------------------------------------------ the end

    def conclude(
        self,
        own: OwnTree,
        kept: KeepSet,
        candidate: Candidate,
        observation: Observation,
        differences: tuple[Difference, ...],
    ) -> BuildResult:
        """Write the artefacts, then give the image its name: in that order, so that a name never lacks its report."""
        report = build_report(
            Built(
                target=self.request.target,
                tag="" if differences else self.tag,
                original=self.config,
                slim=images.inspect(self.engine, candidate.image_id),
                original_paths=len(own.tree),
                kept_paths=len(kept),
                policy=self.request.policy,
                selection=self.request.selection,
                builder=candidate.builder,
                log=observation.log,
                exercised=observation.exercised,
                verified=self.request.verify and not differences,
                differences=differences,
                stages=tuple(self.times),
            )
        )
        self.write(own, kept, candidate, observation.log, report)
        if differences:
            raise VerificationFailed(
                f"the slim image is not what the original is:\n{difference_lines(differences)}",
                hint=f"It was not tagged. {self.folder.path}/report.json has all differences.",
            )
        images.tag(self.engine, candidate.image_id, self.tag)
        return BuildResult(self.tag, report)

    def write(self, own: OwnTree, kept: KeepSet, candidate: Candidate, log: AccessLog, report: dict[str, Any]) -> None:
        """The artefacts beside Dockerfile and rootfs.tar."""
        with self.folder.writing_text("access.json") as file:
            write_log(log, file)
        with self.folder.writing_text("manifest.jsonl") as file:
            write_manifest(manifest(own.tree, kept, candidate.rootfs.digests, own.mtime), file)
        with self.folder.writing("tree.json.zst") as archive:
            write_tree(own.tree, self.config.image_id, archive)
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


def _exposed(config: ImageConfig) -> tuple[int, ...]:
    ports = (entry.partition("/") for entry in config.exposed_ports)
    return tuple(sorted(int(port) for port, _, protocol in ports if protocol in ("", "tcp") and port.isdigit()))


def _healthcheck(config: ImageConfig) -> tuple[str, ...]:
    """HEALTHCHECK as a command to run in the container; () for none."""
    check = config.healthcheck
    if check is None or check.disabled:
        return ()
    if check.test[0] == "CMD-SHELL":
        return (*(config.shell or ("/bin/sh", "-c")), *check.test[1:])
    return check.test[1:]


def _home(identity: str) -> str:
    """The user's HOME out of an identity's words; "" for none."""
    value = next((word[5:] for word in identity.split(" ") if word.startswith("home=")), "")
    return os.fsdecode(unquote_to_bytes(value))


def _lasting_ports(observation: Observation, config: ImageConfig) -> tuple[int, ...]:
    """Ports on which the slim image must listen, too: those that answered, or are exposed, or are no kernel's choice."""
    listened = dict.fromkeys(listener.port for listener in observation.log.listeners)
    named = {*observation.exercised.http_ports, *_exposed(config)}
    return tuple(port for port in listened if port in named or port < FIRST_EPHEMERAL_PORT)
