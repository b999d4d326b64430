"""The runs of an image: asking who the app would be, the app under the probe, the app by itself; and watching one of the user's.

Each has volumes of its own, filled from the user's, so that one run's state does not change the next.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from slimmer.engine import description, running
from slimmer.engine.containers import Container
from slimmer.engine.options import RunOptions
from slimmer.engine.relay import Ports, RelayHost
from slimmer.engine.running import UserContainer
from slimmer.engine.session import RunScope
from slimmer.errors import EngineError
from slimmer.image.config import ImageConfig
from slimmer.observe.attached import AttachedRun
from slimmer.observe.identity import IDENTITY_LIMIT, checked_identity
from slimmer.observe.records import RecordReader
from slimmer.observe.watched import WatchedRun
from slimmer.verify.native import NativeRun

ASK_TIMEOUT = 60.0


def ask_identity(scope: RunScope, config: ImageConfig, options: RunOptions, probe: Path, purpose: str = "ask") -> str:
    """Who the app would be without slimmer: the probe's line (docs/probe-protocol.md, "Identity").

    Raises AppFailed when the engine cannot start it (an unknown USER, say), EngineError when the probe says nothing,
    ObservationIncomplete when it is not our probe that speaks.
    """
    binds = tuple(entry for entry in options.volumes if description.is_bind(description.split_volume(entry)[0]))
    options = dataclasses.replace(options, volumes=binds)
    mount = scope.lender.lend(probe, config)
    container = scope.create(description.asking(options, config.image_id, mount), purpose)
    stream = container.attach()
    try:
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
def watched_run(
    scope: RunScope,
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
    with ports, WatchedRun(container, mount, identity, recorder, ports.endpoint, reader) as run:
        yield run, ports
    relays.close()
    scope.remove(container)


@contextmanager
def native_run(
    scope: RunScope,
    config: ImageConfig,
    options: RunOptions,
    image: str,
    ports: tuple[int, ...],
    relay_probe: Path | None,
    purpose: str,
) -> Iterator[NativeRun]:
    """An image's app as a user would run it, started; removed at the end.

    `ports` are those on which the original listened. `relay_probe` is the probe, where they can only be reached through
    a neighbour that relays.
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
def attached_run(scope: RunScope, container: UserContainer, probe: Path, purpose: str) -> Iterator[AttachedRun]:
    """A container of the user's, watched from beside. Raises UnsupportedEngine, or ObservationIncomplete if it just ended."""
    mount = scope.lender.own(probe)
    watcher = scope.create(description.attached(scope.lender.image(probe), mount, container.pid), purpose)
    with AttachedRun(watcher, mount, lambda: running.check_runs_on(scope.engine, container)) as run:
        yield run
    scope.remove(watcher)


class Relays:
    """What relays to a container: another one with the probe alone, in the first one's network, made when it is needed.

    The app has no part in that container's files, so the program that is started there is the probe.
    """

    def __init__(self, scope: RunScope, probe: Path, container: Container, network: str) -> None:
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
        wanted = description.neighbour(lender.image(self._probe), mount, self._container.id, self._network)
        neighbour = self._scope.create(wanted, f"{self._container.name.rpartition('-')[2]}-neighbour")
        neighbour.start(collect_output=False)
        return RelayHost(neighbour, mount.program)
