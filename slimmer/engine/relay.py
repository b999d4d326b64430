"""Reach the ports of a container from this machine: directly, or through the probe's `relay` mode.

On Linux, a container's address can be reached directly. That fails with remote engines, on desktops, from within another
container, in networks without addresses, and if the app listens only on its loopback. Then a relay listens on 127.0.0.1 on this
machine, and carries each connection through an `exec` in the container.
"""

from __future__ import annotations

import contextlib
import re
import select
import socket
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

from slimmer.engine.containers import Container
from slimmer.engine.streams import MultiplexedStream
from slimmer.errors import EngineError, SlimmerError
from slimmer.exit_codes import TIMED_OUT

CONNECT_TIMEOUT = 1.0
TRIAL_TIMEOUT = 2.0
LOOK_TIMEOUT = 10.0
LOOK_LIMIT = 8 << 20
"""The most bytes to read. 65,535 ports on two addresses take 3 MB."""

BACKLOG = 1024
MOST_AT_ONCE = 256
"""Connections through relays at a time. Each takes two file descriptors on this machine."""

MOST_BEGUN = 16
"""Connections that the engine begins at a time. Each one costs it a few processes."""

MOMENT = 0.01
"""Seconds to wait for a client to close a connection that it opened only to test the port."""

FRESH = 0.2
"""Seconds for which a list of listeners is used again."""

ANY = "0.0.0.0"  # noqa: S104 - it is read, not listened on
LISTENER = re.compile(r"^(\d{1,5}) ([0-9a-f:.]{2,45})$", re.MULTILINE)
BOUND = re.compile(r"^udp (\d{1,5}) ", re.MULTILINE)
PIECE = 1 << 16


@dataclass(frozen=True, slots=True)
class RelayHost:
    """A container in the network of another one. It holds only the probe, whose path there is `program`."""

    container: Container
    program: str


class RelayMaker(Protocol):
    """Makes such a container when it is first needed (slimmer.runs.start.Relays)."""

    def relay(self) -> RelayHost: ...


class Ports:
    """The endpoints of one container's ports. Leaving it as a context manager closes the relays."""

    def __init__(self, container: Container, *, local: bool, network: str, relays: RelayMaker | None) -> None:
        """`relays` makes the container to relay through. It is None if no relay is possible."""
        self._container = container
        self._local = local
        self._host_network = network == "host"
        self._relay_maker = relays
        self._relays: dict[int, Relay] = {}
        self._direct: dict[int, str] = {}
        self._wildcards: dict[int, str] = {}
        self._inside: dict[int, list[str]] = {}
        self._looked = -FRESH
        self._limits = Limits()
        self._looking = threading.Lock()
        self._adding = threading.Lock()

    def __enter__(self) -> Ports:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for relay in self._relays.values():
            relay.close()

    def endpoint(self, port: int) -> tuple[str, int]:
        """Return a host and port that lead to this port of the container. Several threads may call this at once."""
        if port in self._direct:
            return self._direct[port], port
        if port in self._relays:
            return "127.0.0.1", self._relays[port].port
        address = self._address()
        if address and _accepts(address, port):
            self._direct[port] = address
            return address, port
        if self._relay_maker is not None and (inside := self._address_inside(port)):
            through = self._relay_maker.relay()
            with self._adding:
                if port not in self._relays:
                    argv = (through.program, "relay", inside, str(port))
                    self._relays[port] = Relay(through.container, argv, self._limits)
            return "127.0.0.1", self._relays[port].port
        return address or "127.0.0.1", port

    def datagram_endpoint(self, port: int) -> tuple[str, int] | None:
        """Return the host and port of a UDP port; None if this machine does not know the container's address. No relay carries datagrams."""
        address = self._address()
        return (address, port) if address else None

    @property
    def relayed(self) -> bool:
        """True if some port could not be reached directly."""
        return bool(self._relays)

    def accepts(self, port: int) -> bool:
        """Return True if something listens on this port by now. Several threads may call this at once."""
        address = self._address()
        if address and _accepts(address, port):
            return True
        return bool(self._address_inside(port))

    def accepts_beside(self, port: int) -> bool:
        """Return True if another container in the same network can connect to this port by now."""
        address = self._address()
        if address and _accepts(address, port):
            return True
        return bool(self._address_inside(port)) and not self._is_hidden(port)

    def host_beside(self, port: int) -> str:
        """Return the address at which another container in the same network reaches this port.

        It is a loopback address if only a container that shares this one's addresses can reach the port
        (slimmer.engine.description.shared_network).
        """
        address = "" if self._host_network else self._container.address()
        if address and (port in self._direct or not self._is_hidden(port)):
            return address
        return self._address_inside(port) or "127.0.0.1"

    def _is_hidden(self, port: int) -> bool:
        """Return True if the port is known to listen only on the container's loopback."""
        if self._relay_maker is None:
            return False
        found = self._listeners(self._relay_maker.relay()).get(port, ())
        return bool(found) and all(is_loopback(address) for address in found)

    def _address_inside(self, port: int) -> str:
        """Return the address on which the port accepts connections within the container's network, or ""."""
        if self._relay_maker is None:
            return ""
        through = self._relay_maker.relay()
        for address in self._listeners(through).get(port, ()):
            if address != "::":
                return "127.0.0.1" if address == ANY else address.removeprefix("::ffff:")
            if port not in self._wildcards:  # it may accept both IPv4 and IPv6, or only IPv6
                tried = (own for own in ("127.0.0.1", "::1") if _accepts_inside(through, own, port))
                self._wildcards[port] = next(tried, "")
            return self._wildcards[port]
        return ""

    def _listeners(self, through: RelayHost) -> dict[int, list[str]]:
        """Return what listens within the container's network. Calls within FRESH seconds share one look."""
        with self._looking:
            if time.monotonic() > self._looked + FRESH:
                self._inside = _listening(through)
                self._looked = time.monotonic()
            return self._inside

    def _address(self) -> str:
        if self._host_network:
            return "127.0.0.1" if self._local else ""
        return self._container.address() if self._local else ""


