"""DNS: RFC 1035, over TCP and over UDP. Only this machine's own names are asked for, so that no server needs another one."""

from __future__ import annotations

import socket
import struct

from slimmer.exercise.protocols.protocol import Session, Step, expect
from slimmer.exercise.protocols.wire import PIECE, Wire
from slimmer.exercise.subject import Subject

ADDRESS, POINTER, TEXT = 1, 12, 16
INTERNET, CHAOS = 1, 3
NUMBER = 0x736C
RECURSION = 0x0100
PORTS = (53, 1053, 5353, 8053)


def query(name: str, kind: int, group: int = INTERNET) -> bytes:
    """Return a question, with its length before it as over TCP (section 4.2.2)."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    message = struct.pack("!6H", NUMBER, RECURSION, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", kind, group)
    return struct.pack("!H", len(message)) + message


class Dns(Session):
    """DNS looks up localhost, its name by its address, and the version of the server. What matters is how the server answers."""

    name, title, ports = "dns", "DNS", PORTS
    hello = query("localhost", ADDRESS)
    has_datagrams = True

    @classmethod
    def knows(cls, first: bytes) -> bool:
        """Return True for an answer with the number of the question."""
        return first[2:4] == struct.pack("!H", NUMBER) and first[4:5] >= b"\x80"

    def steps(self) -> tuple[Step, ...]:
        return (
            Step("address", lambda: self._ask("localhost", ADDRESS), vital=True),
            Step("name", lambda: self._ask("1.0.0.127.in-addr.arpa", POINTER)),
            Step("version", lambda: self._ask("version.bind", TEXT, CHAOS)),
        )

    def _ask(self, name: str, kind: int, group: int = INTERNET) -> str:
        """Return the code of the answer and the number of its records: section 4.1.1."""
        self.wire.send(query(name, kind, group))
        (length,) = struct.unpack("!H", self.wire.exactly(2))
        number, flags, _, answers = struct.unpack_from("!4H", self.wire.exactly(length))
        expect(number == NUMBER and bool(flags & 0x8000), "an answer to the question")
        return f"code {flags & 0xF}, records {answers}"


class DatagramDns(Dns):
    """The same over UDP."""

    name, title = "dns-udp", "DNS over UDP"
    is_datagram = True

    @classmethod
    def open(cls, subject: Subject, port: int, seconds: float) -> Wire:
        endpoint = subject.datagram_endpoint(port)
        if endpoint is None:
            raise OSError("nobody relays datagrams")
        return Datagrams(endpoint, seconds)


class Datagrams(Wire):
    """Messages over UDP that look as they do over TCP, with their length before each."""

    def _connected(self, endpoint: tuple[str, int], seconds: float) -> socket.socket:
        (family, kind, _, _, address), *_ = socket.getaddrinfo(*endpoint, type=socket.SOCK_DGRAM)
        connection = socket.socket(family, kind)
        connection.connect(address)
        return connection

    def send(self, data: bytes) -> None:
        super().send(data[2:])

    def _piece(self) -> bytes:
        data = self._socket.recv(PIECE)
        return struct.pack("!H", len(data)) + data
