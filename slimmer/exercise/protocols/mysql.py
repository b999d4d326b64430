"""The protocol of MySQL and MariaDB: dev.mysql.com, "MySQL Client/Server Protocol"; mariadb.com/kb, "Client/Server Protocol"."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from slimmer.exercise.protocols.protocol import MOST_REPLIES, THROWAWAY, VALUE, Refused, Session, Step, expect
from slimmer.exercise.protocols.wire import Nonsense, Wire

HANDSHAKE, ERROR, SWITCH, MORE, OK, END, NULL = 0x0A, 0xFF, 0xFE, 0x01, 0x00, 0xFE, 0xFB
FAST, FULL = 3, 4
QUERY, QUIT = b"\x03", b"\x01"

LONG_PASSWORD, WITH_DATABASE, PROTOCOL_41, TLS, TRANSACTIONS, SECURE, PLUGIN = (
    0x1,
    0x8,
    0x200,
    0x800,
    0x2000,
    0x8000,
    0x80000,
)
UTF8MB4 = 45
NATIVE, CACHING = b"mysql_native_password", b"caching_sha2_password"

LONGEST_PACKET = 1 << 18
MOST_SWITCHES = 5


@dataclass(frozen=True, slots=True)
class Greeting:
    """What the server says first: its capabilities, and how it wants the password."""

    capabilities: int
    salt: bytes
    plugin: bytes


class Mysql(Session):
    """MySQL and MariaDB make a table, write and read a row, and drop the table: in the image's own database, or else in a new one."""

    name, title, ports = "mysql", "MySQL", (3306, 3307)
    goodbye = b"\1\0\0\0" + QUIT
    credentials = (
        "MARIADB_ROOT_PASSWORD",
        "MYSQL_ROOT_PASSWORD",
        "MARIADB_PASSWORD",
        "MYSQL_PASSWORD",
        "MYSQL_PWD",
    )

    @classmethod
    def knows(cls, first: bytes) -> bool:
        """Return True for a greeting of version 10, or an error in its place: "Host … is not allowed to connect"."""
        if len(first) < 8 or first[1:4] != b"\0\0\0":
            return False
        return first[4] == HANDSHAKE or (first[4] == ERROR and first[6] in (3, 4, 5))

    def steps(self) -> tuple[Step, ...]:
        return (
            Step("connect", self._open, vital=True),
            Step("authenticate", self._authenticate, vital=True),
            Step("list", self._list),
            Step("write", self._write),
            Step("read", lambda: self._query(f"SELECT id, name FROM {self._table}")),  # noqa: S608 - quoted
            Step("remove", lambda: self._query(self._removal)),
        )

    # ------------------------------------------------------------------ statements

    @property
    def _own(self) -> str:
        """The image's own database; "" if it has none."""
        return self.variable("MARIADB_DATABASE", "MYSQL_DATABASE")

    @property
    def _table(self) -> str:
        return f"{_quoted(self._own or THROWAWAY)}.{THROWAWAY}"

    @property
    def _removal(self) -> str:
        return f"DROP TABLE {self._table}" if self._own else f"DROP DATABASE {THROWAWAY}"

    def _list(self) -> str:
        expect(bool(self._query("SHOW DATABASES")), "its databases")
        return "databases"

    def _write(self) -> str:
        statements = [] if self._own else [f"CREATE DATABASE {THROWAWAY}"]
        statements.append(f"CREATE TABLE {self._table} (id int AUTO_INCREMENT PRIMARY KEY, name varchar(100))")
        text = VALUE.replace("'", "''")
        statements.append(f"INSERT INTO {self._table} (name) VALUES ('{text}')")  # noqa: S608 - quoted
        return "\n".join(map(self._query, statements))

    def _query(self, text: str) -> str:
        """Run a statement. Return its rows, a line each, or how many rows it changed. Raise Refused for an error."""
        self._number = 0
        self._send(QUERY + text.encode())
        first = self._packet()
        if first[0] == OK:
            return f"changed {_integer(first, 1)[0]}"
        if first[0] == NULL:
            raise Nonsense("the server wants a file of this machine")  # LOCAL INFILE, which nobody asked for
        columns, _ = _integer(first, 0)
        expect(len(list(self._until_end())) == columns, "as many columns as it announced")
        return "\n".join("|".join(_texts(row)) for row in self._until_end())

    def _until_end(self) -> Iterator[bytes]:
        for _ in range(MOST_REPLIES):
            packet = self._packet()
            if packet[0] == END and len(packet) < 9:
                return
            yield packet
        raise Nonsense("the answer does not end")

    # ------------------------------------------------------------------ the way in

    def _open(self) -> str:
        self._number = 0
        self._greeting = _greeting(self._packet())
        return "with TLS" if self._greeting.capabilities & TLS else "without TLS"

    def _account(self) -> tuple[str, str]:
        """Return a name and a password: the image's own user if it has both and a database, or else root."""
        user, password = (
            self.variable("MARIADB_USER", "MYSQL_USER"),
            self.variable("MARIADB_PASSWORD", "MYSQL_PASSWORD"),
        )
        if user and password and self._own:
            return user, password
        return "root", self.variable("MARIADB_ROOT_PASSWORD", "MYSQL_ROOT_PASSWORD", "MYSQL_PWD")

    def _authenticate(self) -> str:
        """HandshakeResponse41, and what follows it."""
        user, password = self._account()
        greeting, own = self._greeting, LONG_PASSWORD | PROTOCOL_41 | TRANSACTIONS | SECURE | PLUGIN
        expect(greeting.capabilities & (PROTOCOL_41 | PLUGIN) == PROTOCOL_41 | PLUGIN, "a greeting of this century")
        secure = bool(greeting.capabilities & TLS)
        head = struct.pack("<IIB23x", own | (TLS if secure else 0), LONGEST_PACKET, UTF8MB4)
        if secure:
            self._send(head)
            self.wire.start_tls()
        plugin = greeting.plugin if greeting.plugin in (NATIVE, CACHING) else NATIVE
        answer = proof(plugin, password, greeting.salt)
        self._send(head + user.encode() + b"\0" + bytes([len(answer)]) + answer + plugin + b"\0")
        self._log_in(password, secure=secure)
        return f"as {'root' if user == 'root' else 'the user'}, {'with' if password else 'without'} a password"

    def _log_in(self, password: str, *, secure: bool) -> None:
        for _ in range(MOST_SWITCHES):
            packet = self._packet()
            if packet[0] == OK:
                return
            if packet[0] == SWITCH:
                plugin, _, salt = packet[1:].partition(b"\0")
                if plugin not in (NATIVE, CACHING):
                    raise Refused("plugin", f"slimmer cannot log in with {plugin.decode('latin-1')}")
                self._send(proof(plugin, password, salt[:20]))
            elif packet[:2] == bytes([MORE, FULL]):
                if not secure:
                    raise Refused("plugin", "slimmer sends a password in full over TLS alone, which the server has not")
                self._send(password.encode() + b"\0")
            else:
                expect(packet[:2] == bytes([MORE, FAST]), "a step of the log-in")
        raise Nonsense("the log-in does not end")

    # ------------------------------------------------------------------ packets

    def _send(self, body: bytes) -> None:
        self.wire.send(struct.pack("<I", len(body))[:3] + bytes([self._number & 0xFF]) + body)
        self._number += 1

    def _packet(self) -> bytes:
        """Return the next packet, which is not empty. Raise Refused for an error."""
        body, self._number = _read(self.wire)
        if body[0] == ERROR:
            raise _error(body)
        return body


