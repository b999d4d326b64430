"""Call the methods of gRPC servers, and return the calls that another run must repeat, with their answers.

What the calls change is the state of this container alone, which goes with it; otherwise only methods that read are called.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from slimmer.exercise.context import ExerciseContext
from slimmer.exercise.generated import covering
from slimmer.exercise.grpc.connection import Result
from slimmer.exercise.grpc.health import CHECK, check, health_in, is_unready
from slimmer.exercise.grpc.limits import MOST_SILENT, Met, limit_lines
from slimmer.exercise.grpc.recognition import Speaker, recognise
from slimmer.exercise.grpc.services import OWN, REFLECTIONS, Method, Refused, file_of, list_services, listed, methods
from slimmer.exercise.grpc.status import Status, status_name
from slimmer.exercise.grpc.talk import Reply, Talk, answer_of
from slimmer.exercise.port_probe import LAST_BREATH, PAUSE, UNREADY
from slimmer.exercise.protocols.wire import Nonsense
from slimmer.exercise.result import Answer, GeneratedSet
from slimmer.exercise.rpc import SOURCE, Rpc
from slimmer.formatting import counted
from slimmer.tasks import side_by_side

MOST_PORTS = 16
"""The ports that are asked whether they speak gRPC, at the same time."""

TIMEOUT = 10.0
"""The seconds for an answer of one message."""

STREAM = 2.0
"""The seconds for the messages of a stream."""

ENOUGH = 10
"""The messages of a stream that are read."""

MOST_SERVICES = 200
MOST_METHODS = 500

MOST_KEPT = 200
"""The number of calls that are kept."""

CRASHED = "while slimmer called {what} of gRPC on port {port}"
HINT = "A call of gRPC ends the app. To build without such calls: --no-grpc."


@dataclass(frozen=True, slots=True)
class Called:
    """What came of one port: `told`, the answers to keep, and what it says of its `health`."""

    port: int
    told: GeneratedSet
    answers: tuple[Answer, ...]
    health: str = ""

    @property
    def done(self) -> str:
        """What was done, in words."""
        if not self.told.found:
            return f"spoke gRPC on {self.port}: its health is {self.health or 'unknown'}"
        called = f"called {self.told.asked:,} of {counted(self.told.found, 'method')} of gRPC on {self.port}"
        return f"{called}: {self.told.answered or 0:,} answered OK; {covering(self.told.kept)}"


@dataclass(frozen=True, slots=True)
class Sent:
    """A call's answer. `news`: the app opened new files for it. `needed`: what comes later may depend on it."""

    answer: Answer
    news: bool
    needed: bool


def call_services(context: ExerciseContext, ports: Sequence[tuple[int, str]]) -> list[Called]:
    """Find out which of these ports speak gRPC, and call the methods of each. Return what came of those that do.

    Each port has its scheme of HTTP/1.1, or "". Raises AppFailed if the app exits meanwhile, and ObservationIncomplete if the probe does not answer.
    """
    started, opened = time.monotonic(), context.subject.opened()
    first = ports[:MOST_PORTS]
    found = side_by_side(lambda pair: recognise(context.subject, *pair), first, MOST_PORTS)
    for port, _ in first:
        context.check_running(CRASHED.format(what="the health check", port=port), HINT)
    speakers, called = [one for one in found if one is not None], list[Called]()
    for speaker in speakers:
        caller = _Caller(context, speaker, opened, context.plan.grpc.seconds - (time.monotonic() - started))
        called.append(caller.run())
        opened = caller.opened
    return called


def nothing_found() -> GeneratedSet:
    """Return what to tell a user who asked for calls of an app that has no gRPC."""
    return GeneratedSet(SOURCE, 0, 0, 0, ("found no port that speaks gRPC (--grpc)",), 0.0, 0)


def together(called: Sequence[Called]) -> tuple[GeneratedSet, ...]:
    """Add up what came of several ports. Their lines begin with the port then."""
    sets = [one.told for one in called]
    if not sets:
        return ()
    lines = [(f"port {one.port}: " if len(called) > 1 else "") + line for one in called for line in one.told.limits]
    return (
        GeneratedSet(
            SOURCE,
            found=sum(one.found for one in sets),
            asked=sum(one.asked for one in sets),
            kept=sum(one.kept for one in sets),
            limits=tuple(lines),
            seconds=sum(one.seconds for one in sets),
            answered=sum(one.answered or 0 for one in sets),
        ),
    )


