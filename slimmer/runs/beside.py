"""Run other images in the network of an app's container, to exercise the app (--exercise-image, --compose-exercise)."""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType

from slimmer.engine import description
from slimmer.engine.containers import Container
from slimmer.engine.options import RunOptions
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
    """Makes containers beside one app's container. They get nothing of the app's but the network: they are not watched, and have no added rights."""

    def __init__(
        self, scope: EngineResources, container: Container, options: RunOptions, ports: Ports, images: Images
    ) -> None:
        """`options` are those of the app's container, `ports` are its ports."""
        self._scope, self._container, self._network = scope, container, options.network
        self._service = options.exerciser
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
        purpose = self._scope.purpose_beside(self._container, f"exercise.{next(self._numbers)}")
        try:
            container = self._scope.create(self._describe(image, command, variables, network, purpose), purpose)
            container.start()
        except (AppFailed, UsageError) as error:
            return CANNOT_RUN, error.message
        code = _wait(container, time.monotonic() + timeout, abandon)
        output = container.last_log_lines()
        self._scope.remove(container)
        return (TIMED_OUT if code is None else code), output

    def _describe(
        self, image: str, command: tuple[str, ...], variables: list[str], network: str, purpose: str
    ) -> description.Description:
        """Describe a container of an image: with all that a compose file says, if it is a service, and otherwise with nothing more."""
        config, service = self._images[image], self._service
        if service is None or service.options is None or (service.image, service.command) != (image, command):
            return description.plain(config.image_id, command, variables, network)
        own = dataclasses.replace(service, options=self._scope.own_volumes(service.options, purpose))
        return description.beside(own, config, variables, network)

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
