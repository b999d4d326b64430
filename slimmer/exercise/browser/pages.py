"""The pages of an app that are opened in a browser, and what their scripts ask for.

A page's request is sent by slimmer, one after the other. So slimmer knows for each of them if the app opened something new, as for a
wave of the crawl.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count

from slimmer.errors import ExerciseFailed
from slimmer.exercise.browser.browser import Asked, Browser, BrowserFailed, Opened, Shown
from slimmer.exercise.browser.page_request import SAFE, Refusal, mark_of, refusal, request_of
from slimmer.exercise.browser.program import OPTION, VARIABLE
from slimmer.exercise.client import Reply
from slimmer.exercise.context import ExerciseContext
from slimmer.exercise.conversation import Conversation
from slimmer.exercise.crawl.document import Document, location_of
from slimmer.exercise.crawl.frontier import Frontier, Target
from slimmer.exercise.crawl.limits import HOPS, TIMEOUT
from slimmer.exercise.crawl.news import News
from slimmer.exercise.crawl.origin import Origin
from slimmer.exercise.generated import SIZE, await_exit, is_whole
from slimmer.exercise.request import Request
from slimmer.exercise.result import Answer
from slimmer.exercise.verdict import judge
from slimmer.formatting import counted

PAGE_SECONDS = 10.0
"""The most seconds for a page to come to rest."""

PATIENCE = 3
"""After so many pages of a shape in a row whose requests opened nothing new, and were like earlier ones, no more of that shape are opened."""

MOST_BROKEN = 3
"""After so many pages that broke the browser, no more are opened."""

MOST_PAGES = 2000
"""The number of pages that wait to be opened."""

CACHE = 32 << 20
"""The bytes of scripts, styles and pictures that are remembered, since most pages need the same."""

CACHED = frozenset(("script", "stylesheet", "image", "font"))

CRASHED = "while a page of it was open in a browser"
HINT = f"A request of its page ends the app. To build without a browser, leave out {OPTION}."

SHOWN = 3
DROPPED = frozenset(
    (
        *("content-encoding", "content-length", "transfer-encoding", "connection", "keep-alive", "alt-svc", "nel"),
        *("strict-transport-security", "report-to", "reporting-endpoints", "public-key-pins", "clear-site-data"),
    )
)
"""Headers of answers that a page does not get: those of the transfer, and those that make a browser report or connect elsewhere."""

TROUBLES = {"hung": "did not answer", "crashed": "crashed", "memory": "took more than 1 GB of memory"}

Record = Callable[[Target, Answer, bool], None]
"""Takes an answer, and whether the app opened something new for it. Others were needed by what came later."""


@dataclass(order=True, slots=True)
class _Waiting:
    rank: int
    target: Target
    fragment: str = field(compare=False, default="")


@dataclass(slots=True)
class _Counts:
    opened: int = 0
    requests: int = 0
    alike: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    told: Counter[str] = field(default_factory=Counter)
    restless: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)


class Pages:
    """The pages of the crawl's sites that wait for the browser. `close` ends the browser."""

    def __init__(
        self,
        context: ExerciseContext,
        program: str,
        origins: Mapping[int, Origin],
        frontier: Frontier,
        news: News,
        record: Record,
        most: int,
    ) -> None:
        """`most` is the number of URLs that the crawl may request in all."""
        self._context, self._origins, self._frontier, self._news = context, origins, frontier, news
        self._record, self._most = record, most
        self._browser = Browser(program, tuple(origins), context.subject.container_name())
        self._waiting: list[_Waiting] = []
        self._known: set[tuple[int, str]] = set()
        self._futile: Counter[str] = Counter()
        self._talks = {port: Conversation(port) for port in origins}
        self._cache: dict[tuple[int, str], Shown] = {}
        self._cached = 0
        self._silent: set[str] = set()
        self._needed: set[tuple[int, str, str]] = set()
        self._numbers = count(1)
        self._counts = _Counts()
        self._documents: list[Document] = []
        self._gain = False
        self._shapes: set[str] = set()
        self._left: Callable[[], float] = lambda: 0.0

    def close(self) -> None:
        """End the browser."""
        self._browser.__exit__(None, None, None)

    def add(self, target: Target, fragment: str = "") -> None:
        """Add a page. A `fragment` such as `#/items` names a view that only a script shows."""
        key = target.port, target.path + fragment
        if key not in self._known and len(self._waiting) < MOST_PAGES:
            self._known.add(key)
            heapq.heappush(self._waiting, _Waiting(self._futile[target.shape], target, fragment))

    @property
    def _is_full(self) -> bool:
        """True if the crawl may request no further URL (--crawl-pages)."""
        return self._frontier.asked >= self._most

    @property
    def waiting(self) -> int:
        """The number of pages that could still be opened."""
        return len(self._waiting)

    def open_next(self, left: Callable[[], float]) -> list[Document] | None:
        """Open the next page. Return what it is made of, and what it loaded for the first time. None if there is none left.

        `left` returns the seconds that the crawl still has. Raises AppFailed if the app exits, and ExerciseFailed if no browser starts.
        """
        page = self._next()
        if page is None:
            return None
        self._left, self._documents, self._gain = left, [], False
        opened = self._open(page)
        self._context.check_running(CRASHED, HINT)
        shape = page.target.shape
        self._futile[shape] = 0 if self._gain else self._futile[shape] + 1
        return [*self._documents, *self._built(page.target, opened)]

    def lines(self) -> Iterator[str]:
        """Yield what came of it, and a line for each thing that was refused or given up."""
        yield from _lines(self._counts, self._context.plan.api.unchanging)
        if self.waiting:
            yield f"stopped with {counted(self.waiting, 'page')} that the browser did not open"
        if self._browser.confined and not self._browser.confined.get("sandboxed"):
            yield "the browser ran without its sandbox, because it has to run as root, or this system has no user namespaces"

    # ------------------------------------------------------------------ pages

    def _next(self) -> _Waiting | None:
        while self._waiting and len(self._counts.broken) < MOST_BROKEN and not self._is_full:
            page = heapq.heappop(self._waiting)
            futile = self._futile[page.target.shape]
            if futile >= PATIENCE and not page.fragment:
                self._counts.alike += 1
            elif futile > page.rank and not page.fragment:
                heapq.heappush(self._waiting, replace(page, rank=futile))
            else:
                return page
        return None

    def _open(self, page: _Waiting) -> Opened:
        target, counts = page.target, self._counts
        url = self._origins[target.port].url + target.path[1:] + page.fragment
        try:
            opened = self._browser.open(url, min(PAGE_SECONDS, max(0.1, self._left())), partial(self._serve, target))
        except BrowserFailed as error:
            self._browser.close()
            if not self._browser.confined:
                hint = f"Try it by hand: chromium --headless --dump-dom about:blank. {VARIABLE} names another one."
                raise ExerciseFailed(f"{OPTION}: the browser does not start: {error}", hint=hint) from error
            opened = Opened("", b"", "hung")
        counts.opened += 1
        counts.told.update(opened.told)
        if opened.trouble == "restless":
            counts.restless.append(target.path)
        elif opened.trouble:
            counts.broken.append(f"{target.path} ({TROUBLES.get(opened.trouble, opened.trouble)})")
        return opened

    def _built(self, target: Target, opened: Opened) -> Iterator[Document]:
        """Yield the page as it is now. A script may have given it another URL, which is one more page of the app."""
        path = self._origins[target.port].path_of(opened.url)
        if opened.html and path is not None:
            self._frontier.add(target.port, path, target.depth)
            yield Document(replace(target, path=path), "text/html; charset=utf-8", opened.html, is_built=True)

    # ------------------------------------------------------------------ requests

    def _serve(self, page: Target, asked: Asked) -> Shown | None:
        """Answer a request of a page. None refuses it."""
        origin = self._origins[page.port]
        path = origin.path_of(asked.url)
        why = refusal(asked, path, self._context.plan.api.unchanging)
        elsewhere = asked.main and not asked.first
        if elsewhere and path is not None and asked.method == "GET":
            self._frontier.add(page.port, path, page.depth + 1)  # the page stays, so that its elements can be read
            return None
        if path is None or why is not None:
            self._counts.refused[why or Refusal.FOREIGN] += 1
            if why is Refusal.STREAM and path is not None:
                self._frontier.add(page.port, path, page.depth + 1)
            return None
        kept = self._cache.get((page.port, path)) if asked.method == "GET" else None
        shown = kept or self._fetch(page, asked, request_of(asked, path))
        return None if elsewhere else shown

    def _fetch(self, page: Target, asked: Asked, request: Request) -> Shown | None:
        """Send a request, and follow redirects as a browser does (Fetch standard, section 4.4)."""
        first = request
        for _ in range(HOPS + 1):
            reply = self._send(page, request)
            if reply is None or reply.status is None:
                return None
            location = location_of(reply)
            if not location:
                return self._shown(page.port, first.path, asked.kind, reply)
            path = self._origins[page.port].path_of(location, request.path)
            method = request.method if reply.status in (307, 308) or request.method in SAFE else "GET"
            body = asked.body if method == request.method else b""
            again = replace(asked, method=method, body=body)
            if path is None or refusal(again, path, self._context.plan.api.unchanging) is not None:
                self._counts.refused[Refusal.FOREIGN if path is None else Refusal.UNSAFE] += 1
                return None
            request = request_of(again, path)
        return None

    def _send(self, page: Target, request: Request) -> Reply | None:
        """Send one request, and learn what it opened. Return None if it may not be sent any more, or a like one got no answer."""
        kind = "" if not (mark := mark_of(request)) else request.method
        shape = replace(page, path=request.path, method=kind).shape
        if self._left() <= 0 or self._context.ended or shape in self._silent:
            return None
        if self._is_full and not self._frontier.was_asked(page.port, request.path, kind, mark):
            return None
        target = self._frontier.take(page.port, request.path, page.depth + 1, kind, mark)
        origin, endpoint = self._origins[page.port], self._context.subject.endpoint(page.port)
        timeout = max(0.0, min(TIMEOUT, self._left()))
        reply = self._talks[page.port].ask(request, endpoint, origin.scheme, timeout, size_limit=SIZE, kept=SIZE)
        await_exit(self._context, [reply])
        self._context.check_running(CRASHED, HINT)
        if reply.trouble or not is_whole(reply):
            self._silent.add(shape)
        self._learn(page, target, request, reply)
        return reply

    def _learn(self, page: Target, target: Target | None, request: Request, reply: Reply) -> None:
        news = self._news.look()
        if target is not None:
            self._counts.requests += 1
            known = {target: reply.status or 0} if is_whole(reply) else {}
            news = bool(self._frontier.learn((target,), known, news))
            self._gain |= news or target.shape not in self._shapes
            self._shapes.add(target.shape)
            if not mark_of(request):
                self._documents.append(Document(target, reply.content_type, reply.start, location_of(reply)))
        needed = request.method not in SAFE or any(name == "set-cookie" for name, _ in reply.lines)
        key = page.port, request.path, mark_of(request)
        if is_whole(reply) and (news or (needed and key not in self._needed)):
            self._needed.add(key)
            stands = target or replace(page, path=request.path, number=-next(self._numbers))
            answer = judge(request, page.port, replace(reply, start=b""))
            self._record(stands, self._context.within_room(answer), bool(news))

    def _shown(self, port: int, path: str, kind: str, reply: Reply) -> Shown:
        headers = tuple((name, value) for name, value in reply.lines if name.lower() not in DROPPED)
        shown = Shown(reply.status or 0, headers, reply.start)
        if kind in CACHED and reply.status == 200 and self._cached + reply.size <= CACHE:
            self._cached += reply.size
            self._cache[port, path] = shown
        return shown


