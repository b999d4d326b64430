"""The site of a build: one image on one engine, what is opened for it, and the stages that work there.

A site is opened once; its stages take and return values, and may run at the same time. In which order, is the pipeline's.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from slimmer.engine import builds, description, images
from slimmer.engine.connection import Engine, connect
from slimmer.engine.options import RunOptions
from slimmer.engine.relay import Ports
from slimmer.engine.resources import EngineResources
from slimmer.errors import AppFailed, ExerciseFailed, ObservationIncomplete
from slimmer.exercise.drive import exercise
from slimmer.exercise.expectations import replay_expectations
from slimmer.exercise.mode import WORKER_PATIENCE
from slimmer.exercise.plan import ExercisePlan, Until
from slimmer.exercise.ports import FIRST_EPHEMERAL_PORT, lasting_ports
from slimmer.exercise.profile import AppProfile
from slimmer.exercise.result import ExerciseResult
from slimmer.exercise.verdict import failure
from slimmer.exit_codes import KILLED
from slimmer.formatting import SHOWN, human_size, listed
from slimmer.image.config import ImageConfig
from slimmer.image.engine_artifacts import ImageTree, overrides, read_image_tree
from slimmer.image.package_files import PackageFiles
from slimmer.image.tree import Tree
from slimmer.keep.image_view import ImageView, ReadContents
from slimmer.keep.keepset import KeepSet
from slimmer.keep.selection import Selection
from slimmer.observe.identity import home_of
from slimmer.observe.log import AccessLog
from slimmer.observe.pristine import PristineImage, within
from slimmer.observe.records import RecordReader
from slimmer.output_folder import OutputFolder
from slimmer.probe_binary import probe_path
from slimmer.rebuild.image import Builder, choose_builder, make_image
from slimmer.rebuild.rootfs import RootFs, check_size, write_rootfs
from slimmer.runs.image_mount import open_pristine
from slimmer.runs.start import ask_identity, native_run, watched_run
from slimmer.runs.watched import STOP_TIMEOUT, WatchedRun
from slimmer.sandbox.sandbox import Sandbox
from slimmer.verify.check import Side, check_structure
from slimmer.verify.structure import Difference
from slimmer.workers import Workers

WORKERS = 6

LAST_LOOKS = 2.0
"""Seconds for an app to look for something when it is stopped, of which is known that it does not end then."""

LARGE = 1 << 30
"""Bytes of kept files; an engine writes them two or three times (half a minute a gigabyte on a busy machine)."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ScenarioObservation:
    """A watched run: what was accessed, what was answered, who the app was, and whether its ports needed a relay."""

    log: AccessLog
    exercised: ExerciseResult
    identity: str
    relayed: bool

    @property
    def home(self) -> str:
        """The user's HOME; "" for none."""
        return home_of(self.identity)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A slim image that was made but not tagged yet."""

    image_id: str
    rootfs: RootFs
    builder: Builder


@dataclass(frozen=True, slots=True)
class Session:
    """An image and how to run it (`options`, `recorder`), on an engine.

    `purpose` says in a container's name what it is for; `numbers` make these names unique. `sandbox` is where contents of
    the image are read.
    """

    engine: Engine
    scope: EngineResources
    pool: Workers
    opened: ExitStack
    probe: Path
    config: ImageConfig
    options: RunOptions
    recorder: str
    numbers: Iterator[int] = dataclasses.field(default_factory=itertools.count)
    sandbox: Sandbox = dataclasses.field(default_factory=Sandbox)

    def running(self, options: RunOptions) -> Session:
        """The same site, where the image is run otherwise. Raises UsageError when there is nothing to run."""
        description.check(options)
        description.check_command(self.config, options)
        return dataclasses.replace(self, options=options)

    # ------------------------------------------------------------------ the original

    def open_image(self) -> tuple[PristineImage, ImageTree]:
        """The pristine image, open as long as the site is, and its tree."""
        pristine = self.opened.enter_context(
            open_pristine(self.scope, self.config, self.config.image_id, self.probe, self._unique("pristine"))
        )
        return pristine, self._tree(pristine)

    def packages(self, own: ImageTree, pristine: PristineImage) -> PackageFiles:
        """What every package of the image has. A round trip or two, and a walk through the whole tree."""
        packages = self._packages(own, pristine)
        packages.know_all()
        return packages

    def observe(self, plan: ExercisePlan, say: Say, *, shared: bool = False) -> ScenarioObservation:
        """Run the app under the probe while it is exercised, and stop it as `docker stop` would.

        Raises AppFailed, ExerciseFailed or ObservationIncomplete.
        """
        config = self.config
        identity = self.identity()
        own_command = self.options.cmd is None and self.options.entrypoint is None
        profile = AppProfile(exposed(config), healthcheck(config), own_command)
        with self._watched(identity, "observed") as (run, ports):
            exercised = exercise(run, plan, profile=profile, shared=shared, say=say)
            problem = failure(exercised)
            if problem is not None:
                raise problem
            log = run.finish(config.image_id, config.stop_signal, config.stop_timeout)
            if exercised.exit_code is None:
                exercised = dataclasses.replace(exercised, stopped=run.exit_code_at_end())
            return ScenarioObservation(log, exercised, identity, ports.relayed)

    def identity(self) -> str:
        """Who the app is when it is run by itself (docs/probe-protocol.md, "Identity"). Raises AppFailed or EngineError."""
        return ask_identity(self.scope, self.config, self.options, self.probe, self._unique("ask"))

    def exercise_by_itself(
        self, plan: ExercisePlan, log: AccessLog, purpose: str, say: Say, *, shared: bool = False
    ) -> ScenarioObservation:
        """Exercise the original without the probe, for its answers; what it accesses is known from `log`.

        Raises AppFailed or ExerciseFailed.
        """
        lasting = lasting_ports(listener.port for listener in log.listeners)
        ports = tuple(dict.fromkeys((*lasting, *plan.named_ports, *exposed(self.config))))
        if plan.until in (Until.SIGNAL, Until.ENTER):  # which were for watching
            plan = dataclasses.replace(plan, until=Until.SECONDS, seconds=WORKER_PATIENCE)
        relayed = not self.engine.local or self.options.network == "none" or _has_hidden_port(log)
        relay, image = self.probe if relayed else None, self.config.image_id
        with native_run(self.scope, self.config, self.options, image, ports, relay, self._unique(purpose)) as run:
            exercised = exercise(run, plan, profile=AppProfile(expected_ports=ports), shared=shared, say=say)
            problem = failure(exercised)
            if problem is not None:
                raise problem
        return ScenarioObservation(log, exercised, self.identity(), relayed)

    def context(
        self,
        own: ImageTree,
        pristine: PristineImage,
        log: AccessLog,
        home: str,
        selection: Selection,
        known: PackageFiles | None = None,
    ) -> ImageView:
        """What the keep rules look at; `known` is what is known of the image's packages already."""
        packages = known or self._packages(own, pristine)
        read, stream = _reader(own.tree, pristine), within(own.tree, pristine.stream)
        return ImageView(own.tree, log, self.config, read, home, selection, packages, self.sandbox, stream)

    # ------------------------------------------------------------------ the slim image

    def choose_builder(self, asked: str, own: ImageTree, kept: KeepSet, *, dated: bool = False) -> Builder:
        """Which builder makes the slim image, and why. Raises UsageError when the one that was asked for cannot.

        `dated`: SOURCE_DATE_EPOCH gives the image's time of creation.
        """
        workdir = self.config.working_dir
        return choose_builder(
            asked,
            self.config,
            (entry for path in kept if (entry := own.tree.get(path)) is not None),
            self.engine.architecture,
            is_podman=self.engine.is_podman,
            lacks_workdir=bool(workdir) and own.tree.resolve(workdir).end is None,
            dated=dated,
        )

    def pack(
        self,
        own: ImageTree,
        pristine: PristineImage,
        kept: KeepSet,
        folder: OutputFolder,
        say: Say = lambda text: None,
    ) -> RootFs:
        """Pack what stays into the folder. Raises BuildFailed for endless holes."""
        size = check_size((entry for path in kept if (entry := own.tree.get(path)) is not None), self.config.size)
        if size >= LARGE:
            say(f"{human_size(size)} are kept: to pack them, and to make an image of them, takes minutes")
        return write_rootfs(pristine, overrides(list(kept), own), folder)

    def make(self, rootfs: RootFs, builder: Builder, folder: OutputFolder, created: str, purpose: str) -> Candidate:
        """Make the candidate of what was packed into the folder, under a temporary tag."""
        image_id = make_image(
            self.config,
            rootfs,
            builder,
            folder,
            self.scope.temporary_tag(self._unique(purpose)),
            created,
            self._build,
            self._load,
        )
        return Candidate(image_id, rootfs, builder)

    def check_structure(
        self, own: ImageTree, kept: KeepSet, candidate: Candidate, purpose: str
    ) -> tuple[Difference, ...]:
        """Differences in paths, contents and configuration."""
        slim_config = images.inspect(self.engine, candidate.image_id)
        with open_pristine(self.scope, slim_config, candidate.image_id, self.probe, self._unique(purpose)) as slim:
            return check_structure(
                Side(own, self.config),
                Side(self._tree(slim), slim_config),
                list(kept),
                candidate.rootfs.digests,
                slim.hash,
                whole_seconds=candidate.builder.whole_seconds,
            )

    def answer(
        self, image: str, plan: ExercisePlan, observed: ScenarioObservation, purpose: str, *, shared: bool = False
    ) -> tuple[ExerciseResult, str]:
        """Run an image as a user would and repeat the exercise: what it answered, and its health ("none" without one).

        Raises AppFailed and the like when it does not get so far.
        """
        ports = _lasting_ports(observed, self.config)
        relay = self.probe if observed.relayed else None
        with native_run(self.scope, self.config, self.options, image, ports, relay, self._unique(purpose)) as run:
            answered = exercise(run, plan, replay_expectations(observed.exercised), shared=shared)
            has_health = answered.exit_code is None and bool(healthcheck(self.config))
            if shared and not answered.ports:
                has_health = False  # the check is meant for the command that listens
            health = run.await_health() if has_health else "none"
            if answered.exit_code is None and observed.exercised.stopped not in (None, KILLED):
                code = run.stop(self.config.stop_signal or "SIGTERM", self.config.stop_timeout or STOP_TIMEOUT)
                answered = dataclasses.replace(answered, stopped=code)
            return answered, health

    def replay_watched(
        self, image: str, plan: ExercisePlan, observed: ScenarioObservation, purpose: str, *, shared: bool = False
    ) -> AccessLog:
        """Repeat the exercise with an image under the probe, for what it looks for in vain: however far it gets."""
        reader = RecordReader()
        if command := healthcheck(self.config):
            plan = dataclasses.replace(plan, exec_commands=(*plan.exec_commands, command))
        with (
            suppress(AppFailed, ExerciseFailed, ObservationIncomplete),
            self._watched(observed.identity, purpose, image, reader) as (run, _),
        ):
            exercise(run, plan, replay_expectations(observed.exercised), shared=shared)
            ends = observed.exercised.stopped != KILLED
            run.finish(image, self.config.stop_signal, self.config.stop_timeout if ends else LAST_LOOKS)
        return reader.log(image, complete=reader.ended)

    # ------------------------------------------------------------------ helpers

    def _packages(self, own: ImageTree, pristine: PristineImage) -> PackageFiles:
        return PackageFiles(own.tree, pristine.stream, self.sandbox)

    def _watched(
        self, identity: str, purpose: str, image: str = "", reader: RecordReader | None = None
    ) -> AbstractContextManager[tuple[WatchedRun, Ports]]:
        return watched_run(
            self.scope,
            self.config,
            self.options,
            self.probe,
            identity,
            self.recorder,
            self._unique(purpose),
            image=image,
            reader=reader,
        )

    def _build(self, files: list[Path], tag: str) -> str:
        scope = self.scope
        return builds.build(self.engine, files, tag, self.options.platform, scope.lifeline.image, scope.making)

    def _load(self, write: Callable[[IO[bytes]], None], tag: str) -> str:
        return builds.load(self.engine, write, tag, self.scope.making)

    def _unique(self, purpose: str) -> str:
        return f"{purpose}.{next(self.numbers)}"

    def _tree(self, pristine: PristineImage) -> ImageTree:
        return read_image_tree(pristine.index(), pristine.probe_folder, self.config.created, self.config.volumes)


