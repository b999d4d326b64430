"""The runs of an image: asking who the app would be, the app under the probe, the app by itself; and watching one of the user's.

Each has volumes of its own, filled from the user's, so that one run's state does not change the next.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from docker.errors import APIError

from slimmer.engine import description, running
from slimmer.engine.containers import Container, is_full
from slimmer.engine.description import Description
from slimmer.engine.options import RunOptions
from slimmer.engine.relay import Ports, RelayHost
from slimmer.engine.resources import EngineResources
from slimmer.engine.running import UserContainer
from slimmer.errors import AppFailed, EngineError
from slimmer.image.config import ImageConfig
from slimmer.observe.identity import IDENTITY_LIMIT, checked_identity
from slimmer.observe.records import RecordReader
from slimmer.runs.attached import AttachedRun
from slimmer.runs.native import NativeRun
from slimmer.runs.watched import WatchedRun

ASK_TIMEOUT = 60.0
RELEASE_TIMEOUT = 10.0
REFUSED = "`docker run` with the same options must work first: check the image's USER, WORKDIR and VOLUMEs, and your own options."


def ask_identity(
    scope: EngineResources, config: ImageConfig, options: RunOptions, probe: Path, purpose: str = "ask"
) -> str:
    """Who the app would be without slimmer: the probe's line (docs/probe-protocol.md, "Identity").

    Raises AppFailed when the engine cannot start it (an unknown USER, say), EngineError when the probe says nothing,
    ObservationIncomplete when it is not our probe that speaks.
    """
    binds = tuple(entry for entry in options.volumes if description.is_bind(description.split_volume(entry)[0]))
    options = dataclasses.replace(options, volumes=binds)
    mount = scope.lender.lend(probe, config)
    with _as_docker_run():
        container = scope.create(description.asking(options, config.image_id, mount), purpose)
    stream = container.attach()
    try:
        with _as_docker_run():
            container.start(collect_output=False)
        stream.set_timeout(ASK_TIMEOUT)
        said = b""
        while len(said) < IDENTITY_LIMIT and (data := stream.recv()):
            said += data
    except TimeoutError as error:
        raise EngineError("the probe did not say in time who the app's user is") from error
    finally:
        stream.close()
    if container.wait(ASK_TIMEOUT) != 0 or not said:
        raise EngineError(f"the probe could not say who the app's user is: {stream.stderr.strip()}")
    scope.remove(container)
    return checked_identity(said, mount.nonce)


@contextmanager
def _as_docker_run() -> Iterator[None]:
    """What the engine refuses here it refuses `docker run`, too: the container has the image's configuration and the
    user's options, and nothing else. A VOLUME over a file, a WORKDIR that is one, a USER beyond 2,147,483,647.
    """
    try:
        yield
    except EngineError as error:
        if not isinstance(error.__cause__, APIError) or is_full(error.message):
            raise
        words = error.__cause__.explanation or error.__cause__
        raise AppFailed(f"the engine cannot run the image: {words}", hint=REFUSED) from error


@contextmanager
def watched_run(
    scope: EngineResources,
    config: ImageConfig,
    options: RunOptions,
    probe: Path,
    identity: str,
    recorder: str,
    purpose: str,
    *,
    image: str = "",
    reader: RecordReader | None = None,
) -> Iterator[tuple[WatchedRun, Ports]]:
    """The app under the probe, started and taken over; removed at the end.

    `image` is another than the configuration's own: a slim one, whose configuration is the same. `reader` as WatchedRun's.
    """
    own = scope.own_volumes(options, purpose)
    mount = scope.lender.lend(probe, config, image, init=options.init)
    wanted = description.observed(config, own, image or config.image_id, mount, identity, recorder)
    container = scope.create(wanted, purpose)
    relays = Relays(scope, probe, container, options.network)
    ports = Ports(container, local=scope.engine.local, network=options.network, relays=relays)
    release = partial(release_supervisor, scope, probe, container, options.pid_mode)
    with ports, WatchedRun(container, mount, identity, recorder, ports.endpoint, reader, release) as run:
        yield run, ports
    relays.close()
    scope.remove(container)


def release_supervisor(scope: EngineResources, probe: Path, container: Container, pid_mode: str) -> None:
    """End a supervisor that was stopped, from another container: in its own one, the app decides what a name leads to."""
    lender = scope.lender
    wanted = description.releasing(lender.image(probe), lender.own(probe), container.id, pid_mode)
    releasing = _beside(scope, container, wanted, "release")
    releasing.wait(RELEASE_TIMEOUT)
    scope.remove(releasing)


@contextmanager
def native_run(
    scope: EngineResources,
    config: ImageConfig,
    options: RunOptions,
    image: str,
    ports: tuple[int, ...],
    relay_probe: Path | None,
    purpose: str,
) -> Iterator[NativeRun]:
    """An image's app as a user would run it, started; removed at the end.

    `ports` are those on which the original listened. `relay_probe` is the probe, where they can only be reached through
    a sidecar that relays.
    """
    own = scope.own_volumes(options, purpose)
    container = scope.create(description.native(config, own, image), purpose)
    container.start()
    relays = Relays(scope, relay_probe, container, options.network) if relay_probe else None
    with Ports(container, local=scope.engine.local, network=options.network, relays=relays) as reachable:
        yield NativeRun(container, ports, reachable.endpoint, reachable.accepts)
    if relays is not None:
        relays.close()
    scope.remove(container)


@contextmanager
def attached_run(scope: EngineResources, container: UserContainer, probe: Path, purpose: str) -> Iterator[AttachedRun]:
    """A container of the user's, watched from beside. Raises UnsupportedEngine, or ObservationIncomplete if it just ended."""
    mount = scope.lender.own(probe)
    watcher = scope.create(description.attached(scope.lender.image(probe), mount, container.pid), purpose)
    with AttachedRun(watcher, mount, lambda: running.check_runs_on(scope.engine, container)) as run:
        yield run
    scope.remove(watcher)


def _beside(scope: EngineResources, container: Container, wanted: Description, purpose: str) -> Container:
    """Another container, started, that serves the first one and bears its name."""
    made = scope.create(wanted, f"{container.name.rpartition('-')[2]}-{purpose}")
    made.start(collect_output=False)
    return made


class Relays:
    """What relays to a container: another one with the probe alone, in the first one's network, made when it is needed.

    The app has no part in that container's files, so the program that is started there is the probe.
    """

    def __init__(self, scope: EngineResources, probe: Path, container: Container, network: str) -> None:
        """`network` is the container's own, as the user gave it."""
        self._scope, self._probe, self._container, self._network = scope, probe, container, network
        self._lock = threading.Lock()
        self._made: RelayHost | None = None

    def relay(self) -> RelayHost:
        """The container to relay through, started."""
        with self._lock:
            self._made = self._made or self._make()
            return self._made

    def close(self) -> None:
        """Remove it, if there is one."""
        with self._lock:
            if self._made is not None:
                self._scope.remove(self._made.container)

    def _make(self) -> RelayHost:
        lender = self._scope.lender
        mount = lender.own(self._probe)
        wanted = description.sidecar(lender.image(self._probe), mount, self._container.id, self._network)
        return RelayHost(_beside(self._scope, self._container, wanted, "sidecar"), mount.program)
