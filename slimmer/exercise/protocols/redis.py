"""Redis, Valkey and whatever else speaks RESP: redis.io/docs, "Redis serialization protocol specification"."""

from __future__ import annotations

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
from slimmer.exercise.protocols.wire import Nonsense, Wire

DEEPEST = 8
STARTING = ("LOADING", "MASTERDOWN", "BUSY")

Reply = bytes | int | list["Reply"] | None


def encoded(*words: str) -> bytes:
    """Return a command as an array of bulk strings."""
    data = [word.encode() for word in words]
    return b"".join([b"*%d\r\n" % len(data), *(b"$%d\r\n%s\r\n" % (len(word), word) for word in data)])


class Redis(Session):
    """Redis sets, gets and deletes one key, which also expires by itself."""

    name, title, ports = "redis", "Redis", (6379, 6380, 7000)
    hello = encoded("PING")
    credentials = ("REDIS_PASSWORD", "REDISCLI_AUTH", "VALKEY_PASSWORD", "KEYDB_PASSWORD", "REQUIREPASS")

    @classmethod
    def knows(cls, first: bytes) -> bool:
        return first.startswith(
            (b"+PONG\r\n", b"-NOAUTH ", b"-LOADING ", b"-DENIED Redis", b"-NOPERM ", b"-MASTERDOWN ")
        )

    def steps(self) -> tuple[Step, ...]:
        return (
            Step("connect", self._open, vital=True),
            Step("authenticate", self._authenticate, vital=True),
            Step("list", self._list),
            Step("write", lambda: self._ask("SET", THROWAWAY, VALUE, "EX", "60")),
            Step("read", lambda: self._ask("GET", THROWAWAY)),
            Step("remove", lambda: self._ask("DEL", THROWAWAY)),
        )

    def _open(self) -> str:
        assert self.wire
        return "connected"

    def _authenticate(self) -> str:
        password = self.variable(*self.credentials)
        try:
            return self._ask("PING")
        except Refused as error:
            if error.code != "NOAUTH" or not password:
                raise
        return self._ask("AUTH", password)

    def _list(self) -> str:
        """List the keys and the server's sections. Both may grow, so the answer is only that there is one."""
        keys, sections = self._reply("SCAN", "0"), self._reply("INFO")
        expect(isinstance(keys, list) and isinstance(sections, bytes), "a list of keys")
        return "keys and sections"

    def _ask(self, *words: str) -> str:
        reply = self._reply(*words)
        expect(isinstance(reply, bytes | int), "a simple reply")
        return reply.decode("utf-8", "replace") if isinstance(reply, bytes) else str(reply)

    def _reply(self, *words: str) -> Reply:
        self.wire.send(encoded(*words))
        return _read(self.wire)


def _read(wire: Wire, depth: int = 0) -> Reply:
    """Return one reply. Raise Refused for an error."""
    line = wire.line()
    kind, rest = line[:1], line[1:]
    if kind == b"+":
        return rest
    if kind == b"-":
        text = rest.decode("utf-8", "replace")
        code = text.partition(" ")[0]
        raise (NotReady if code in STARTING else Refused)(code, text)
    if kind == b":":
        return int(rest)
    count = int(rest) if kind in (b"$", b"*") else MOST_REPLIES + 1
    if count == -1:
        return None
    if kind == b"$":
        return wire.exactly(count + 2)[:-2]
    if depth > DEEPEST or not 0 <= count <= MOST_REPLIES:
        raise Nonsense("a reply is not RESP, or too large")
    return [_read(wire, depth + 1) for _ in range(count)]