def _lines(counts: _Counts, unchanging: str) -> Iterator[str]:
    refused, told = counts.refused, counts.told
    asked = f"whose scripts and elements made {counted(counts.requests, 'request')} that no link had led to"
    yield f"opened {counted(counts.opened, 'page')} in a browser, {asked}"
    if foreign := refused[Refusal.FOREIGN]:
        yield f"refused {counted(foreign, 'request')} of pages to other origins"
    if unsafe := refused[Refusal.UNSAFE]:
        yield f"left out {counted(unsafe, 'request')} of pages that would end something, such as a logout"
    if changing := refused[Refusal.CHANGING]:
        yield f"left out {counted(changing, 'request')} of pages that change something, because {unchanging}"
    if streams := refused[Refusal.STREAM] + told["stream"]:
        yield f"left out {counted(streams, 'stream')} of pages (WebSocket, server-sent events)"
    if told["unasked"]:
        yield f"left out {counted(told['unasked'], 'request')} of pages that sent too many, or too large ones"
    if seen := [counted(told[name], name) for name in ("dialog", "download", "popup") if told[name]]:
        yield f"refused {' and '.join(seen)} of pages"
    if counts.restless:
        pages, named = counted(len(counts.restless), "page"), _shown(counts.restless)
        yield f"read {pages} before all of their requests had ended, after {PAGE_SECONDS:g} s or less: {named}"
    if counts.broken:
        end = "; no more were opened" if len(counts.broken) >= MOST_BROKEN else ""
        yield f"gave up {counted(len(counts.broken), 'page')} in the browser: {_shown(counts.broken)}{end}"
    if counts.alike:
        why = f"because {PATIENCE} others like each of them led to nothing new"
        yield f"did not open {counted(counts.alike, 'page')} in the browser, {why}"


def _shown(paths: list[str]) -> str:
    return ", ".join(paths[:SHOWN]) + (" …" if len(paths) > SHOWN else "")