def call_again(context: ExerciseContext, known: Iterable[tuple[int, Rpc]]) -> Iterator[Answer]:
    """Make the calls again that another run made. Raises as `call_services` does."""
    talks: dict[int, Talk] = {}
    silent: dict[int, int] = {}
    try:
        for port, rpc in known:
            if silent.get(port, 0) >= MOST_SILENT:
                yield answer_of(rpc, port, Reply(None, 0.0, "not sent: calls before it got no answer"))
                continue
            talk = talks.setdefault(port, Talk(context.subject, port, tls=rpc.tls))
            reply = _ready_reply(context, talk, port, rpc, context.mode.request_timeout)
            silent[port] = 0 if reply.result is not None else silent.get(port, 0) + 1
            _look(context, reply)
            context.check_running(CRASHED.format(what=rpc.path, port=port), HINT)
            yield context.within_room(answer_of(rpc, port, reply))
    finally:
        for talk in talks.values():
            talk.close()


def _ready_reply(context: ExerciseContext, talk: Talk, port: int, rpc: Rpc, seconds: float) -> Reply:
    """Make a call. If the server says that it is not ready, ask it again until it must be, unless that is all that the original ever said."""
    reply = talk.ask(rpc, seconds)
    while rpc.path == CHECK and _says_unready(reply) and _may_get_ready(context, port, rpc):
        context.pause(PAUSE)
        reply = talk.ask(rpc, seconds)
    return reply


def _says_unready(reply: Reply) -> bool:
    result = reply.result
    return result is not None and is_unready(result.status, b"".join(result.messages[:1]))


def _may_get_ready(context: ExerciseContext, port: int, rpc: Rpc) -> bool:
    if context.mode.answers_unready(port, rpc):
        return False
    quiet = context.subject.quiet()
    return context.ready_in > 0 and not context.ended and (quiet is None or quiet <= UNREADY)


def _look(context: ExerciseContext, reply: Reply) -> None:
    """If there was no answer, find out whether the app or the probe is to blame."""
    if reply.broken:
        context.pause(LAST_BREATH)  # if the app is exiting, its sockets close before its exit is known
    if reply.late:
        context.subject.check_observed()


