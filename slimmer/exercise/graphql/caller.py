"""Ask for the fields of an app's GraphQL API, and return the requests that another run must repeat, with their answers."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from slimmer.exercise.api.findings import is_plain, parsed
from slimmer.exercise.api.schema import node
from slimmer.exercise.api.search import Place
from slimmer.exercise.capture import Capture
from slimmer.exercise.client import KEPT_BODY_LIMIT, Reply, Trouble
from slimmer.exercise.context import ExerciseContext
from slimmer.exercise.conversation import Choose, Conversation
from slimmer.exercise.draft import Content, Draft, Placeholder
from slimmer.exercise.generated import SIZE, ask_generated, await_exit, is_whole
from slimmer.exercise.graphql.discovery import HEADERS, SOURCE, Found, find, post
from slimmer.exercise.graphql.document import INTROSPECTION, read_schema
from slimmer.exercise.graphql.field import Call, Field, Gift, Schema
from slimmer.exercise.plan import ExercisePlan
from slimmer.exercise.request import Request
from slimmer.exercise.result import Answer, GeneratedSet
from slimmer.exercise.verdict import judge
from slimmer.formatting import counted
from slimmer.sandbox.sandbox import Job, Sandbox

READING = 20.0
"""Seconds of CPU time for reading what the API says of itself."""

TIMEOUT = 10.0
"""The seconds for an answer."""

MOST_KEPT = 200
"""The number of requests that are kept."""

ROUNDS = 5
"""How often the fields that lacked an ID are looked at again."""

SHOWN = 3
"""The number of fields that a line names."""

WRONG = "{ slimmerHasNoSuchField }"
"""An invalid query, since its error messages may be files, too."""

CRASHED = "while slimmer asked its GraphQL API for {what}"
HINT = "A query of its GraphQL API ends the app. To build without such queries: --no-graphql."


@dataclass(frozen=True, slots=True)
class Sent:
    """A request's answer. `news`: the app opened new files for it. `needed`: what comes later depends on it."""

    answer: Answer
    news: bool
    needed: bool


def ask_fields(
    context: ExerciseContext, places: Sequence[Place], pages: Sequence[Answer]
) -> tuple[GeneratedSet, tuple[Answer, ...], str] | None:
    """Find the app's GraphQL API, and ask for its fields. Return what came of it, the answers to keep, and the API's path.

    Return None if there is no such API, and the user did not ask for its mutations. Raises AppFailed if the app exits meanwhile, and ObservationIncomplete if the probe does not answer.
    """
    started = time.monotonic()
    found = find(context, places, pages, careful=bool(context.plan.api.unchanging))
    context.check_running(CRASHED.format(what="anything"), HINT)
    if found is None and context.plan.graphql.mutations:
        why = "found no GraphQL API at the usual places (--graphql-mutations)"
        return GeneratedSet(SOURCE, 0, 0, 0, (why,), time.monotonic() - started, 0), (), ""
    if found is None:
        return None
    if found.guarded and found.place.session is None:
        why = f"{found.path} wants a login; to call it, ask for it in a probe file that logs in (--probe-file)"
        return GeneratedSet(SOURCE, 0, 0, 0, (why,), time.monotonic() - started, 0), (), found.path
    return _Caller(context, found, started).run()


