"""Hold a session with each port that speaks a known protocol, and tell what came of it."""

from __future__ import annotations

import hashlib
import struct
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial

from slimmer.exercise.context import ExerciseContext
from slimmer.exercise.port_probe import LAST_BREATH
from slimmer.exercise.protocols.protocol import LONGEST_TEXT, NotReady, Refused, Session, Step
from slimmer.exercise.protocols.recognition import recognise, recognise_datagrams
from slimmer.exercise.protocols.table import named
from slimmer.exercise.protocols.wire import Wire
from slimmer.exercise.result import Answer, GeneratedSet
from slimmer.exercise.turn import SOURCE, Turn
from slimmer.formatting import counted, printable
from slimmer.tasks import side_by_side

STEP = 15.0
"""Seconds for one step of the original. A replay gives its own time."""

LONGEST = 30.0
"""Seconds in which a server that says that it is still starting may get ready."""

PAUSE = 0.25

MOST_PORTS = 16
"""The ports that are asked which protocol they speak, at the same time."""

SHORTEST_SECRET = 4
"""A value of at least so many characters is hidden where a server repeats it."""

TIMEOUT = "no answer in time"
HINT = "A harmless session in a protocol that the port speaks ends the app. To build without: --no-protocols."

BROKEN = (OSError, ValueError, LookupError, struct.error)
"""What a server can cause that does not keep to its protocol. UnicodeError and Nonsense are ValueErrors."""


def converse(
    context: ExerciseContext, ports: Sequence[int], reacted: Callable[[int], bool]
) -> tuple[GeneratedSet, tuple[Answer, ...]]:
    """Find out which of these ports speak a known protocol, and hold a session with each. Return what came of it, and the steps.

    `reacted`: the port did something about an HTTP request, which was not to answer it. Nearly every server of the known protocols
    does. Any other port is asked only what fits to its number: it waits for something else, or nobody knows that it does not speak
    HTTP. Raises AppFailed if the app exits meanwhile, and ObservationIncomplete if the probe does not answer.
    """
    started, subject = time.monotonic(), context.subject
    spoken: list[tuple[int, type[Session]]] = []
    for ask, several in (
        (lambda port: recognise(subject, port, known_alone=not reacted(port)), ports),
        (lambda port: recognise_datagrams(subject, port), sorted(subject.bound_ports())),
    ):
        first = several[:MOST_PORTS]
        known = zip(first, side_by_side(ask, first, MOST_PORTS), strict=True)
        spoken += [(port, protocol) for port, protocol in known if protocol]
    seconds = time.monotonic() - started
    answers = tuple(_sessions(context, spoken))
    limits = [answer.problem for answer in answers if answer.problem]
    found = sum(_length(protocol, context.environment) for _, protocol in spoken)
    return GeneratedSet(SOURCE, found, len(answers), len(answers), tuple(limits), seconds), answers


def converse_again(context: ExerciseContext, known: Iterable[tuple[int, str]]) -> Iterator[Answer]:
    """Hold the sessions again that another run held: with these ports, in these protocols. Raises as `converse` does."""
    yield from _sessions(context, [(port, named(name)) for port, name in known])


def _sessions(context: ExerciseContext, spoken: Iterable[tuple[int, type[Session]]]) -> Iterator[Answer]:
    for port, protocol in spoken:
        answers = _Speaker(context, port, protocol).run()
        context.say(_told(protocol, port, answers, _length(protocol, context.environment)))
        if any(answer.late for answer in answers):
            context.subject.check_observed()
        context.check_running(f"while slimmer spoke {protocol.title} on port {port}", HINT)
        yield from map(context.within_room, answers)


def _told(protocol: type[Session], port: int, answers: Sequence[Answer], length: int) -> str:
    """Return the line about a session."""
    good = sum(not answer.problem for answer in answers)
    failed = next((answer for answer in answers if answer.problem), None)
    why = f"; {failed.request.path}: {failed.problem.partition(': ')[2]}" if failed else ""
    hint = ""
    if failed and failed.request.path == "authenticate" and protocol.credentials:
        hint = f" (--env {protocol.credentials[0]}=…)"
    return f"spoke {protocol.title} on {port}: {good} of {counted(length, 'step')}{why}{hint}"


def _length(protocol: type[Session], environment: Mapping[str, str]) -> int:
    """Return the number of steps of a whole session."""
    return len(protocol(_nowhere, environment).steps())


def _nowhere() -> Wire:
    raise OSError("this session is with nobody")


def _without(secrets: Iterable[str], text: str) -> str:
    """Return a text without values of the environment, which a server may repeat."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "…") if len(secret) >= SHORTEST_SECRET else text
    return text


class _Speaker:
    """Carries out one session."""

    def __init__(self, context: ExerciseContext, port: int, protocol: type[Session]) -> None:
        self._context, self._port, self._protocol = context, port, protocol
        self._timeout = context.mode.request_timeout if context.mode.sessions is not None else STEP
        self._end = time.monotonic() + min(LONGEST, context.ready_in)

    def run(self) -> list[Answer]:
        """Return the steps that were made. A server that is still starting is asked again."""
        while True:
            try:
                return self._session(last=time.monotonic() > self._end or self._context.ended)
            except NotReady:
                self._context.pause(PAUSE)

    def _session(self, *, last: bool) -> list[Answer]:
        connect = partial(self._protocol.open, self._context.subject, self._port, self._timeout)
        session = self._protocol(connect, self._context.environment)
        try:
            return list(self._steps(session, last=last))
        finally:
            session.close()

    def _steps(self, session: Session, *, last: bool) -> Iterator[Answer]:
        """Carry out the steps. Raise NotReady, unless this is the last try."""
        for step in session.steps():
            started, body, problem, over = time.monotonic(), "", "", True
            session.allow(self._timeout)
            try:
                body, over = step.run(), False
            except Refused as error:
                if isinstance(error, NotReady) and not last:
                    raise
                body, problem, over = error.code, f"the server refused it: {error.text}", step.vital
            except TimeoutError:
                problem = TIMEOUT
            except BROKEN as error:
                problem = printable(str(error))[:LONGEST_TEXT] or "the connection broke"
                self._context.pause(LAST_BREATH)
            yield self._answer(step, problem, body, time.monotonic() - started, session.secrets)
            if over:
                return

    def _answer(self, step: Step, problem: str, body: str, seconds: float, secrets: tuple[str, ...]) -> Answer:
        problem, data = _without(secrets, problem), _without(secrets, body).encode()
        turn = Turn(self._protocol.name, step.name, self._port, self._protocol.is_datagram, secrets=secrets)
        return Answer(
            request=turn,
            port=self._port,
            status=None,
            content_type="",
            size=len(data),
            digest=hashlib.sha256(data).hexdigest(),
            seconds=seconds,
            problem=f"{turn.method} {step.name} on port {self._port}: {problem}" if problem else "",
            late=problem == TIMEOUT,
            body=data,
        )
