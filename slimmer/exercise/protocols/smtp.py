"""SMTP: RFC 5321, and RFC 3207 for TLS. No mail is sent: it might leave the container."""

from __future__ import annotations

from slimmer.exercise.protocols.protocol import NotReady, Refused, Session, Step, expect
from slimmer.exercise.protocols.wire import Nonsense, Wire

MOST_LINES = 200
BUSY = "421"


class Smtp(Session):
    """SMTP names a sender and a recipient on the server's own machine, and resets before there is a mail."""

    name, title, ports = "smtp", "SMTP", (25, 587, 2525, 1025)

    @classmethod
    def knows(cls, first: bytes) -> bool:
        return first.startswith((b"220 ", b"220-"))

    @classmethod
    def confirms(cls, wire: Wire) -> bool:
        """Return True if the server knows EHLO or HELO: FTP begins as SMTP does."""
        while not wire.line().startswith(b"220 "):
            pass
        for word in ("EHLO", "HELO"):
            wire.send(f"{word} localhost\r\n".encode())
            if _answer(wire)[0] == "250":
                return True
        return False

    def steps(self) -> tuple[Step, ...]:
        return (
            Step("connect", self._open, vital=True),
            Step("list", self._list, vital=True),
            Step("write", self._write),
            Step("remove", lambda: self._ask("RSET")),
            Step("quit", lambda: self._ask("QUIT")),
        )

    def _open(self) -> str:
        code, lines = _answer(self.wire)
        if code != "220":
            raise (NotReady if code == BUSY else Refused)(code, lines[-1])
        return code

    def _list(self) -> str:
        """List the extensions. With STARTTLS among them, go on with TLS, as most clients do."""
        try:
            extensions = self._extensions()
        except Refused:
            return self._ask("HELO localhost")
        if "STARTTLS" in extensions:
            self._ask("STARTTLS")
            self.wire.start_tls()
            extensions += ["with TLS", *self._extensions()]
        return "\n".join(extensions)

    def _extensions(self) -> list[str]:
        code, lines = self._asked("EHLO localhost")
        expect(code == "250", "its extensions")
        return sorted(line.split(" ")[0].upper() for line in lines[1:])

    def _write(self) -> str:
        return self._ask("MAIL FROM:<postmaster@localhost>") + self._ask("RCPT TO:<postmaster@localhost>")

    def _ask(self, command: str) -> str:
        return self._asked(command)[0]

    def _asked(self, command: str) -> tuple[str, list[str]]:
        """Send a command. Raise Refused for an answer of 400 or more."""
        self.wire.send(f"{command}\r\n".encode())
        code, lines = _answer(self.wire)
        if code >= "400":
            raise Refused(code, lines[-1])
        return code, lines


def _answer(wire: Wire) -> tuple[str, list[str]]:
    """Return the code of an answer and its lines without it."""
    lines: list[str] = []
    while len(lines) < MOST_LINES:
        line = wire.line().decode("utf-8", "replace")
        expect(line[:3].isdecimal() and line[3:4] in ("", " ", "-"), "an answer with a code")
        lines.append(line[4:])
        if line[3:4] != "-":
            return line[:3], lines
    raise Nonsense("the answer does not end")
