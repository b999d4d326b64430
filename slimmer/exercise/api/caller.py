"""Call the operations of an app's API, one after the other, and return the requests that another run must repeat, with their answers.

What the operations change is the state of this container alone, which goes with it.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from slimmer.exercise.api.call import SOURCE, Known, Values, request_of, wrong_request
from slimmer.exercise.api.findings import is_plain, parsed, path_to, path_to_token, value_in
from slimmer.exercise.api.limits import MOST_KEPT, TIMEOUT, Met, limit_lines
from slimmer.exercise.api.operation import Operation
from slimmer.exercise.api.order import Need, Order
from slimmer.exercise.api.search import Found, Place, Search
from slimmer.exercise.capture import Capture
from slimmer.exercise.client import KEPT_BODY_LIMIT, Reply, Trouble
from slimmer.exercise.context import ExerciseContext
from slimmer.exercise.conversation import Choose, Conversation
from slimmer.exercise.crawl.origin import Origin
from slimmer.exercise.generated import SIZE, await_exit, is_whole
from slimmer.exercise.plan import Api
from slimmer.exercise.request import Request
from slimmer.exercise.result import Answer, GeneratedSet
from slimmer.exercise.verdict import judge

CRASHED = "while slimmer called {operation} of its API"
TRIED = 3
"""The number of operations that are tried to see where the API is."""

MISSING = 404
"""The status of what is not there: RFC 9110, section 15.5.5."""

LOGIN = "slimmer_bearer_token"
"""The name of the value that a login gives."""

UNKNOWN_USER = (401, 403)
"""Statuses for those who have not logged in, or may not do it: RFC 9110, sections 15.5.2 and 15.5.4."""

LOGIN_PAGE = (302, 303, 307)
"""Statuses by which apps with pages send a stranger to the form for a log-in: RFC 9110, section 15.4."""

HINT = "A call of its API ends the app. To build without such calls: --no-openapi."


@dataclass(frozen=True, slots=True)
class Sent:
    """A call and its answer. `news`: the app opened new files for it. `needed`: what comes later depends on it."""

    answer: Answer
    news: bool
    needed: bool


def call_api(
    context: ExerciseContext, places: Sequence[Place], bounds: Api
) -> tuple[GeneratedSet, tuple[Answer, ...], str] | None:
    """Find the API's description, and call its operations. Return what came of it, the answers to keep, and the description's name.

    Return None if there is no description, and the user named none. Raises AppFailed if the app exits meanwhile, and
    ObservationIncomplete if the probe does not answer.
    """
    started = time.monotonic()
    search = Search(context, places, bounds)
    found = search.run()
    context.check_running(CRASHED.format(operation="for the description"), HINT)
    if found is None or found.description.problem:
        why = f"{bounds.file} cannot be used: {found.description.problem}" if found else search.problem
        if not (why or bounds.asked):
            return None
        none = "found no description of an API at the usual places: name its path or a file (--openapi)"
        return GeneratedSet(SOURCE, 0, 0, 0, (why or none,), time.monotonic() - started, 0), (), ""
    return _Caller(context, found, bounds, started).run()


class _Caller:
    def __init__(self, context: ExerciseContext, found: Found, bounds: Api, started: float) -> None:
        self._context, self._found, self._bounds, self._started = context, found, bounds, started
        self._place = found.place
        self._endpoint = context.subject.endpoint(found.place.port)
        self._origin = Origin(found.place.scheme, found.place.port, self._endpoint)
        self._talk = Conversation(found.place.port)
        self._order = Order(())
        self._met = Met(list(found.description.notes))
        self._known: dict[Need, Known] = {}
        self._names: dict[str, Need] = {}
        self._token = ""
        self._guarded: set[Operation] = set()  # those that want the token
        self._as_user: set[Operation] = set()  # those that want the cookies of the user's log-in
        self._status: dict[Operation, int | None] = {}
        self._sent: list[Sent] = []
        self._opened = context.subject.opened()

    def run(self) -> tuple[GeneratedSet, tuple[Answer, ...], str]:
        for request, reply, news in self._found.asked:
            reply = reply if reply.size <= KEPT_BODY_LIMIT else replace(reply, body=None, start=b"")
            self._keep(request, reply, news=news is not False)
        self._order = Order(self._in_place(self._found.description.operations))
        self._met.ending = self._order.left_out
        mine = [one for one in self._order.operations if self._may_call(one)]
        self._met.changing = len(self._order.operations) - len(mine)
        first = [one for one in mine if not self._order.is_last(one)]
        for operation in first:
            self._call(operation)
        for operation in first:
            status = self._status.get(operation)
            if self._may_change(status):
                self._call_validly(operation)  # what it lacked may be there now
            if status in UNKNOWN_USER and self._token_for(operation):
                self._call_wrongly(operation)
        for operation in mine[len(first) :]:
            self._call(operation)
        return self._result(len(mine))

    def _in_place(self, operations: tuple[Operation, ...]) -> tuple[Operation, ...]:
        """Return the operations where the app has them. The path of a server may be that of a proxy, which takes it away."""
        plain = (one for one in operations if one.base and one.method == "GET" and "{" not in one.path)
        tried = [one for one in plain if one.path != f"{one.base}/"][:TRIED]  # the front page is always there
        for operation in tried:
            below = operation.without_base()
            replies = [self._try(operation)]
            if replies[0].status == MISSING:
                replies.append(self._try(below))
            if replies[-1].status != MISSING:
                return operations if len(replies) == 1 else tuple(one.without_base() for one in operations)
        return operations

    def _try(self, operation: Operation) -> Reply:
        request = request_of(operation, {}, least=True)
        reply = self._ask(request)
        self._learn(operation, request, reply)
        return reply

    def _may_call(self, operation: Operation) -> bool:
        return not self._bounds.unchanging or operation.is_safe

    def _result(self, callable_: int) -> tuple[GeneratedSet, tuple[Answer, ...], str]:
        self._met.out_of_time = callable_ - len(self._status)
        kept = self._kept()
        answered = sum(status is not None and 200 <= status < 300 for status in self._status.values())
        lines = limit_lines(self._met, list(self._status.items()), self._bounds)
        seconds = time.monotonic() - self._started
        found = self._found.description.found
        told = GeneratedSet(SOURCE, found, len(self._status), len(kept), lines, seconds, answered)
        return told, kept, self._found.name

    def _kept(self) -> tuple[Answer, ...]:
        """Return the answers that stand for all: what opened something, with all that changed the app's state before."""
        last = max((at for at, one in enumerate(self._sent) if one.news), default=-1)
        kept = [one.answer for one in self._sent[: last + 1] if one.news or one.needed]
        self._met.unkept = max(0, len(kept) - MOST_KEPT)
        return tuple(kept[:MOST_KEPT])

    # ------------------------------------------------------------------ calls

    def _call(self, operation: Operation) -> None:
        """Call an operation validly and invalidly. What deletes something is called validly at last."""
        if self._left <= 0 or self._context.ended:
            return
        if self._order.is_last(operation):
            self._call_wrongly(operation)
            self._call_validly(operation)
        else:
            self._call_validly(operation)
            self._call_wrongly(operation)

    def _call_validly(self, operation: Operation) -> None:
        """Call an operation as everybody may. If it wants to know who calls, call it with the cookies of the user's own log-in, too."""
        if operation not in self._as_user:
            self._call_plainly(operation)
        if self._place.session is None or not self._is_locked(operation) or self._order.logs_out(operation):
            return
        self._as_user.add(operation)
        for least in (False, True):
            request = request_of(operation, self._values(operation), self._token_for(operation), least=least)
            if self._left > 0 and (not least or self._may_change(self._status[operation])):
                self._status[operation] = self._send(operation, request, least=least)

    def _is_locked(self, operation: Operation) -> bool:
        """Return True if strangers may not call an operation. Only a question is sent to a form instead."""
        status = self._status.get(operation)
        is_sent_away = operation.is_safe and status in LOGIN_PAGE
        return operation in self._as_user or status in UNKNOWN_USER or is_sent_away

    def _call_plainly(self, operation: Operation) -> None:
        """Call an operation with all that it takes. If it refuses that, call it with the token of a log-in, or with only what it must have."""
        values, before = self._values(operation), None
        for guarded, least in ((False, False), (True, False), (True, True)):
            if guarded and self._token and self._status.get(operation) in UNKNOWN_USER:
                self._guarded.add(operation)
            request = request_of(operation, values, self._token_for(operation), least=least)
            if request == before:
                continue
            if self._left <= 0 or (before is not None and not self._may_change(self._status[operation])):
                return
            self._status[operation], before = self._send(operation, request, least=least), request

    def _call_wrongly(self, operation: Operation) -> None:
        request = wrong_request(operation, self._values(operation), self._token_for(operation))
        if request is not None and self._left > 0:
            request = self._by_user(operation, request)
            self._learn(operation, request, self._ask(request))

    def _by_user(self, operation: Operation, request: Request) -> Request:
        """Return a request with the name of the log-in whose cookies it sends, if its operation wants them."""
        return replace(request, session=self._place.session) if operation in self._as_user else request

    def _token_for(self, operation: Operation) -> str:
        return self._token if operation.secured or operation in self._guarded else ""

    def _may_change(self, status: int | None) -> bool:
        """Return True if a call with other values may be answered otherwise."""
        return status is not None and status >= 400 and (status not in UNKNOWN_USER or bool(self._token))

    def _values(self, operation: Operation) -> Values:
        return {use: self._known[use.need] for use in self._order.uses(operation) if use.need in self._known}

    def _send(self, operation: Operation, request: Request, *, least: bool) -> int | None:
        wanted = [need for need in self._order.gives(operation) if need not in self._known]
        looked_for = [] if operation.method == "PUT" else wanted  # its path has the ID already
        captures: list[Capture] = []
        known: dict[Need, Known] = {}

        def choose(reply: Reply) -> tuple[Capture, ...]:
            if reply.status is not None and 200 <= reply.status < 400:
                captures.extend(self._captures(looked_for, reply, known))
                captures.extend(self._logged_in(operation, reply))
            return tuple(captures)

        request = self._by_user(operation, request)
        reply = self._ask(request, choose)
        if captures and not reply.uncaptured and is_whole(reply):
            request = replace(request, captures=tuple(captures))
            self._known.update(known)
            self._token = f"${{{LOGIN}}}" if any(one.name == LOGIN for one in captures) else self._token
        if reply.status is not None and 200 <= reply.status < 300:
            self._know_what_was_sent(operation, wanted, least=least)
        self._learn(operation, request, reply)
        return reply.status

    def _ask(self, request: Request, choose: Choose | None = None) -> Reply:
        session = None if request.session is None else self._place.conversation
        scheme, timeout = self._place.scheme, self._timeout
        return self._talk.ask(request, self._endpoint, scheme, timeout, size_limit=SIZE, choose=choose, session=session)

    @property
    def _left(self) -> float:
        return self._bounds.seconds - (time.monotonic() - self._started)

    @property
    def _timeout(self) -> float:
        return max(0.0, min(TIMEOUT, self._left))

    # ------------------------------------------------------------------ what came of them

    def _captures(self, wanted: Sequence[Need], reply: Reply, known: dict[Need, Known]) -> list[Capture]:
        """Return where the IDs are in an answer, and note in `known` what stands for them."""
        found, answer = [], parsed(reply.body)
        location = dict(reply.lines).get("location", "")
        for need in wanted:
            name = self._name(need)
            if path := path_to(answer, need):
                found.append(Capture(name, "json", path))
                known[need] = Known(f"${{{name}}}")
            elif location and self._origin.path_of(location):
                found.append(Capture(name, "header", "location"))
                known[need] = Known(f"${{{name}}}", is_whole=True)
        return found

    def _logged_in(self, operation: Operation, reply: Reply) -> list[Capture]:
        """Return where an answer has a bearer token, if it is the first one."""
        path = path_to_token(parsed(reply.body)) if operation.method == "POST" and not self._token else ""
        return [Capture(LOGIN, "json", path)] if path else []

    def _know_what_was_sent(self, operation: Operation, wanted: Sequence[Need], *, least: bool) -> None:
        """An ID that no answer has may be one that the client chose: in the body, or in the path of a PUT."""
        chosen = next((one for one in reversed(operation.parameters) if one.place == "path"), None)
        if operation.method == "PUT" and chosen is not None and chosen.pairs and is_plain(chosen.pairs[0][1]):
            self._known.update((need, Known(chosen.pairs[0][1])) for need in wanted if need not in self._known)
        for body in operation.body:
            sent = json.loads(body.least if least else body.full)
            for need in wanted:
                if need not in self._known and (text := value_in(sent, need)):
                    self._known[need] = Known(text)

    def _name(self, need: Need) -> str:
        """Return the name of the variable for an ID."""
        plain = re.sub(r"\W+", "_", f"{need.thing}_{need.name}", flags=re.ASCII).strip("_")[-60:] or "id"
        name = plain if not plain[0].isdigit() else f"_{plain}"
        while self._names.setdefault(name, need) != need:
            name += "_"
        return name

    def _learn(self, operation: Operation, request: Request, reply: Reply) -> None:
        await_exit(self._context, [reply])
        if reply.trouble is Trouble.SILENT:
            self._context.subject.check_observed()
        before, self._opened = self._opened, self._context.subject.opened()
        self._keep(request, reply, news=before is None or self._opened is None or self._opened > before)
        self._context.check_running(CRASHED.format(operation=str(operation)), HINT)

    def _keep(self, request: Request, reply: Reply, *, news: bool) -> None:
        if not is_whole(reply):
            self._met.silent += 1
            return
        needed = request.method not in ("GET", "HEAD", "OPTIONS") or bool(request.captures)
        needed = needed or any(name == "set-cookie" for name, _ in reply.lines)
        answer = self._context.within_room(judge(request, self._place.port, reply))
        self._sent.append(Sent(answer, news, needed))
