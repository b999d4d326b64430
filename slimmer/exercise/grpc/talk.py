"""Make calls of one port, one after the other, over as few connections as the server allows."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, replace

from slimmer.exercise.client import KEPT_BODY_LIMIT
from slimmer.exercise.grpc.connection import Connection, NotGrpc, Reset, Result
from slimmer.exercise.grpc.wire_format import text_of
from slimmer.exercise.protocols.wire import Nonsense
from slimmer.exercise.result import Answer
from slimmer.exercise.rpc import Rpc
from slimmer.exercise.subject import Subject
from slimmer.formatting import printable

LATE = "no answer in time"
LONGEST_PROBLEM = 200


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a call. `problem` says why there is no whole answer. `broken`: the connection broke. `late`: no answer in time."""

    result: Result | None
    seconds: float
    problem: str = ""
    broken: bool = False

    @property
    def late(self) -> bool:
        """True if there was no answer in time."""
        return self.problem == LATE


class Talk:
    """Calls of one port."""

    def __init__(self, subject: Subject, port: int, *, tls: bool) -> None:
        self._endpoint, self._port, self._tls = subject.endpoint(port), port, tls
        self._connection: Connection | None = None

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def ask(self, rpc: Rpc, seconds: float) -> Reply:
        """Make a call. A server may end a connection that has had calls: then the call is made once more, on another one."""
        started = time.monotonic()
        while True:
            problem, broken = "", False
            is_used = self._connection is not None and self._connection.is_open and self._connection.answers > 0
            try:
                left = seconds - (time.monotonic() - started)
                result = self._connected(left).call(rpc.path, rpc.message, left, rpc.enough)
                return Reply(result, time.monotonic() - started)
            except TimeoutError:
                problem = LATE
            except (Reset, NotGrpc) as error:
                problem = str(error)
            except (OSError, Nonsense) as error:
                if is_used:
                    continue
                problem, broken = str(error) or "the connection broke", True
            return Reply(None, time.monotonic() - started, printable(problem)[:LONGEST_PROBLEM], broken)

    def _connected(self, seconds: float) -> Connection:
        if seconds <= 0:
            raise TimeoutError
        if self._connection is None or not self._connection.is_open:
            self.close()
            self._connection = Connection(self._endpoint, self._port, seconds, tls=self._tls)
        return self._connection


def answer_of(rpc: Rpc, port: int, reply: Reply) -> Answer:
    """Return a reply as an answer to compare. Its body has the error message and all messages, as text."""
    result = reply.result
    data = text(result).encode("utf-8", "replace") if result is not None else b""
    where = f"{rpc.method} {rpc.path} on port {port}"
    return Answer(
        request=replace(rpc, enough=1) if result is not None and result.late else rpc,
        port=port,
        status=None if result is None else result.status,
        content_type="application/grpc" if result is not None else "",
        size=len(data),
        digest=hashlib.sha256(data).hexdigest(),
        seconds=reply.seconds,
        problem=f"{where}: {reply.problem}" if reply.problem else "",
        late=reply.late,
        body=data if len(data) <= KEPT_BODY_LIMIT else None,
    )


def text(result: Result) -> str:
    """Return what an answer says. Of a stream that has more than came in time, only its first message will come in time again."""
    messages = result.messages[:1] if result.late else result.messages
    lines = [f"grpc-message: {printable(result.message)}\n"] if result.status and result.message else []
    return "".join([*lines, *(f"message:\n{_shown(message)}" for message in messages)])


def _shown(message: bytes) -> str:
    if len(message) > KEPT_BODY_LIMIT:
        return f"  {len(message)} bytes (sha256:{hashlib.sha256(message).hexdigest()})\n"
    return text_of(message)
