"""Run other images in the network of an app's container, to exercise the app (--exercise-image)."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType

from slimmer.engine import description
from slimmer.engine.containers import Container
from slimmer.engine.relay import Ports, is_loopback
from slimmer.engine.resources import EngineResources
from slimmer.errors import AppFailed, UsageError
from slimmer.exit_codes import TIMED_OUT
from slimmer.image.config import ImageConfig

TICK = 0.1
CANNOT_RUN = 125
"""The exit code of a container that the engine cannot run, as with `docker run`."""

Images = Mapping[str, ImageConfig]
"""The images that a run needs beside its target, by the name that the user gave."""

NO_IMAGES: Images = MappingProxyType({})


class Beside:
    """Makes containers beside one app's container. They get nothing but the network: they are not watched, and have no added rights."""

    def __init__(
        self, scope: EngineResources, container: Container, network: str, ports: Ports, images: Images
    ) -> None:
        """`network` is the network of the app's container, `ports` are its ports."""
        self._scope, self._container, self._network = scope, container, network
        self._ports, self._images = ports, images
        self._numbers = itertools.count(1)

    def host(self, port: int) -> str:
        """Return the host at which `run` reaches this port of the app."""
        return self._ports.host_beside(port)

    def run(
        self,
        image: str,
        command: tuple[str, ...],
        environment: Mapping[str, str],
        timeout: float,
        abandon: Callable[[], bool],
    ) -> tuple[int, str]:
        """Run an image as Subject.run_beside says. If this fails, the container stays until the end of slimmer's run."""
        variables = [f"{name}={value}" for name, value in environment.items()]
        network = self._network_for(environment["SLIMMER_HOST"])
        wanted = description.plain(self._images[image].image_id, command, variables, network)
        purpose = self._scope.purpose_beside(self._container, f"exercise.{next(self._numbers)}")
        try:
            container = self._scope.create(wanted, purpose)
            container.start()
        except (AppFailed, UsageError) as error:
            return CANNOT_RUN, error.message
        code = _wait(container, time.monotonic() + timeout, abandon)
        output = container.last_log_lines()
        self._scope.remove(container)
        return (TIMED_OUT if code is None else code), output

    def _network_for(self, host: str) -> str:
        """Return the network of a container that reaches the app at this host."""
        if is_loopback(host):
            return description.shared_network(self._container.id, self._network)
        return self._network


def _wait(container: Container, end: float, abandon: Callable[[], bool]) -> int | None:
    """Return the exit code of a container, or None if the time is over or `abandon` returns True first."""
    while (left := end - time.monotonic()) > 0:
        if (code := container.wait(min(left, TICK))) is not None:
            return code
        if abandon():
            break
    return None
