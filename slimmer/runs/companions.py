"""Start the companions of an app (--with): containers that it needs, in a network of their own that one run of the app joins.

Each run has fresh ones, so that the original and the slim image see the same state.
"""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from slimmer.engine import description
from slimmer.engine.containers import Container
from slimmer.engine.options import Companion, RunOptions
from slimmer.engine.relay import Ports
from slimmer.engine.resources import EngineResources
from slimmer.errors import AppFailed, CompanionFailed, EngineError, ExerciseFailed, UsageError
from slimmer.exercise.ports import MOST_TRIED, SIDE_BY_SIDE
from slimmer.image.config import Healthcheck, ImageConfig
from slimmer.runs.beside import Images
from slimmer.runs.relays import Relays
from slimmer.tasks import side_by_side

logger = logging.getLogger(__name__)

POLL = 0.1
SETTLING = 3.0
"""Seconds after which a companion counts as ready if only some of its EXPOSEd ports accept connections. Images often EXPOSE ports that
their default configuration does not use."""

END_PATIENCE = 0.5
"""Seconds to wait for the engine's report that a companion has ended, when something else has failed."""


@contextmanager
def with_companions(
    scope: EngineResources, options: RunOptions, images: Images, probe: Path, purpose: str
) -> Iterator[RunOptions]:
    """Start the companions of a run, one after the other, and yield the options for the app, with their network.

    Without companions, a network is made only for an app that has aliases, and none if the user names one. `probe` is the probe, to look for open ports in networks that slimmer cannot reach. Raises
    CompanionFailed if one does not get ready, or has failed when the run ends. If the run fails, they stay until slimmer's run ends.
    """
    if not options.companions and (options.network or not options.aliases):
        yield dataclasses.replace(options, aliases=()) if options.aliases else options
        return
    network = scope.network(f"{purpose}-network")
    started = [_start(scope, each, images, probe, network, purpose) for each in options.companions]
    try:
        yield dataclasses.replace(options, network=network)
    except (AppFailed, ExerciseFailed) as error:
        _check_failed(started, END_PATIENCE, error)
        raise
    _check_failed(started)
    for one in started:
        scope.remove(one.container)
    scope.remove_network(network)


@dataclass(frozen=True, slots=True)
class _Started:
    """A companion and its container."""

    wanted: Companion
    config: ImageConfig
    container: Container

    def failed(self, what: str) -> CompanionFailed:
        """Return an error with its last output."""
        said = self.container.last_log_lines().rstrip()
        last = f"; its last lines:\n{said}" if said.strip() else "; it wrote nothing"
        return CompanionFailed(f"the companion {self.wanted.name} ({self.wanted.image}) {what}{last}")


def _start(
    scope: EngineResources, wanted: Companion, images: Images, probe: Path, network: str, purpose: str
) -> _Started:
    """Start a companion, and wait until it is ready."""
    config, purpose = _with_healthcheck(images[wanted.image], wanted.healthcheck), f"{purpose}-with.{wanted.name}"
    try:
        if wanted.options is not None:
            wanted = dataclasses.replace(wanted, options=scope.own_volumes(wanted.options, purpose))
        container = scope.create(description.companion(wanted, config, network), purpose)
        container.start()
    except (AppFailed, UsageError) as error:
        raise CompanionFailed(f"the companion {wanted.name} ({wanted.image}): {error.message}") from error
    started = _Started(wanted, config, container)
    if wanted.completes:
        _await_completed(started)
        return started
    relays = Relays(scope, probe, container, network)
    with Ports(container, local=scope.engine.local, network=network, relays=relays) as ports:
        _await_ready(started, ports)
    relays.close()
    return started


def _with_healthcheck(config: ImageConfig, own: Healthcheck | None) -> ImageConfig:
    """Return the configuration with the HEALTHCHECK of a service. One without a test has the image's."""
    if own is None:
        return config
    test = own.test or (config.healthcheck.test if config.healthcheck else ())
    return dataclasses.replace(config, healthcheck=dataclasses.replace(own, test=test))


def _await_completed(started: _Started) -> None:
    """Wait until a companion has done its work, and exited with code 0."""
    code = started.container.wait(started.wanted.ready_timeout)
    if code is None:
        raise started.failed(f"did not end within {started.wanted.ready_timeout:g} s")
    if code:
        raise started.failed(f"exited with code {code}")


def _await_ready(started: _Started, ports: Ports) -> None:
    """Wait until the HEALTHCHECK passes, or the EXPOSEd TCP ports accept connections. A companion without both is ready at once."""
    begun = time.monotonic()
    check = _Healthy(started) if _has_healthcheck(started.config) else _Open(started.config, ports)
    while not _is_ready(started, check):
        if (code := started.container.wait(POLL)) is not None:
            raise started.failed(f"exited with code {code} before it was ready")
        if time.monotonic() - begun > started.wanted.ready_timeout:
            raise started.failed(f"was not ready within {started.wanted.ready_timeout:g} s: {check.state}")
    logger.info("companion %s is ready after %.2f s", started.wanted.name, time.monotonic() - begun)


def _is_ready(started: _Started, check: _Healthy | _Open) -> bool:
    """Return False also if the engine cannot look, because the companion has ended."""
    try:
        return check.ready()
    except (AppFailed, EngineError):  # it has no network that the probe can join
        if started.container.wait(END_PATIENCE) is None:
            raise
        return False


def _has_healthcheck(config: ImageConfig) -> bool:
    return config.healthcheck is not None and not config.healthcheck.disabled


class _Healthy:
    """Readiness by HEALTHCHECK. "unhealthy" is not final, because the check runs very often here."""

    def __init__(self, started: _Started) -> None:
        self._container = started.container
        self.state = ""

    def ready(self) -> bool:
        health = self._container.health()
        self.state = f"its HEALTHCHECK reports {health}"
        return health == "healthy"


class _Open:
    """Readiness by ports."""

    def __init__(self, config: ImageConfig, ports: Ports) -> None:
        self._wanted = [port for port in config.ports() if 0 < port < 1 << 16][:MOST_TRIED]
        self._ports = ports
        self._open: set[int] = set()
        self._changed = time.monotonic()

    @property
    def state(self) -> str:
        return f"of the ports that it EXPOSEs ({', '.join(map(str, self._wanted))}), none accepts connections"

    def ready(self) -> bool:
        waiting = [port for port in self._wanted if port not in self._open]
        accept = side_by_side(self._ports.accepts_beside, waiting, SIDE_BY_SIDE)
        if new := {port for port, does in zip(waiting, accept, strict=True) if does}:
            self._open |= new
            self._changed = time.monotonic()
        settled = time.monotonic() - self._changed > SETTLING
        return len(self._open) == len(self._wanted) or bool(self._open and settled)


def _check_failed(started: Sequence[_Started], patience: float = 0.0, cause: Exception | None = None) -> None:
    """Raise CompanionFailed if one has ended with another code than 0. Then the app is not to blame."""
    for one in started:
        if code := one.container.wait(patience):
            raise one.failed(f"ended with code {code} while the app ran") from cause