def _read(wire: Wire) -> tuple[bytes, int]:
    """Return a packet and the number of the next one."""
    head = wire.exactly(4)
    length = int.from_bytes(head[:3], "little")
    if not 0 < length <= LONGEST_PACKET:
        raise Nonsense("a packet has an impossible length")
    return wire.exactly(length), head[3] + 1


def _greeting(packet: bytes) -> Greeting:
    """Read HandshakeV10."""
    expect(packet[0] == HANDSHAKE, "a greeting of version 10")
    at = packet.index(b"\0", 1) + 1
    salt, low, _, _, high, length = struct.unpack_from("<4x8sxHBHHB", packet, at)
    at += 31
    end = at + max(13, length - 8)
    return Greeting(low | high << 16, (salt + packet[at:end])[:20], packet[end:].split(b"\0")[0])


def proof(plugin: bytes, password: str, salt: bytes) -> bytes:
    """Return what proves that this side has the password: mysql_native_password, or caching_sha2_password."""
    if not password:
        return b""
    if plugin == NATIVE:
        once = hashlib.sha1(password.encode(), usedforsecurity=False).digest()
        twice = hashlib.sha1(once, usedforsecurity=False).digest()
        mask = hashlib.sha1(salt + twice, usedforsecurity=False).digest()
    else:
        once = hashlib.sha256(password.encode()).digest()
        mask = hashlib.sha256(hashlib.sha256(once).digest() + salt).digest()
    return bytes(a ^ b for a, b in zip(once, mask, strict=True))


def _integer(data: bytes, at: int) -> tuple[int, int]:
    """Return a length-encoded integer, and where it ends."""
    first = data[at]
    if first < NULL:
        return first, at + 1
    size = {0xFC: 2, 0xFD: 3, 0xFE: 8}.get(first, 0)
    expect(size > 0 and len(data) > at + size, "a number")
    return int.from_bytes(data[at + 1 : at + 1 + size], "little"), at + 1 + size


def _texts(row: bytes) -> Iterator[str]:
    at = 0
    while at < len(row):
        if row[at] == NULL:
            at += 1
            yield "NULL"
            continue
        length, at = _integer(row, at)
        yield row[at : at + length].decode("utf-8", "replace")
        at += length


def _error(packet: bytes) -> Refused:
    number = int.from_bytes(packet[1:3], "little")
    text = packet[3:].decode("utf-8", "replace")
    return Refused(str(number), text[6:] if text.startswith("#") else text)


def _quoted(name: str) -> str:
    """Return a name as an identifier."""
    return "`" + name.replace("`", "``") + "`"
