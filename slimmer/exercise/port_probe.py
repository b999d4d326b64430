"""Send all requests of a plan to one port or Unix socket. The first answer tells whether it speaks HTTP or HTTPS."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from slimmer.exercise.client import Reply, Trouble
from slimmer.exercise.context import ExerciseContext
from slimmer.exercise.conversation import Conversation
from slimmer.exercise.exchange import Exchange
from slimmer.exercise.plan import is_udp
from slimmer.exercise.request import Ask, Asked, Request
from slimmer.exercise.result import WARMING_UP, Answer
from slimmer.exercise.tls import speaks_tls
from slimmer.exercise.verdict import judge

SILENCE = 5.0
"""Seconds to wait for the first byte of a port that nobody named, once it seems not to speak HTTP."""

KNOWN_SILENCE = 1.0
"""The same on a replay, for a port that did not answer in the original."""

PAUSE = 0.25

UNREADY = 5.0
"""If an app answers the default request as if it were not ready, slimmer takes that answer once the app has done nothing new for so
many seconds."""

SUSPICIOUS = (Trouble.REFUSED, Trouble.CLOSED, Trouble.BROKEN, Trouble.ENDED)
LAST_BREATH = 0.5
"""Seconds to wait after a connection broke: if the app is exiting, its sockets close before its exit is known."""


@dataclass(frozen=True, slots=True)
class PortProbe:
    """The answers of a port, each with its request's position in the plan. `scheme` is "" if the port does not speak HTTP.

    `conversations`: what each scenario has got from the port, by the name of its probe file.
    """

    port: int
    scheme: str
    answers: tuple[tuple[int, Answer], ...]
    conversations: Mapping[str, Conversation] = field(default_factory=dict, compare=False, repr=False)


def probe_port(context: ExerciseContext, port: int, patience: float, seconds: float = math.inf) -> PortProbe:
    """Send the requests for this port, in the plan's order.

    The port gets `patience` seconds for its first byte, or the request timeout if that is less. A port that has sent nothing
    after `seconds` gets no further request.
    """
    return _PortProber(context, port, patience, seconds).run()


def probe_socket(context: ExerciseContext, path: str, *, shares: bool, patience: float = math.inf) -> PortProbe:
    """Do the same with a Unix socket, whose port is 0. `shares`: it gets the requests without a port or socket of their own, too."""
    return _SocketProber(context, path, shares, patience).run()


class _PortProber:
    def __init__(self, context: ExerciseContext, port: int, patience: float, seconds: float) -> None:
        self._context = context
        self._port = port
        self._scheme = ""
        self._speaks_other = False
        self._timeout = context.mode.request_timeout
        self._first_timeout = min(patience, self._timeout)
        self._end = time.monotonic() + seconds
        self._conversations: dict[str, Conversation] = {}

    def run(self) -> PortProbe:
        answers = []
        for position, request in enumerate(self._context.plan.asks):
            if not self._takes(request):
                continue
            if not is_own(request) and self._is_given_up:
                continue
            reply = Reply(trouble=Trouble.GONE) if self._context.ended else self._reply(request)
            answers.append((position, self._context.within_room(self._judged(request, reply))))
            if reply.trouble in SUSPICIOUS:
                self._context.pause(LAST_BREATH)
            if reply.trouble is Trouble.SILENT:
                self._context.subject.check_observed()
        return PortProbe(self._port, self._scheme, tuple(answers), self._conversations)

    def _takes(self, request: Ask) -> bool:
        """Return True if the request is for this port."""
        if is_udp(request) or request.unix_socket or request.port not in (None, self._port):
            return False
        return is_own(request) or not self._is_foreign

    def _judged(self, request: Ask, reply: Reply) -> Answer:
        return judge(request, self._port, reply)

    def _endpoint(self) -> tuple[str, int]:
        return self._context.subject.endpoint(self._port)

    @property
    def _is_given_up(self) -> bool:
        """True if the port gets no further request: it speaks another protocol, or was silent for too long."""
        return self._speaks_other or (not self._scheme and time.monotonic() > self._end)

    @property
    def _is_foreign(self) -> bool:
        """True if the port has exchanges of another protocol, and nobody said that it speaks HTTP."""
        plan = self._context.plan
        own = any(is_own(ask) and not is_udp(ask) for ask in plan.asks if ask.port == self._port)
        return own and self._port not in plan.spoken_ports

    def _reply(self, request: Ask) -> Reply:
        if self._scheme or is_own(request):
            return self._ask(request, self._scheme, self._timeout)
        reply = self._first_reply(request)
        while reply.status in WARMING_UP and not _expected(request, reply) and self._may_warm_up(request):
            self._context.pause(PAUSE)
            reply = self._ask(request, self._scheme, self._timeout)
        return reply

    def _may_warm_up(self, request: Ask) -> bool:
        if self._answers_unready(request):
            return False
        quiet = self._context.subject.quiet()
        if not self._context.plan.explicit and quiet is not None and quiet > UNREADY:
            return False  # it has started: that is how it answers
        return self._context.ready_in > 0 and not self._context.ended

    def _answers_unready(self, request: Ask) -> bool:
        return self._context.mode.answers_unready(self._port, request)

    def _first_reply(self, request: Ask) -> Reply:
        """Try HTTP first, since most ports speak it. An HTTPS server answers that with 400, with an alert, or not at all."""
        reply = self._ask(request, "http", self._first_timeout, self._finds_other)
        if self._may_be_tls(reply):
            secure = self._ask(request, "https", self._first_timeout)
            if secure.status is not None:
                self._scheme = "https"
                return secure
        if reply.status is not None:
            self._scheme = "http"
        if reply.trouble is Trouble.SILENT:
            self._first_timeout = min(SILENCE, self._first_timeout)
        return reply

    def _may_be_tls(self, reply: Reply) -> bool:
        refused = reply.status == 400 or reply.trouble in (Trouble.CLOSED, Trouble.NOT_HTTP)
        return refused and speaks_tls(self._endpoint(), self._first_timeout)

    def _finds_other(self) -> bool:
        """Return True if a silent port speaks another protocol, which its number suggests. It takes the request for the start of a longer message (DNS).

        A port that must speak HTTP is not asked. A replay knows what the original spoke.
        """
        from slimmer.exercise.protocols.recognition import recognise

        known, port = self._context.mode.sessions, self._port
        if port in self._context.plan.spoken_ports:
            return False
        if known is None:
            self._speaks_other = recognise(self._context.subject, port, known_alone=True) is not None
        else:
            self._speaks_other = port in dict(known)
        return self._speaks_other

    def _ask(self, request: Ask, scheme: str, timeout: float, hopeless: Callable[[], bool] | None = None) -> Reply:
        conversation = self._conversations.setdefault(request.origin.file, Conversation(self._port))
        return conversation.ask(request, self._endpoint(), scheme, timeout, hopeless=hopeless)


class _SocketProber(_PortProber):
    """The same for a Unix socket. A relay takes every connection, so one that was closed is looked into."""

    def __init__(self, context: ExerciseContext, path: str, shares: bool, patience: float) -> None:
        super().__init__(context, 0, patience, math.inf)
        self._path, self._shares = path, shares

    def _takes(self, request: Ask) -> bool:
        if request.unix_socket:
            return request.unix_socket == self._path
        return self._shares and not is_own(request) and request.port is None

    def _judged(self, request: Ask, reply: Reply) -> Answer:
        if reply.trouble in (Trouble.CLOSED, Trouble.ENDED) and not self._context.ended:
            problem = self._context.subject.socket_problem(self._path, 0)
            reply = replace(reply, trouble=Trouble.REFUSED, reason=problem) if problem else reply
        return judge(request, 0, reply, self._path)

    def _endpoint(self) -> tuple[str, int]:
        return self._context.subject.socket_endpoint(self._path)

    def _answers_unready(self, request: Ask) -> bool:
        return (self._path, request) in self._context.mode.unready_sockets

    def _finds_other(self) -> bool:
        return False


def is_own(request: Asked) -> bool:
    """Return True for an exchange with a port that need not speak HTTP."""
    return isinstance(request, Exchange) and request.has_own_port


def _expected(request: Ask, reply: Reply) -> bool:
    return isinstance(request, Request) and bool(request.expect and reply.status in request.expect.status)
