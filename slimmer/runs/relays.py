"""The container through which another one is reached: it holds only the probe, and is made when it is needed."""

from __future__ import annotations

import threading
from pathlib import Path

from slimmer.engine import description
from slimmer.engine.containers import Container
from slimmer.engine.description import Description
from slimmer.engine.relay import RelayHost
from slimmer.engine.resources import EngineResources
from slimmer.probe_mount import ProbeMount


def start_beside(scope: EngineResources, container: Container, wanted: Description, purpose: str) -> Container:
    """Start another container that serves the first one. Its name is made from that of the first."""
    made = scope.create(wanted, scope.purpose_beside(container, purpose))
    made.start(collect_output=False)
    return made


class Relays:
    """Relays to a container through another one, which has only the probe and is in the same network. It is made when it is needed.

    The app cannot change the files of that container, so the program that runs there is certainly the probe.
    """

    purpose = "sidecar"

    def __init__(self, scope: EngineResources, probe: Path, container: Container, network: str) -> None:
        """`network` is the network of the container, as the user gave it."""
        self._scope, self._probe, self._container, self._network = scope, probe, container, network
        self._lock = threading.Lock()
        self._made: RelayHost | None = None

    def relay(self) -> RelayHost:
        """Return the running container to relay through."""
        with self._lock:
            self._made = self._made or self._make()
            return self._made

    def close(self) -> None:
        """Remove the container, if there is one."""
        with self._lock:
            if self._made is not None:
                self._scope.remove(self._made.container)

    def _make(self) -> RelayHost:
        lender = self._scope.lender
        mount = lender.own(self._probe)
        wanted = self._wanted(lender.image(self._probe), mount)
        return RelayHost(start_beside(self._scope, self._container, wanted, self.purpose), mount.program)

    def _wanted(self, image: str, mount: ProbeMount) -> Description:
        return description.sidecar(image, mount, self._container.id, self._network)


class SocketRelays(Relays):
    """Relays to a container's Unix sockets, through another container that shares its processes, too."""

    purpose = "sockets"

    def _wanted(self, image: str, mount: ProbeMount) -> Description:
        return description.socket_sidecar(image, mount, self._container.id, self._network)
