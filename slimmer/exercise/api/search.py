"""Ask an app for the description of its API, and read it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from slimmer.exercise.api.call import SOURCE
from slimmer.exercise.api.discovery import PAGES, PARSED, PLACES, Mentions, is_likely, linked, read_mentions
from slimmer.exercise.api.document import read_description
from slimmer.exercise.api.operation import Description
from slimmer.exercise.client import Reply
from slimmer.exercise.context import ExerciseContext
from slimmer.exercise.conversation import Conversation
from slimmer.exercise.crawl.origin import Origin
from slimmer.exercise.generated import SIZE, ask_generated, await_exit, is_whole
from slimmer.exercise.plan import Api
from slimmer.exercise.request import Request
from slimmer.sandbox.sandbox import Job, Sandbox

READING = 20.0
"""Seconds of CPU time for reading all documents."""

SECONDS = 15.0
"""The seconds that a search takes at most, of each port."""

TIMEOUT = 5.0
HOPS = 3
"""The most redirects in a row."""

ACCEPT = (("Accept", "application/json, application/yaml;q=0.9, */*;q=0.5"),)


@dataclass(frozen=True, slots=True)
class Place:
    """A port that speaks HTTP. `session`: a scenario that is logged in there, and `conversation`: what it has got. None: there is none."""

    port: int
    scheme: str
    session: str | None = None
    conversation: Conversation | None = field(default=None, compare=False, repr=False)


@dataclass(slots=True)
class Found:
    """A description, where it is, and the requests that led to it, each with its answer and whether the app opened new files for it."""

    place: Place
    name: str
    description: Description
    asked: list[tuple[Request, Reply, bool | None]] = field(default_factory=list)


class Search:
    """Looks for a description on the ports of an app, one after the other."""

    def __init__(self, context: ExerciseContext, places: Sequence[Place], bounds: Api) -> None:
        self._context, self._places, self._bounds = context, places, bounds
        self._sandbox = Sandbox(READING)
        self._end = 0.0
        self._tried: set[str] = set()
        self.problem = ""
        """Why what the user named is no description."""

    def run(self) -> Found | None:
        """Return the first description that can be read; None if there is none. Return it with a problem if the user named it."""
        if self._bounds.file:
            return Found(self._places[0], self._bounds.file, self._read(self._bounds.content, self._bounds.file, "/"))
        for place in self._places:
            self._end, self._tried = time.monotonic() + SECONDS, set()
            if (found := self._on(place)) is not None:
                return found
        return None

    def _on(self, place: Place) -> Found | None:
        if self._bounds.path:
            return self._try(place, self._bounds.path)
        for path in PLACES:
            if (found := self._try(place, path)) is not None:
                return found
        return next((found for path in PAGES if (found := self._by_page(place, path)) is not None), None)

    def _try(self, place: Place, path: str) -> Found | None:
        """Ask for a description at a path."""
        asked = self._ask(place, path)
        if not asked:
            return None
        request, reply, _ = asked[-1]
        named = path == self._bounds.path
        if reply.status != 200 or not is_whole(reply):
            self.problem = f"{path} answered {reply.status or reply.trouble}" if named else self.problem
            return None
        if not named and not is_likely(reply.start, reply.content_type):
            return None
        description = self._read(reply.start, request.path, request.path)
        if description.problem:
            self.problem = f"{request.path} cannot be used: {description.problem}"
            return None
        return Found(place, request.path, description, asked)

    def _by_page(self, place: Place, path: str, depth: int = 2) -> Found | None:
        """Look at a page, and at the scripts and configurations that it names, for the URL of a description."""
        asked = self._ask(place, path)
        if not asked or asked[-1][1].status != 200:
            return None
        request, reply, _ = asked[-1]
        if is_likely(reply.start, reply.content_type):
            self._tried.discard(path)
            return self._try(place, path)
        if not reply.content_type.startswith(
            ("text/", "application/javascript", "application/json", "application/xhtml")
        ):
            return None
        for link in self._links(place, request.path, reply):
            found = self._by_page(place, link, depth - 1) if depth else self._try(place, link)
            if found is not None:
                found.asked[:0] = asked
                return found
        return None

    def _links(self, place: Place, path: str, reply: Reply) -> Iterator[str]:
        origin = self._origin(place)
        job = Job(path, reply.start[:PARSED])
        named = self._sandbox.facts(read_mentions, Mentions, [job])[0] if reply.start else None
        for link in (*linked(reply.lines), *(named.links if named else ())):
            if (found := origin.path_of(link, path)) is not None:
                yield found

    def _origin(self, place: Place) -> Origin:
        return Origin(place.scheme, place.port, self._context.subject.endpoint(place.port))

    def _ask(self, place: Place, path: str) -> list[tuple[Request, Reply, bool | None]]:
        """Return the request for a path and its answer, after those that redirected to it. Return [] if there is no time for it."""
        asked: list[tuple[Request, Reply, bool | None]] = []
        for _ in range(1 + HOPS):
            left = self._end - time.monotonic()
            if path in self._tried or left <= 0 or self._context.ended:
                return []
            self._tried.add(path)
            before, request = self._context.subject.opened(), Request("GET", path, ACCEPT, source=SOURCE)
            reply = ask_generated(self._context, request, place.port, place.scheme, min(TIMEOUT, left), kept=SIZE)
            await_exit(self._context, [reply])
            after = self._context.subject.opened()
            asked.append((request, reply, None if before is None or after is None else after > before))
            target = dict(reply.lines).get("location", "") if reply.status and 300 <= reply.status < 400 else ""
            following = self._origin(place).path_of(target, path) if target else None
            if following is None:
                return asked
            path = following
        return []

    def _read(self, content: bytes, name: str, place: str) -> Description:
        if len(content) >= SIZE:
            return Description(f"it is larger than {SIZE >> 20} MB")
        found = self._sandbox.facts(read_description, Description, [Job(name, content, (place,))])[0]
        return found or Description(self._sandbox.unreadable.get(name, "it takes too long to read"))