def is_loopback(address: str) -> bool:
    """Return True if an address is reached only from within its network namespace."""
    return address == "::1" or address.removeprefix("::ffff:").startswith("127.")


def _accepts(address: str, port: int) -> bool:
    try:
        with socket.create_connection((address, port), timeout=CONNECT_TIMEOUT):
            return True
    except OSError:
        return False


def _accepts_inside(through: RelayHost, address: str, port: int) -> bool:
    """Return True if a relay can connect. It sends nothing, so a service that waits for data has accepted."""
    argv = (through.program, "relay", address, str(port))
    code, _ = through.container.exec_run(argv, TRIAL_TIMEOUT, user="0:0")
    return code in (0, TIMED_OUT)


class BoundPorts:
    """The UDP ports that are bound in a container's network. Calls within FRESH seconds share one look."""

    def __init__(self, relays: RelayMaker) -> None:
        self._relays = relays
        self._looked = -FRESH
        self._found: tuple[int, ...] = ()

    def ports(self) -> tuple[int, ...]:
        """Return the ports that are bound by now, without those that the kernel chose."""
        if time.monotonic() > self._looked + FRESH:
            said = _report(self._relays.relay())
            self._found = tuple(sorted({int(port) for port in BOUND.findall(said)}))
            self._looked = time.monotonic()
        return self._found


def _listening(through: RelayHost) -> dict[int, list[str]]:
    """Return each TCP port with the addresses that it listens on, as the container reports them. Invalid lines are left out."""
    listeners: dict[int, list[str]] = {}
    for port, address in LISTENER.findall(_report(through)):
        listeners.setdefault(int(port), []).append(address)
    return listeners


def _report(through: RelayHost) -> str:
    """Return what the probe's `listening` says; "" if the container has ended."""
    try:
        stream = through.container.exec_stream((through.program, "listening"), user="0:0")
    except EngineError:  # it has ended
        return ""
    said = b""
    try:
        stream.set_timeout(LOOK_TIMEOUT)
        while len(said) < LOOK_LIMIT and (data := stream.recv()):
            said += data
    except OSError:
        pass
    finally:
        stream.close()
    return said.decode("ascii", "replace")


class Limits:
    """Limits how many connections all relays of a container have `open`, and how many are `begun`, at a time. Others wait."""

    def __init__(self) -> None:
        self.open = threading.Semaphore(MOST_AT_ONCE)
        self.begun = threading.Semaphore(MOST_BEGUN)


class Relay:
    """A listener on this machine. Each of its connections is carried by a command in a container, `argv`, over its stdin and stdout."""

    def __init__(self, container: Container, argv: tuple[str, ...], limits: Limits) -> None:
        self._container = container
        self._argv = argv
        self._limits = limits
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Accept no more connections. Open ones end with the container."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while self._limits.open.acquire():
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve_one, args=(client,), daemon=True).start()

    def _serve_one(self, client: socket.socket) -> None:
        try:
            self._carry(client)
        finally:
            self._limits.open.release()

    def _carry(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError, SlimmerError):
            if _is_left(client):
                return
            with self._limits.begun:
                stream = self._container.exec_stream(self._argv, user="0:0")
            try:
                threading.Thread(target=_pump_out, args=(client, stream), daemon=True).start()
                while data := stream.recv(PIECE):
                    client.sendall(data)
                with contextlib.suppress(OSError):
                    client.shutdown(socket.SHUT_WR)
            finally:
                stream.close()


def _is_left(client: socket.socket) -> bool:
    """Return True if the client closed the connection at once. It only tested the port, which needs no `exec`."""
    readable, _, _ = select.select([client], [], [], MOMENT)
    return bool(readable) and not client.recv(1, socket.MSG_PEEK)


def _pump_out(client: socket.socket, stream: MultiplexedStream) -> None:
    """Copy from the client into the container, until the client sends no more."""
    with contextlib.suppress(OSError):
        while data := client.recv(PIECE):
            stream.sendall(data)
        stream.close_write()
