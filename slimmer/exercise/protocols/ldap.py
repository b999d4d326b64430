"""LDAP, version 3: RFC 4511. Its messages are in BER: X.690, of which LDAP allows definite lengths alone."""

from __future__ import annotations

from collections.abc import Iterator

from slimmer.exercise.protocols.protocol import MOST_REPLIES, THROWAWAY, VALUE, Refused, Session, Step, expect
from slimmer.exercise.protocols.wire import Nonsense

BIND, BOUND, SEARCH, ENTRY, REFERENCE, DONE, ADD, ADDED, DELETE, DELETED, UNBIND = (
    0x60,
    0x61,
    0x63,
    0x64,
    0x73,
    0x65,
    0x68,
    0x69,
    0x4A,
    0x6B,
    0x42,
)
INTEGER, TEXT, ENUMERATED, SEQUENCE, SET, SIMPLE, PRESENT, FALSE = 0x02, 0x04, 0x0A, 0x30, 0x31, 0x80, 0x87, b"\1\1\0"
BASE = 0
LONGEST_MESSAGE = 1 << 18
ANSWERED = b"\x02\x01\x01\x61"


def ber(tag: int, *parts: bytes) -> bytes:
    """Return an element."""
    data = b"".join(parts)
    size = len(data)
    if size < 0x80:
        return bytes([tag, size]) + data
    digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(digits)]) + digits + data


def number(value: int, tag: int = INTEGER) -> bytes:
    """Return a number that is not negative."""
    return ber(tag, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def text(value: str, tag: int = TEXT) -> bytes:
    """Return a text."""
    return ber(tag, value.encode())


def bind(message: int, name: str, password: str) -> bytes:
    """Return a simple BindRequest; anonymous without a name."""
    return ber(SEQUENCE, number(message), ber(BIND, number(3), text(name), text(password, SIMPLE)))


class Ldap(Session):
    """LDAP reads what the server says of itself. If the environment has the directory's administrator, it also adds, reads and deletes an entry."""

    name, title, ports = "ldap", "LDAP", (389, 1389, 3389)
    hello = bind(1, "", "")
    goodbye = ber(SEQUENCE, number(100), ber(UNBIND))
    credentials = ("LDAP_ADMIN_PASSWORD", "SLAPD_PASSWORD", "LDAP_ROOT_PASSWORD")

    @classmethod
    def knows(cls, first: bytes) -> bool:
        """Return True for a BindResponse to the first message."""
        return first[:1] == bytes([SEQUENCE]) and ANSWERED in first[2:10]

    def steps(self) -> tuple[Step, ...]:
        own = (
            Step("write", self._write),
            Step("read", lambda: self._search(self._entry, "description")),
            Step("remove", lambda: self._result(DELETED, ber(DELETE, self._entry.encode()))),
        )
        return (
            Step("connect", self._open, vital=True),
            Step("authenticate", self._authenticate, vital=True),
            Step("list", lambda: self._search("", "supportedLDAPVersion", "namingContexts")),
            *(own if self._password and self._base else ()),
        )

    @property
    def _password(self) -> str:
        return self.variable(*self.credentials)

    @property
    def _base(self) -> str:
        """The name of the directory's root: as the image says, or made of its domain."""
        domain = self.variable("LDAP_DOMAIN", "SLAPD_DOMAIN")
        made = ",".join(f"dc={part}" for part in domain.split(".")) if domain else ""
        return self.variable("LDAP_BASE_DN", "LDAP_ROOT", default=made)

    @property
    def _entry(self) -> str:
        return f"ou={THROWAWAY},{self._base}"

    def _open(self) -> str:
        assert self.wire
        self._number = 0
        return "connected"

    def _authenticate(self) -> str:
        """Bind as the administrator if the environment has one, or else as nobody."""
        is_admin = bool(self._password and self._base)
        admin = (
            self.variable("LDAP_ADMIN_DN") or f"cn={self.variable('LDAP_ADMIN_USERNAME', default='admin')},{self._base}"
        )
        name, password = (admin, self._password) if is_admin else ("", "")
        self._result(BOUND, ber(BIND, number(3), text(name), text(password, SIMPLE)))
        return "as the administrator" if is_admin else "as nobody"

    def _write(self) -> str:
        values = {"objectClass": "organizationalUnit", "ou": THROWAWAY, "description": VALUE}
        pairs = [ber(SEQUENCE, text(key), ber(SET, text(value))) for key, value in values.items()]
        return self._result(ADDED, ber(ADD, text(self._entry), ber(SEQUENCE, *pairs)))

    def _search(self, base: str, *attributes: str) -> str:
        """Read one entry. Return its attributes with their values, a line each."""
        wanted = ber(SEQUENCE, *map(text, attributes))
        scope = number(BASE, ENUMERATED) + number(0, ENUMERATED) + number(0) + number(30) + FALSE
        self._send(ber(SEARCH, text(base), scope, text("objectClass", PRESENT), wanted))
        lines: list[str] = []
        for tag, body in self._answers():
            if tag == DONE:
                _check(body)
                return "\n".join(sorted(lines))
            expect(tag in (ENTRY, REFERENCE), "an entry")
            if tag == ENTRY:
                lines += _attributes(body)
        raise Nonsense("the answer does not end")

    def _result(self, wanted: int, request: bytes) -> str:
        """Send a request that has one answer."""
        self._send(request)
        tag, body = next(self._answers())
        expect(tag == wanted, "the answer to this request")
        _check(body)
        return "done"

    def _send(self, request: bytes) -> None:
        self._number += 1
        self.wire.send(ber(SEQUENCE, number(self._number), request))

    def _answers(self) -> Iterator[tuple[int, bytes]]:
        """Yield messages: the tag of each and what is in it."""
        for _ in range(MOST_REPLIES):
            head = self.wire.exactly(2)
            size, more = head[1], head[1] & 0x7F
            if size >= 0x80:
                expect(1 <= more <= 4, "a length")
                size = int.from_bytes(self.wire.exactly(more), "big")
            expect(head[0] == SEQUENCE and size <= LONGEST_MESSAGE, "a message")
            _, answer, *_ = _elements(self.wire.exactly(size))
            yield answer
        raise Nonsense("the answers do not end")


def _elements(data: bytes) -> list[tuple[int, bytes]]:
    """Return the elements in a row, each with its tag."""
    found: list[tuple[int, bytes]] = []
    at = 0
    while at < len(data):
        tag, size, at = data[at], data[at + 1], at + 2
        if size >= 0x80:
            more = size & 0x7F
            size, at = int.from_bytes(data[at : at + more], "big"), at + more
        expect(at + size <= len(data), "a whole element")
        found.append((tag, data[at : at + size]))
        at += size
    return found


def _contents(data: bytes) -> list[bytes]:
    return [content for _, content in _elements(data)]


def _check(body: bytes) -> None:
    """Raise Refused if an LDAPResult is an error."""
    code, _, message, *_ = _contents(body)
    result = int.from_bytes(code, "big")
    if result:
        raise Refused(str(result), f"result {result} {message.decode('utf-8', 'replace')}".strip())


def _attributes(entry: bytes) -> Iterator[str]:
    """Yield the attributes of a SearchResultEntry, a line for each value."""
    _, attributes = _contents(entry)
    for name, values in map(_contents, _contents(attributes)):
        for value in sorted(_contents(values)):
            yield f"{name.decode('utf-8', 'replace')}: {value.decode('utf-8', 'replace')}"
