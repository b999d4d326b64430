"""Ports of a container, reachable from here: directly, or through the probe's `relay` mode.

On Linux a container's own address can be reached. Not so with remote engines, on desktops, from within another
container, in networks without addresses, and where the app listens on its loopback only. There a relay listens on
127.0.0.1 here, and carries each connection through an `exec` in the container.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

from slimmer.engine.containers import Container
from slimmer.engine.streams import MultiplexedStream
from slimmer.errors import SlimmerError
from slimmer.exit_codes import TIMED_OUT

CONNECT_TIMEOUT = 1.0
TRIAL_TIMEOUT = 2.0
PIECE = 1 << 16


@dataclass(frozen=True, slots=True)
class RelayHost:
    """A container in the network of another, that holds nothing but the probe: `program` is its path there."""

    container: Container
    program: str


class RelayMaker(Protocol):
    """What makes such a container when it is first needed (slimmer.engine.runs.Relays)."""

    def relay(self) -> RelayHost: ...


class Ports:
    """Endpoints of one container's ports. Close it to end the relays."""

    def __init__(self, container: Container, *, local: bool, network: str, relays: RelayMaker | None) -> None:
        """`relays` makes what to relay through; None where no relay is possible."""
        self._container = container
        self._local = local
        self._host_network = network == "host"
        self._relay_maker = relays
        self._relays: dict[int, Relay] = {}
        self._direct: dict[int, str] = {}

    def __enter__(self) -> Ports:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for relay in self._relays.values():
            relay.close()

    def endpoint(self, port: int) -> tuple[str, int]:
        """A host and port that lead to this port of the container."""
        if port in self._direct:
            return self._direct[port], port
        if port in self._relays:
            return "127.0.0.1", self._relays[port].port
        address = self._address()
        if address and _accepts(address, port):
            self._direct[port] = address
            return address, port
        if self._relay_maker is not None and (inside := self._address_inside(port)):
            self._relays[port] = Relay(self._relay_maker.relay(), inside, port)
            return "127.0.0.1", self._relays[port].port
        return address or "127.0.0.1", port

    @property
    def relayed(self) -> bool:
        """Whether a port could not be reached directly."""
        return bool(self._relays)

    def accepts(self, port: int) -> bool:
        """Whether something listens on this port by now."""
        address = self._address()
        if address and _accepts(address, port):
            return True
        return bool(self._address_inside(port))

    def _address_inside(self, port: int) -> str:
        """The address on which the port accepts within the container's network; "" for none."""
        if self._relay_maker is None:
            return ""
        addresses = dict.fromkeys(("127.0.0.1", "::1", self._container.address()))
        through = self._relay_maker.relay()
        return next((address for address in addresses if address and _accepts_inside(through, address, port)), "")

    def _address(self) -> str:
        if self._host_network:
            return "127.0.0.1" if self._local else ""
        return self._container.address() if self._local else ""


def _accepts(address: str, port: int) -> bool:
    try:
        with socket.create_connection((address, port), timeout=CONNECT_TIMEOUT):
            return True
    except OSError:
        return False


def _accepts_inside(through: RelayHost, address: str, port: int) -> bool:
    """Try a relay without anything to say: it fails when it cannot connect. A service that waits for more accepted."""
    argv = (through.program, "relay", address, str(port))
    code, _ = through.container.exec_run(argv, TRIAL_TIMEOUT, user="0:0")
    return code in (0, TIMED_OUT)


class Relay:
    """A listener here whose connections end at an address and port in the container's network."""

    def __init__(self, through: RelayHost, address: str, target: int) -> None:
        self._container = through.container
        self._argv = (through.program, "relay", address, str(target))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Take no more connections; those that are open end with the container."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError, SlimmerError):
            stream = self._container.exec_stream(self._argv, user="0:0")
            try:
                threading.Thread(target=_pump_out, args=(client, stream), daemon=True).start()
                while data := stream.recv(PIECE):
                    client.sendall(data)
                with contextlib.suppress(OSError):
                    client.shutdown(socket.SHUT_WR)
            finally:
                stream.close()


def _pump_out(client: socket.socket, stream: MultiplexedStream) -> None:
    """From the client into the container, until the client has no more to say."""
    with contextlib.suppress(OSError):
        while data := client.recv(PIECE):
            stream.sendall(data)
        stream.close_write()