class _Caller:
    """Calls the methods of one port."""

    def __init__(self, context: ExerciseContext, speaker: Speaker, opened: int | None, seconds: float) -> None:
        self._context, self._port, self._tls = context, speaker.port, speaker.tls
        self._problem = speaker.problem
        self._started = time.monotonic()
        self._end = self._started + seconds
        self._talk = Talk(context.subject, speaker.port, tls=speaker.tls)
        self._met = Met()
        self._sent: list[Sent] = []
        self._silent = 0
        self.opened = opened

    def run(self) -> Called:
        """Ask for the health, the services and each method."""
        try:
            return self._run()
        finally:
            self._talk.close()

    def _run(self) -> Called:
        if self._problem:
            self._met.lines.append(self._problem)
            return self._result((), "", ())
        overall = self._ask("the health check", Rpc(CHECK, tls=self._tls), needed=True)
        services = self._services()
        found = [method for service in services for method in self._methods(service)]
        if overall is not None and overall.status != Status.UNIMPLEMENTED:
            for service in services:
                self._ask("the health check", Rpc(CHECK, check(service), self._tls))
        for method in self._wanted(found):
            rpc = Rpc(method.path, tls=self._tls, enough=ENOUGH if method.gives_stream else 0)
            self._ask(str(method), rpc, method)
        health = "" if overall is None else health_in(overall.status, b"".join(overall.messages[:1]))
        return self._result(found, health, self._kept())

    # ------------------------------------------------------------------ what there is

    def _services(self) -> list[str]:
        """Return the names of the services, as the server lists them."""
        for path in REFLECTIONS:
            result = self._ask("reflection", Rpc(path, list_services(), self._tls))
            if result is None or result.status != Status.UNIMPLEMENTED:
                break
        if result is None or result.status:
            why = "gave no answer" if result is None else f"answered {status_name(result.status)}"
            has_none = result is not None and result.status == Status.UNIMPLEMENTED
            self._met.lines.append(
                "it has no reflection, so its methods are not known: exercise them with --exec or --exercise"
                if has_none
                else f"reflection {why}, so the methods are not known"
            )
            return []
        self._reflection = path
        try:
            names = [name for name in listed(b"".join(result.messages[:1])) if not name.startswith(OWN)]
        except (Refused, Nonsense) as error:
            self._met.lines.append(f"reflection cannot be used: {error}")
            return []
        if len(names) > MOST_SERVICES:
            self._met.lines.append(
                f"left out {counted(len(names) - MOST_SERVICES, 'service')} after the first {MOST_SERVICES}"
            )
        return names[:MOST_SERVICES]

    def _methods(self, service: str) -> tuple[Method, ...]:
        if self._is_over:
            self._met.is_cut = True
            return ()
        result = self._ask("reflection", Rpc(self._reflection, file_of(service), self._tls))
        try:
            if result is None or result.status:
                raise Refused("no answer" if result is None else status_name(result.status))
            return methods(b"".join(result.messages[:1]), service)
        except (Refused, Nonsense) as error:
            self._met.unread.setdefault(str(error), []).append(service)
            return ()

    def _wanted(self, found: Sequence[Method]) -> list[Method]:
        """Return the methods to call, those last that take something away. Note the others."""
        met, unchanging, chosen = self._met, self._context.plan.grpc.unchanging, list[Method]()
        if len(found) > MOST_METHODS:
            met.lines.append(f"left out {counted(len(found) - MOST_METHODS, 'method')} after the first {MOST_METHODS}")
        for one in found[:MOST_METHODS]:
            if one.takes_stream:
                met.streams.append(one)
            elif one.ends_app:
                met.ending.append(one)
            elif unchanging and not one.reads:
                met.changing.append(one)
            else:
                chosen.append(one)
        return sorted(chosen, key=lambda one: one.takes_away)

    # ------------------------------------------------------------------ calls

    @property
    def _is_over(self) -> bool:
        return self._silent >= MOST_SILENT or time.monotonic() >= self._end or self._context.ended

    def _ask(self, what: str, rpc: Rpc, method: Method | None = None, *, needed: bool = False) -> Result | None:
        """Make a call, and note what came of it. Return None without an answer."""
        if self._is_over:
            self._met.is_cut, self._met.left = True, self._met.left + (method is not None)
            return None
        seconds = min(STREAM if rpc.enough else TIMEOUT, self._end - time.monotonic())
        reply = _ready_reply(self._context, self._talk, self._port, rpc, max(0.0, seconds))
        _look(self._context, reply)
        before, self.opened = self.opened, self._context.subject.opened()
        news = before is None or self.opened is None or self.opened > before
        if reply.result is not None:
            self._silent = 0
            changes = method is not None and not method.reads and reply.result.status == Status.OK
            answer = self._context.within_room(answer_of(rpc, self._port, reply))
            self._sent.append(Sent(answer, news or needed, changes))
        elif not (reply.late and rpc.enough):  # many streams wait for something to happen
            self._silent += 1
        if method is not None:
            self._note(method, reply)
        self._context.check_running(CRASHED.format(what=what, port=self._port), HINT)
        return reply.result

    def _note(self, method: Method, reply: Reply) -> None:
        if reply.result is not None:
            self._met.status[method] = reply.result.status
        elif reply.late and method.gives_stream:
            self._met.idle.append(method)
        else:
            self._met.failed[method] = reply.problem

    # ------------------------------------------------------------------ what came of them

    def _kept(self) -> tuple[Answer, ...]:
        """Return the answers that stand for all: the health, and what opened something, with all that may have changed something before."""
        last = max((at for at, one in enumerate(self._sent) if one.news), default=-1)
        kept = [one.answer for one in self._sent[: last + 1] if one.news or one.needed]
        if len(kept) > MOST_KEPT:
            self._met.lines.append(f"kept the first {MOST_KEPT} requests of {len(kept)}")
        return tuple(kept[:MOST_KEPT])

    def _result(self, found: Sequence[Method], health: str, kept: tuple[Answer, ...]) -> Called:
        status = self._met.status
        asked = len(status) + len(self._met.failed) + len(self._met.idle)
        answered = sum(code == Status.OK for code in status.values())
        seconds = time.monotonic() - self._started
        told = GeneratedSet(SOURCE, len(found), asked, len(kept), self._lines(), seconds, answered)
        return Called(self._port, told, kept, health)

    def _lines(self) -> tuple[str, ...]:
        plan = self._context.plan.grpc
        return limit_lines(self._met, plan.unchanging, plan.seconds, is_silent=self._silent >= MOST_SILENT)