class _Caller:
    def __init__(self, context: ExerciseContext, found: Found, started: float) -> None:
        self._context, self._found, self._started = context, found, started
        self._place = found.place
        self._talk = Conversation(found.place.port)
        self._opened = context.subject.opened()
        self._known: set[str] = set()
        self._good: dict[Field, bool] = {}  # each field that was asked: if it was answered without errors
        self._sent: list[Sent] = []
        self._silent, self._unkept = 0, 0

    def run(self) -> tuple[GeneratedSet, tuple[Answer, ...], str]:
        for request, reply, news in self._found.asked:
            self._keep(request, reply, news=news is not False)
        schema = self._introspected()
        if not schema.problem:
            wrong = replace(post(self._found.path, WRONG), session=self._place.session)
            self._learn("an invalid query", wrong, self._ask(wrong))
        queries = [field for field in schema.fields if field.kind == "query"]
        mutations = [field for field in schema.fields if field.kind == "mutation" and self._may_change]
        self._rounds(queries)
        self._change(queries, [field for field in mutations if not field.ends_app])
        return self._result(schema, [*queries, *mutations])

    @property
    def _may_change(self) -> bool:
        return may_change(self._context.plan)

    def _introspected(self) -> Schema:
        request = replace(post(self._found.path, INTROSPECTION), session=self._place.session)
        port, scheme, session = self._place.port, self._place.scheme, self._place.conversation
        reply = ask_generated(self._context, request, port, scheme, self._timeout, kept=SIZE, session=session)
        reply = reply if session is None else session.hidden(reply)
        self._learn("its schema", request, reply)
        if reply.size >= SIZE or not is_whole(reply):
            return Schema("its schema is too large, or does not come to an end")
        sandbox = Sandbox(READING)
        found = sandbox.facts(read_schema, Schema, [Job(self._found.path, reply.start)])[0]
        return found or Schema(sandbox.unreadable.get(self._found.path, "its schema takes too long to read"))

    def _rounds(self, fields: Sequence[Field]) -> None:
        """Ask for fields, and again for those that lacked a value which another answer gave meanwhile."""
        done = set[Call]()
        for _ in range(ROUNDS):
            before = len(done)
            for field in fields:
                self._call(field, done)
            if len(done) == before:
                return

    def _change(self, queries: Sequence[Field], mutations: Sequence[Field]) -> None:
        """Send the mutations, those last that take something away. Before these, ask once more for what is there now."""
        if not mutations:
            return
        self._rounds([field for field in mutations if not field.takes_away])
        self._rounds(queries)
        self._rounds([field for field in mutations if field.takes_away])

    def _call(self, field: Field, done: set[Call]) -> None:
        """Send the calls of a field that can be sent now. A mutation that went well is not sent in another way."""
        for call in field.calls:
            if field.kind == "mutation" and self._good.get(field):
                return
            if call in done or self._left <= 0 or self._context.ended:
                continue
            if all(self._known.intersection(need.values) for need in call.needs):
                done.add(call)
                self._send(field, call)

    def _send(self, field: Field, call: Call) -> None:
        captures: list[Capture] = []

        def choose(reply: Reply) -> tuple[Capture, ...]:
            answer = parsed(reply.body)
            captures.extend(Capture(one.name, "json", one.path) for one in self._new(call.gifts, answer))
            return tuple(captures)

        request = self._request(call)
        reply = self._ask(request, choose)
        if captures and not reply.uncaptured and is_whole(reply):
            request = replace(request, captures=tuple(captures))
            self._known.update(one.name for one in captures)
        self._good[field] = is_good(reply) or self._good.get(field, False)
        self._learn(f"{field.kind} {field.name}", request, reply, changes=field.kind == "mutation")

    def _new(self, gifts: Sequence[Gift], answer: object) -> Iterator[Gift]:
        """Yield the values that an answer has and no other had, each name once."""
        names = set(self._known)
        for gift in gifts:
            if gift.name not in names and is_plain(_at(gift.path, answer)):
                names.add(gift.name)
                yield gift

    def _request(self, call: Call) -> Request:
        document, variables = call.document, call.variables
        for need in call.needs:
            known = next(one for one in need.values if one in self._known)
            document, variables = (
                text.replace(f"${{{need.place}}}", f"${{{known}}}") for text in (document, variables)
            )
        text = json.dumps({"query": document, "variables": json.loads(variables)})
        draft = Draft("POST", self._found.path, HEADERS, Content("json", text))
        names = {name for name, _ in draft.names()}
        path, headers, body = draft.parts({name: Placeholder(f"${{{name}}}") for name in names})
        draft_of = draft if names else None
        return Request("POST", path, headers, body, source=SOURCE, session=self._place.session, draft=draft_of)

    # ------------------------------------------------------------------ what came of them

    def _ask(self, request: Request, choose: Choose | None = None) -> Reply:
        endpoint = self._context.subject.endpoint(self._place.port)
        session, scheme = self._place.conversation, self._place.scheme
        return self._talk.ask(request, endpoint, scheme, self._timeout, size_limit=SIZE, choose=choose, session=session)

    @property
    def _left(self) -> float:
        return self._context.plan.graphql.seconds - (time.monotonic() - self._started)

    @property
    def _timeout(self) -> float:
        return max(0.0, min(TIMEOUT, self._left))

    def _learn(self, what: str, request: Request, reply: Reply, *, changes: bool = False) -> None:
        await_exit(self._context, [reply])
        if reply.trouble is Trouble.SILENT:
            self._context.subject.check_observed()
        before, self._opened = self._opened, self._context.subject.opened()
        news = before is None or self._opened is None or self._opened > before
        self._keep(request, reply, news=news, changes=changes)
        self._context.check_running(CRASHED.format(what=what), HINT)

    def _keep(self, request: Request, reply: Reply, *, news: bool, changes: bool = False) -> None:
        if not is_whole(reply):
            self._silent += 1
            return
        reply = reply if reply.size <= KEPT_BODY_LIMIT else replace(reply, body=None, start=b"")
        needed = changes or bool(request.captures) or any(name == "set-cookie" for name, _ in reply.lines)
        answer = self._context.within_room(judge(request, self._place.port, reply))
        self._sent.append(Sent(answer, news, needed))

    def _kept(self) -> tuple[Answer, ...]:
        """Return the answers that stand for all: what opened something, with all that it depends on."""
        last = max((at for at, one in enumerate(self._sent) if one.news), default=-1)
        kept = [one.answer for one in self._sent[: last + 1] if one.news or one.needed]
        self._unkept = max(0, len(kept) - MOST_KEPT)
        return tuple(kept[:MOST_KEPT])

    def _result(self, schema: Schema, wanted: Sequence[Field]) -> tuple[GeneratedSet, tuple[Answer, ...], str]:
        kept = self._kept()
        lines = tuple(self._lines(schema, wanted))
        found, answered = schema.queries + schema.mutations, sum(self._good.values())
        seconds = time.monotonic() - self._started
        told = GeneratedSet(SOURCE, found, len(self._good), len(kept), lines, seconds, answered)
        return told, kept, self._found.path

    def _lines(self, schema: Schema, wanted: Sequence[Field]) -> Iterator[str]:
        """Yield a line for each thing to know."""
        if schema.problem:
            yield f"{self._found.path}: {schema.problem}"
        yield from schema.left_out
        yield from schema.left_out_mutations if self._may_change else ()
        if schema.mutations and not self._may_change:
            unchanging = self._context.plan.api.unchanging
            why = (
                f"because {unchanging}" if self._context.plan.graphql.mutations else "to send them: --graphql-mutations"
            )
            yield f"left out {counted(schema.mutations, 'mutation')}{',' if unchanging else ';'} {why}"
        if ending := [field for field in wanted if field.ends_app]:
            yield f"left out {counted(len(ending), 'mutation')} that would end the app: {_shown(ending)}"
        waiting = [field for field in wanted if field not in self._good and not field.ends_app]
        if waiting and self._left <= 0:
            yield f"stopped after {self._context.plan.graphql.seconds:g} s with {counted(len(waiting), 'field')} left"
        elif waiting:
            yield f"left out {counted(len(waiting), 'field')} of which no answer gave the ID: {_shown(waiting)}"
        if failed := [field for field, good in self._good.items() if not good]:
            yield f"{counted(len(failed), 'field')} answered with errors: {_shown(failed)}"
        if self._silent:
            yield f"{counted(self._silent, 'request')} got no whole answer within {TIMEOUT:g} s"
        if self._unkept:
            yield f"kept the first {MOST_KEPT} requests of {MOST_KEPT + self._unkept}"


def may_change(plan: ExercisePlan) -> bool:
    """Return True if mutations are sent: the user wants it, and they change nothing outside of the app's container."""
    return plan.graphql.mutations and not plan.api.unchanging


def is_good(reply: Reply) -> bool:
    """Return True for an answer that has data and no errors (section 7.1)."""
    answer = node(parsed(reply.body))
    is_ok = reply.status is not None and 200 <= reply.status < 300
    return is_ok and isinstance(answer.get("data"), dict) and not answer.get("errors")


def _at(path: str, answer: object) -> object:
    """Return the value at the path of a gift; None if there is none."""
    found = answer
    for step in path.removeprefix("$[").removesuffix("]").split("]["):
        if step == "0":
            found = found[0] if isinstance(found, list) and found else None
        else:
            found = node(found).get(step.strip("'"))
    return found


def _shown(fields: Sequence[Field]) -> str:
    names = Counter(field.name for field in fields)
    return ", ".join(list(names)[:SHOWN]) + (" …" if len(names) > SHOWN else "")
