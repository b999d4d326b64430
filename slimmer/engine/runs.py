"""The runs of an image: asking who the app would be, the app under the probe, the app by itself; and watching one of the user's.

Each has volumes of its own, filled from the user's, so that one run's state does not change the next.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from docker.errors import APIError

from slimmer.engine import description, running
from slimmer.engine.containers import Container, is_full
from slimmer.engine.options import RunOptions
from slimmer.engine.relay import Ports
from slimmer.engine.running import UserContainer
from slimmer.engine.session import RunScope
from slimmer.errors import AppFailed, EngineError
from slimmer.image.config import ImageConfig
from slimmer.observe.attached import AttachedRun
from slimmer.observe.records import RecordReader
from slimmer.observe.watched import WatchedRun
from slimmer.verify.native import NativeRun

IDENTITY_LIMIT = 1 << 16
ASK_TIMEOUT = 60.0
REFUSED = "`docker run` with the same options must work first: check the image's USER, WORKDIR and VOLUMEs, and your own options."


def ask_identity(scope: RunScope, config: ImageConfig, options: RunOptions, probe: Path, purpose: str = "ask") -> str:
    """Who the app would be without slimmer: the probe's line (docs/probe-protocol.md, "Identity").

    Raises AppFailed when the engine cannot start it (an unknown USER, say), EngineError when the probe says nothing.
    """
    binds = tuple(entry for entry in options.volumes if description.is_bind(description.split_volume(entry)[0]))
    options = dataclasses.replace(options, volumes=binds)
    asking = description.asking(options, config.image_id, scope.probe_helper(probe))
    with _as_docker_run():
        container = scope.create(asking, purpose)
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
    if container.wait(ASK_TIMEOUT) != 0 or not said.endswith(b"\n"):
        raise EngineError(f"the probe could not say who the app's user is: {stream.stderr.strip()}")
    scope.remove(container)
    return said.decode("ascii").strip()


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
    helper = scope.probe_helper(probe)
    wanted = description.observed(config, own, image or config.image_id, helper, identity, recorder)
    container = scope.create(wanted, purpose)
    ports = Ports(container, local=scope.engine.local, network=options.network, relay_through=container)
    with ports, WatchedRun(container, identity, recorder, ports.endpoint, reader) as run:
        yield run, ports
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
    neighbour = _neighbour(scope, relay_probe, container) if relay_probe else None
    with Ports(container, local=scope.engine.local, network=options.network, relay_through=neighbour) as reachable:
        yield NativeRun(container, ports, reachable.endpoint, reachable.accepts)
    if neighbour is not None:
        scope.remove(neighbour)
    scope.remove(container)


@contextmanager
def attached_run(scope: RunScope, container: UserContainer, probe: Path, purpose: str) -> Iterator[AttachedRun]:
    """A container of the user's, watched from beside. Raises UnsupportedEngine, or ObservationIncomplete if it just ended."""
    wanted = description.attached(scope.probe_image(probe), scope.probe_helper(probe), container.pid)
    watcher = scope.create(wanted, purpose)
    with AttachedRun(watcher, lambda: running.check_runs_on(scope.engine, container)) as run:
        yield run
    scope.remove(watcher)


def _neighbour(scope: RunScope, probe: Path, container: Container) -> Container:
    wanted = description.neighbour(scope.probe_image(probe), scope.probe_helper(probe), container.id)
    neighbour = scope.create(wanted, f"{container.name.rpartition('-')[2]}-neighbour")
    neighbour.start(collect_output=False)
    return neighbour