@contextmanager
def open_session(target: str, options: RunOptions, recorder: str = "auto", *, pull: bool = False) -> Iterator[Session]:
    """Connect, find the image and the probe. Whatever the stages make in the engine is removed at the end.

    Raises EngineUnreachable, TargetNotFound, UnsupportedEngine, or UsageError for options that make no sense.
    """
    description.check(options)
    with ExitStack() as stack:
        engine = connect()
        stack.callback(engine.close)
        config = images.resolve(engine, target, platform=options.platform, pull=pull)
        description.check_command(config, options)
        probe = probe_path(engine.architecture)
        # Left in this order: the scope removes the containers, so that what the pool's threads wait for ends, and then
        # nobody uses what they opened.
        opened = stack.enter_context(ExitStack())
        pool = stack.enter_context(Workers(WORKERS))
        scope = stack.enter_context(EngineResources(engine))
        yield Session(engine, scope, pool, opened, probe, config, options, recorder)


def _reader(tree: Tree, pristine: PristineImage) -> ReadContents:
    read = within(tree, pristine.read)
    return lambda paths: read(list(paths))


def cannot_be_kept(own: ImageTree) -> Iterator[str]:
    """What the user should know of names in the image that lead to nothing, in words."""
    if names := own.tree.listed_only:
        yield (
            "the image lists names that nobody can look up (whiteouts in its lowest layer, for example), and the slim image "
            f"does not have them: {listed(names, SHOWN)}"
        )


