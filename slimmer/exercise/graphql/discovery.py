"""Find the GraphQL API of an app: with the smallest query, at the usual places and where a page names one."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from slimmer.exercise.api.findings import parsed
from slimmer.exercise.api.schema import node
from slimmer.exercise.api.search import Place
from slimmer.exercise.client import Reply, Trouble
from slimmer.exercise.context import ExerciseContext
from slimmer.exercise.crawl.origin import Origin
from slimmer.exercise.generated import SIZE, ask_generated, await_exit
from slimmer.exercise.request import Request
from slimmer.exercise.result import Answer

SOURCE = "graphql"

PLACES = ("/graphql", "/api/graphql", "/v1/graphql", "/query")
"""Where servers have the API by default: Apollo, Yoga, graphene, Strawberry, Spring, Hot Chocolate; Next.js; Hasura; gqlgen."""

PAGE = "/graphiql"
"""Where a page for trying queries is, if it is not at the API itself."""

TELLING = "graphql"
"""The word in the paths of those places at which nothing else would take a query for an order to change something."""

MOST_ASKED = 8
"""The most requests to one port."""

MENTIONS = 3
"""The most paths of pages that are tried."""

PARSED = 1 << 19
"""The characters of a page that are read."""

PAGES = 20
"""The most pages that are read."""

ASKING = "{__typename}"
"""The smallest query (section 4.1)."""

TIMEOUT = 5.0
"""The seconds for an answer."""

SECONDS = 15.0
"""The seconds that a search takes at most, of all ports together."""

MOST_PORTS = 8
"""The most ports that are asked."""

HEADERS = (
    ("Accept", "application/graphql-response+json, application/json;q=0.9"),
    ("Content-Type", "application/json"),
)
"""Headers of a request (GraphQL over HTTP, draft of 2023). The type of the body also tells servers that no form sent it."""

GUARDED = (401, 403)

_MENTION = re.compile(r"""["'`(]([^"'`\s<>{}()]{0,200}graphql[^"'`\s<>{}()]{0,100})["'`)]""", re.IGNORECASE)
_FILE = re.compile(r"\.\w{2,5}(?:\?|$)")


@dataclass(slots=True)
class Found:
    """An API, and the request that found it with its answer. `guarded`: it wants a login even for the smallest query."""

    place: Place
    path: str
    asked: list[tuple[Request, Reply, bool | None]] = field(default_factory=list)
    guarded: bool = False


def post(path: str, query: str) -> Request:
    """Return the request for a query without variables."""
    return Request("POST", path, HEADERS, json.dumps({"query": query}).encode(), source=SOURCE)


def find(context: ExerciseContext, places: Sequence[Place], pages: Sequence[Answer], *, careful: bool) -> Found | None:
    """Return the first API on the ports of an app; None if there is none.

    `pages`: what the app has answered so far. `careful`: ask only where the path names GraphQL.
    """
    guarded, end = None, time.monotonic() + SECONDS
    for place in places[:MOST_PORTS]:
        found = _Search(context, place, end, careful=careful).run(one for one in pages if one.port == place.port)
        if found is not None and not found.guarded:
            return found
        guarded = guarded or found
    return guarded


class _Search:
    def __init__(self, context: ExerciseContext, place: Place, end: float, *, careful: bool) -> None:
        self._context, self._place, self._end, self._careful = context, place, end, careful
        self._origin = Origin(place.scheme, place.port, context.subject.endpoint(place.port))
        self._tried: set[str] = set()
        self._is_silent, self._asked = False, 0

    def run(self, pages: Iterable[Answer]) -> Found | None:
        named = [path for page in list(pages)[:PAGES] for path in self._named(page.request.path, page.body)]
        guarded = None
        for path in (*list(dict.fromkeys(named))[:MENTIONS], *PLACES):
            found = self._try(path)
            if found is not None and not found.guarded:
                return found
            guarded = guarded or found
        return guarded or self._by_page()

    def _by_page(self) -> Found | None:
        reply, _ = self._send(Request("GET", PAGE, source=SOURCE))
        named = self._named(PAGE, reply.body) if reply.status == 200 else ()
        found = (self._try(path) for path in (*list(dict.fromkeys(named))[:MENTIONS], PAGE) if reply.status == 200)
        return next((one for one in found if one is not None), None)

    def _try(self, path: str) -> Found | None:
        """Ask at a path, and if the app redirects or fails there, with a slash at its end."""
        if path in self._tried or self._is_silent or self._context.ended or (self._careful and TELLING not in path):
            return None
        self._tried.add(path)
        request = post(path, ASKING)
        reply, news = self._send(request)
        answer = node(parsed(reply.body))
        if isinstance(node(answer.get("data")).get("__typename"), str):
            return Found(self._place, path, [(request, reply, news)])
        if reply.status in GUARDED and TELLING in path and isinstance(answer.get("errors"), list):
            return Found(self._place, path, guarded=True)
        is_elsewhere = reply.status is not None and (300 <= reply.status < 400 or reply.status == 500)
        return self._try(f"{path}/") if is_elsewhere and not path.endswith("/") else None

    def _named(self, page: str, body: bytes | None) -> Iterator[str]:
        """Yield the paths of a page or a script that name GraphQL, but are no files."""
        text = (body or b"")[:PARSED].decode("utf-8", "replace").replace("\\/", "/")
        for link in _MENTION.findall(text):
            path = self._origin.path_of(link, page) if not _FILE.search(link) and ("/" in link or ":" in link) else None
            if path is not None:
                yield path

    def _send(self, request: Request) -> tuple[Reply, bool | None]:
        left = self._end - time.monotonic()
        if self._is_silent or self._asked >= MOST_ASKED or left <= 0 or self._context.ended:
            return Reply(trouble=Trouble.UNSENT), None
        self._asked += 1
        before = self._context.subject.opened()
        timeout = min(TIMEOUT, left)
        reply = ask_generated(self._context, request, self._place.port, self._place.scheme, timeout, kept=SIZE)
        await_exit(self._context, [reply])
        self._is_silent = reply.trouble is not Trouble.NONE
        after = self._context.subject.opened()
        return reply, None if before is None or after is None else after > before
