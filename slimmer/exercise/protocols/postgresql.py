"""PostgreSQL's protocol, version 3: its documentation, chapter "Frontend/Backend Protocol"."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator

from slimmer.exercise.protocols import scram
from slimmer.exercise.protocols.protocol import (
    MOST_REPLIES,
    THROWAWAY,
    VALUE,
    NotReady,
    Refused,
    Session,
    Step,
    expect,
)
from slimmer.exercise.protocols.wire import Nonsense

VERSION = 3 << 16
SSL_REQUEST = struct.pack("!ii", 8, 80877103)
LONGEST_MESSAGE = 1 << 18

STARTING = "57P03"
"""cannot_connect_now: appendix "PostgreSQL Error Codes"."""

OK, CLEARTEXT, MD5, SASL, SASL_CONTINUE, SASL_FINAL = 0, 3, 5, 10, 11, 12


class Postgresql(Session):
    """PostgreSQL makes a temporary table, writes and reads a row, and drops the table. It is asked with TLS if it has that."""

    name, title, ports = "postgresql", "PostgreSQL", (5432, 5433, 6432)
    hello = SSL_REQUEST
    goodbye = b"X\0\0\0\4"
    credentials = (
        "POSTGRES_PASSWORD",
        "POSTGRESQL_PASSWORD",
        "POSTGRESQL_POSTGRES_PASSWORD",
        "POSTGRESQL_ADMIN_PASSWORD",
        "PGPASSWORD",
    )

    @classmethod
    def knows(cls, first: bytes) -> bool:
        """Return True for "S" or "N" alone: with TLS or without. Any other answer would be longer."""
        return first in (b"S", b"N")

    def steps(self) -> tuple[Step, ...]:
        return (
            Step("connect", self._open, vital=True),
            Step("authenticate", self._authenticate, vital=True),
            Step("list", lambda: self._query("SELECT count(*) > 0 FROM pg_catalog.pg_class")),
            Step("write", self._write),
            Step("read", lambda: self._query(f"SELECT id, name FROM {THROWAWAY} ORDER BY name")),  # noqa: S608 - no value of others
            Step("remove", lambda: self._query(f"DROP TABLE {THROWAWAY}")),
        )

    def _open(self) -> str:
        self.wire.send(SSL_REQUEST)
        answer = self.wire.exactly(1)
        expect(answer in (b"S", b"N"), "whether it has TLS")
        if answer == b"S":
            self.wire.start_tls()
        return "with TLS" if answer == b"S" else "without TLS"

    def _authenticate(self) -> str:
        user = self.variable("POSTGRES_USER", "POSTGRESQL_USERNAME", "POSTGRESQL_USER", "PGUSER", default="postgres")
        base = self.variable("POSTGRES_DB", "POSTGRESQL_DATABASE", "PGDATABASE", default=user)
        words = ("user", user, "database", base, "application_name", "slimmer", "")
        text = b"".join(word.encode() + b"\0" for word in words)
        self.wire.send(struct.pack("!ii", len(text) + 8, VERSION) + text)
        way = self._log_in(user, self.variable(*self.credentials))
        for kind, _ in self._messages():
            if kind == b"Z":
                return way
        raise Nonsense("the server never got ready")

    def _log_in(self, user: str, password: str) -> str:
        """Answer what the server asks for until it is content. Return the way in words."""
        way, client = "without a password", scram.Client(password)
        for kind, body in self._messages():
            expect(kind == b"R", "a request for a password")
            (wanted,) = struct.unpack_from("!i", body)
            if wanted == OK:
                return way
            if wanted in (CLEARTEXT, MD5):
                way = "with a password"
                proof = password.encode() if wanted == CLEARTEXT else _md5(user, password, body[4:8])
                self._send(b"p", proof + b"\0")
            elif wanted == SASL:
                way = "with SCRAM"
                expect(scram.MECHANISM in body[4:].split(b"\0"), "a way to log in that slimmer knows")
                first = client.first()
                self._send(b"p", scram.MECHANISM + b"\0" + struct.pack("!i", len(first)) + first)
            elif wanted == SASL_CONTINUE:
                self._send(b"p", client.final(body[4:]))
            else:
                expect(wanted == SASL_FINAL, "a way to log in that slimmer knows")
        raise Nonsense("the log-in did not end")

    def _write(self) -> str:
        made = self._query(f"CREATE TEMPORARY TABLE {THROWAWAY} (id serial PRIMARY KEY, name text)")
        text = VALUE.replace("'", "''")
        return f"{made}\n" + self._query(f"INSERT INTO {THROWAWAY} (name) VALUES ('{text}')")  # noqa: S608 - no value of others

    def _query(self, text: str) -> str:
        """Run a statement. Return its rows, a line each, and what the server says that it did. Raise Refused for an error."""
        self._send(b"Q", text.encode() + b"\0")
        lines: list[str] = []
        refused: Refused | None = None
        for kind, body in self._messages(raising=False):
            if kind == b"D":
                lines.append("|".join(_values(body)))
            elif kind == b"C":
                lines.append(body.rstrip(b"\0").decode("utf-8", "replace"))
            elif kind == b"E":
                refused = _error(body)
            elif kind == b"Z":
                break
        if refused:
            raise refused
        return "\n".join(lines)

    def _send(self, kind: bytes, body: bytes) -> None:
        self.wire.send(kind + struct.pack("!i", len(body) + 4) + body)

    def _messages(self, *, raising: bool = True) -> Iterator[tuple[bytes, bytes]]:
        """Yield messages, each with its type. With `raising`, an error of the server is raised."""
        for _ in range(MOST_REPLIES):
            kind, length = struct.unpack("!ci", self.wire.exactly(5))
            if not 4 <= length <= LONGEST_MESSAGE:
                raise Nonsense("a message has an impossible length")
            body = self.wire.exactly(length - 4)
            if kind == b"E" and raising:
                raise _error(body)
            yield kind, body
        raise Nonsense("the messages do not end")


def _md5(user: str, password: str, salt: bytes) -> bytes:
    """Return the answer to AuthenticationMD5Password."""
    inner = hashlib.md5(password.encode() + user.encode(), usedforsecurity=False).hexdigest()
    return b"md5" + hashlib.md5(inner.encode() + salt, usedforsecurity=False).hexdigest().encode()


def _values(row: bytes) -> Iterator[str]:
    """Yield the values of a DataRow."""
    (count,), at = struct.unpack_from("!h", row), 2
    for _ in range(count):
        (length,) = struct.unpack_from("!i", row, at)
        at += 4
        yield row[at : at + length].decode("utf-8", "replace") if length >= 0 else "NULL"
        at += max(0, length)


def _error(body: bytes) -> Refused:
    """Return what an ErrorResponse says: its fields are a letter and a text each."""
    fields = {part[:1]: part[1:].decode("utf-8", "replace") for part in body.split(b"\0") if part}
    code = fields.get(b"C", "")
    return (NotReady if code == STARTING else Refused)(code, fields.get(b"M", ""))
