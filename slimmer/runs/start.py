"""Start runs: ask for the app's identity, run the app under the probe or by itself, and watch a container of the user's.

Each run of an image has its own copies of the user's volumes, so that it does not change the state of the next run.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from docker.errors import APIError

from slimmer.engine import description, running
from slimmer.engine.containers import Container, is_full, is_own_fault
from slimmer.engine.options import RunOptions
from slimmer.engine.relay import BoundPorts, Ports
from slimmer.engine.resources import EngineResources
from slimmer.engine.running import UserContainer
from slimmer.engine.unix_sockets import UnixSockets
from slimmer.errors import AppFailed, EngineError
from slimmer.image.config import ImageConfig
from slimmer.observe.identity import IDENTITY_LIMIT, checked_identity, checked_results
from slimmer.observe.records import RecordReader
from slimmer.runs.attached import AttachedRun
from slimmer.runs.beside import NO_IMAGES, Beside, Images
from slimmer.runs.native import NativeRun
from slimmer.runs.relays import Relays, SocketRelays, start_beside
from slimmer.runs.watched import WatchedRun

ASK_TIMEOUT = 60.0
RELEASE_TIMEOUT = 10.0
REFUSED = "`docker run` with the same options must work first. Check the image's USER, WORKDIR and VOLUMEs, and your own options."


def ask_identity(
    scope: EngineResources, config: ImageConfig, options: RunOptions, probe: Path, purpose: str = "ask"
) -> str:
    """Return the identity that the app would have without slimmer: the probe's line (docs/probe-protocol.md, "Identity").

    Raises AppFailed if the engine cannot start the container (for example, an unknown USER), EngineError if the probe does not answer,
    ObservationIncomplete if something other than slimmer's probe answers.
    """
    mount = scope.lender.lend(probe, config)
    said = _said(scope, description.asking(_without_copies(options), config.image_id, mount), purpose, "the app's user")
    return checked_identity(said, mount.nonce)


def try_calls(
    scope: EngineResources, config: ImageConfig, options: RunOptions, probe: Path, image: str, purpose: str
) -> dict[int, int]:
    """Let the probe make harmless system calls as the app of an image with the same configuration. Return the error of each, by number; 0 is none.

    Raises AppFailed, EngineError or ObservationIncomplete, as ask_identity does.
    """
    mount = scope.lender.lend(probe, config, image)
    said = _said(scope, description.trying(_without_copies(options), image, mount), purpose, "system calls")
    return checked_results(said, mount.nonce)


def _without_copies(options: RunOptions) -> RunOptions:
    """Return the options without the volumes that the engine would have to make."""
    binds = tuple(entry for entry in options.volumes if description.is_bind(description.split_volume(entry)[0]))
    return dataclasses.replace(options, volumes=binds)


def _said(scope: EngineResources, wanted: description.Description, purpose: str, about: str) -> bytes:
    """Run the probe in place of an app, and return the line that it says. Raise AppFailed or EngineError."""
    with as_docker_run():
        container = scope.create(wanted, purpose)
    stream = container.attach()
    try:
        with as_docker_run():
            container.start(collect_output=False)
        stream.set_timeout(ASK_TIMEOUT)
        said = b""
        while len(said) < IDENTITY_LIMIT and (data := stream.recv()):
            said += data
    except TimeoutError as error:
        raise EngineError(f"the probe did not report {about} in time") from error
    finally:
        stream.close()
    if container.wait(ASK_TIMEOUT) != 0 or not said:
        raise EngineError(f"the probe could not report {about}: {stream.stderr.strip()}")
    scope.remove_soon(container)
    return said


@contextmanager
def as_docker_run() -> Iterator[None]:
    """Raise AppFailed if the engine refuses the container, because it would refuse `docker run`, too; not if the engine is broken.

    The container has only the image's configuration and the user's options. Examples are a VOLUME or a WORKDIR at the path of a file,
    and a USER above 2,147,483,647.
    """
    try:
        yield
    except EngineError as error:
        if not isinstance(error.__cause__, APIError) or is_full(error.message) or is_own_fault(error.message):
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
    images: Images = NO_IMAGES,
) -> Iterator[tuple[WatchedRun, Ports]]:
    """Start the app under the probe, and yield the run and its ports. The container is removed afterwards.

    `image` is another image with the same configuration: the slim one. `reader` is that of WatchedRun. `images` are those that the
    exercise runs beside the app.
    """
    own = scope.own_volumes(options, purpose)
    mount = scope.lender.lend(probe, config, image, init=options.init)
    wanted = description.observed(config, own, image or config.image_id, mount, identity, recorder)
    container = scope.create(wanted, purpose)
    relays = Relays(scope, probe, container, options.network)
    ports = Ports(container, local=scope.engine.local, network=options.network, relays=relays)
    release = partial(release_supervisor, scope, probe, container, options.pid_mode)
    beside = Beside(scope, container, options, ports, images)
    ways = ports.endpoint, ports.accepts, ports.datagram_endpoint
    with (
        ports,
        _sockets(scope, container, options, probe, identity) as sockets,
        WatchedRun(container, mount, identity, recorder, *ways, reader, release, beside=beside, sockets=sockets) as run,
    ):
        yield run, ports
    relays.close()
    if container.has_ended:
        scope.remove_soon(container)
    else:
        scope.remove(container)


def release_supervisor(scope: EngineResources, probe: Path, container: Container, pid_mode: str) -> None:
    """End a stopped supervisor, from another container. In its own container, the app decides what a path leads to."""
    lender = scope.lender
    wanted = description.releasing(lender.image(probe), lender.own(probe), container.id, pid_mode)
    releasing = start_beside(scope, container, wanted, "release")
    releasing.wait(RELEASE_TIMEOUT)
    scope.remove_soon(releasing)


@contextmanager
def native_run(
    scope: EngineResources,
    config: ImageConfig,
    options: RunOptions,
    image: str,
    ports: tuple[int, ...],
    relay_probe: Path | None,
    purpose: str,
    udp_probe: Path | None = None,
    images: Images = NO_IMAGES,
    socket_probe: Path | None = None,
    identity: str = "",
) -> Iterator[NativeRun]:
    """Start an image's app as a user would run it. The container is removed at the end.

    `ports` are the ports that the original listened on. `relay_probe` is the probe, if they can only be reached through a relay in a
    sidecar. `udp_probe` is the probe if UDP ports matter: only a look from within the container's network shows them. `images` are
    those that the exercise runs beside the app. `socket_probe` is the probe if Unix sockets may be exercised; `identity` is the app's then.
    """
    own = scope.own_volumes(options, purpose)
    container = scope.create(description.native(config, own, image), purpose)
    container.start()
    probe = relay_probe or udp_probe
    sidecar = Relays(scope, probe, container, options.network) if probe else None  # one for both purposes
    relays = sidecar if relay_probe else None
    with Ports(container, local=scope.engine.local, network=options.network, relays=relays) as reachable:
        bound = BoundPorts(sidecar).ports if sidecar and udp_probe else tuple
        beside = Beside(scope, container, options, reachable, images)
        ways = reachable.endpoint, reachable.accepts, bound, reachable.datagram_endpoint
        with _sockets(scope, container, options, socket_probe, identity) as sockets:
            yield NativeRun(container, ports, *ways, beside, sockets)
    if sidecar is not None:
        sidecar.close()
    scope.remove(container)


@contextmanager
def _sockets(
    scope: EngineResources, container: Container, options: RunOptions, probe: Path | None, identity: str
) -> Iterator[UnixSockets | None]:
    """Yield the Unix sockets of a container. What relays to them is made when it is needed, and removed at the end."""
    if probe is None or options.pid_mode:  # the app would not be the first process there
        yield None
        return
    relays = SocketRelays(scope, probe, container, options.network)
    with UnixSockets(relays, identity) as sockets:
        yield sockets
    relays.close()


@contextmanager
def attached_run(scope: EngineResources, container: UserContainer, probe: Path, purpose: str) -> Iterator[AttachedRun]:
    """Watch a container of the user's from another one. Raise UnsupportedEngine, or ObservationIncomplete if it just ended."""
    mount = scope.lender.own(probe)
    watcher = scope.create(description.attached(scope.lender.image(probe), mount, container.pid), purpose)
    with AttachedRun(watcher, mount, lambda: running.check_runs_on(scope.engine, container)) as run:
        yield run
    scope.remove(watcher)
