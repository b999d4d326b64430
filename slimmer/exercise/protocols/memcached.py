"""memcached's text protocol: doc/protocol.txt in its sources."""

from __future__ import annotations

from slimmer.exercise.protocols.protocol import MOST_REPLIES, THROWAWAY, VALUE, Refused, Session, Step, expect
from slimmer.exercise.protocols.wire import Nonsense

ERRORS = (b"ERROR", b"CLIENT_ERROR", b"SERVER_ERROR")


class Memcached(Session):
    """memcached sets, gets and deletes one item, which also expires by itself. The text protocol knows no log-in."""

    name, title, ports = "memcached", "memcached", (11211,)
    hello = b"version\r\n"

    @classmethod
    def knows(cls, first: bytes) -> bool:
        return first.startswith(b"VERSION ")

    def steps(self) -> tuple[Step, ...]:
        return (
            Step("connect", lambda: self._ask("version"), vital=True),
            Step("list", self._list),
            Step("write", lambda: self._ask(f"set {THROWAWAY} 0 60 {len(VALUE)}\r\n{VALUE}")),
            Step("read", lambda: "\n".join(self._lines(f"get {THROWAWAY}"))),
            Step("remove", lambda: self._ask(f"delete {THROWAWAY}")),
        )

    def _list(self) -> str:
        expect(any(line.startswith("STAT pid ") for line in self._lines("stats")), "its statistics")
        return "statistics"

    def _ask(self, command: str) -> str:
        self.wire.send(f"{command}\r\n".encode())
        return self._line()

    def _lines(self, command: str) -> list[str]:
        """Return the lines of an answer that ends with END."""
        self.wire.send(f"{command}\r\n".encode())
        lines: list[str] = []
        while (line := self._line()) != "END":
            lines.append(line)
            if len(lines) > MOST_REPLIES:
                raise Nonsense("the answer does not end")
        return lines

    def _line(self) -> str:
        line = self.wire.line()
        text = line.decode("utf-8", "replace")
        if line.startswith(ERRORS):
            raise Refused(text.partition(" ")[0], text)
        return text