def exposed(config: ImageConfig) -> tuple[int, ...]:
    """The TCP ports that an image EXPOSEs."""
    ports = (entry.partition("/") for entry in config.exposed_ports)
    return tuple(sorted(int(port) for port, _, protocol in ports if protocol in ("", "tcp") and port.isdigit()))


def healthcheck(config: ImageConfig) -> tuple[str, ...]:
    """HEALTHCHECK as a command to run in the container; () for none."""
    check = config.healthcheck
    if check is None or check.disabled:
        return ()
    if check.test[0] == "CMD-SHELL":
        return (*(config.shell or ("/bin/sh", "-c")), *check.test[1:])
    return check.test[1:]


def _has_hidden_port(log: AccessLog) -> bool:
    """Whether a port was listened to on the loopback alone, where only a relay reaches it."""
    addresses: dict[int, set[bool]] = {}
    for listener in log.listeners:
        loopback = listener.address == "::1" or listener.address.startswith("127.")
        addresses.setdefault(listener.port, set()).add(loopback)
    return any(False not in kinds for kinds in addresses.values())


def _lasting_ports(observed: ScenarioObservation, config: ImageConfig) -> tuple[int, ...]:
    """Ports on which the slim image must listen, too: those that answered, or are exposed, or are no kernel's choice."""
    seen = (listener.port for listener in observed.log.listeners)  # by whoever made the log: it may be a test run's
    listened = dict.fromkeys(
        (*observed.exercised.ports, *seen)
    )  # what was asked first: there may be too many to try them all
    named = {*observed.exercised.http_ports, *exposed(config)}
    return tuple(port for port in listened if port in named or port < FIRST_EPHEMERAL_PORT)
