"""Ask what the app's pages link, wave by wave, and return the requests that stand for all of them with their answers.

No cookie is kept, and nothing of the user's requests is sent: neither headers nor bodies. But if the user's requests have logged in, another crawl
sends the cookies that they got.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from slimmer.exercise.client import Reply
from slimmer.exercise.context import ExerciseContext
from slimmer.exercise.conversation import Conversation
from slimmer.exercise.crawl.document import Document, location_of
from slimmer.exercise.crawl.frontier import MOST_FOUND, WIDTH, Frontier, Target, fewer
from slimmer.exercise.crawl.limits import HOPS, MOST_STATES, PARSED, TIMEOUT, Met, limit_lines
from slimmer.exercise.crawl.links import LINKS, Kind, Links, read_links
from slimmer.exercise.crawl.news import News
from slimmer.exercise.crawl.origin import Origin
from slimmer.exercise.crawl.safety import may_change
from slimmer.exercise.draft import VARIABLE
from slimmer.exercise.generated import ask_generated, await_exit, is_whole
from slimmer.exercise.plan import Crawl
from slimmer.exercise.request import Request
from slimmer.exercise.result import Answer, GeneratedSet
from slimmer.exercise.verdict import judge
from slimmer.sandbox.sandbox import Sandbox
from slimmer.tasks import side_by_side

if TYPE_CHECKING:
    from slimmer.exercise.browser.pages import Pages

SOURCE = "crawl"

HEADERS = (("Accept", "text/html,application/xhtml+xml,*/*;q=0.8"),)
"""Many apps send their pages only to clients that ask for HTML."""

WELL_KNOWN = ("/robots.txt", "/sitemap.xml", "/favicon.ico")
"""What browsers and search engines ask of every site."""

READING = 60.0
"""Seconds of CPU time for reading the links of all documents."""

SHARE = 1 << 16
"""Bytes of documents that are worth another child process."""

VIEWS = 50
"""The links of a page among which its views are looked for."""

CRASHED = "while slimmer crawled its pages"
HINT = "A page that GET requests lead to ends the app. To build without following links: --no-crawl."


@dataclass(frozen=True, slots=True)
class Site:
    """A port that speaks HTTP, and its answers to the requests that were sent before the crawl.

    `session`: the scenario that is logged in there and whose cookies the crawl sends, and `conversation`: what it has got. None: no cookies.
    """

    port: int
    scheme: str
    answers: tuple[Answer, ...]
    session: str | None = None
    conversation: Conversation | None = None

    @property
    def has_pages(self) -> bool:
        """True if an answer is a page, or leads to one."""
        return any(_is_page(answer) or location_of(answer) for answer in self.answers)


def crawl(context: ExerciseContext, sites: Sequence[Site], bounds: Crawl) -> tuple[GeneratedSet, tuple[Answer, ...]]:
    """Follow the links of these sites. Return what came of it, and the answers to the requests that stand for all.

    Raises AppFailed if the app exits meanwhile, and ObservationIncomplete if the probe does not answer.
    """
    return _Crawler(context, sites, bounds).run()


def _is_page(answer: Answer) -> bool:
    return answer.content_type.startswith(("text/html", "application/xhtml+xml"))


def _is_complete(answer: Answer) -> bool:
    """Return True if the path of an answer's request is the one that was sent: it has no places for values."""
    return not VARIABLE.search(answer.request.path)


def _is_public(answer: Answer) -> bool:
    """Return True if an answer is known that everybody gets: it needs no second request without the user's headers."""
    has_links = answer.body is not None or not _is_page(answer)
    return answer.request.method == "GET" and not answer.request.headers and has_links


class _Crawler:
    def __init__(self, context: ExerciseContext, sites: Sequence[Site], bounds: Crawl) -> None:
        self._context, self._bounds = context, bounds
        self._started = time.monotonic()
        self._sites = {site.port: site for site in sites}
        self._origins = {
            site.port: Origin(site.scheme, site.port, context.subject.endpoint(site.port)) for site in sites
        }
        self._frontier, self._met, self._sandbox = Frontier(bounds.depth), Met(), Sandbox(READING)
        self._seen: dict[int, set[str]] = {site.port: set() for site in sites}
        self._answers: dict[Target, Answer] = {}
        self._states: set[Target] = set()  # of answers that opened nothing, but on which later ones depend
        self._news = News(context.subject)
        logged_in = any(site.session is not None for site in sites)  # the browser does not have the cookies
        self._pages = self._browser() if bounds.browser and not logged_in else None

    def _browser(self) -> Pages:
        from slimmer.exercise.browser.pages import Pages
        from slimmer.exercise.browser.program import chromium

        parts = self._context, chromium() or "chromium", self._origins, self._frontier, self._news
        return Pages(*parts, self._record, self._bounds.pages)

    def run(self) -> tuple[GeneratedSet, tuple[Answer, ...]]:
        try:
            for site in self._sites.values():
                self._begin(site)
            while self._send_wave() | self._open_page():
                pass
        finally:
            if self._pages is not None:
                self._pages.close()
        return self._result()

    def _send_wave(self) -> bool:
        """Ask for some URLs. Return False if there are none."""
        wave = self._next_wave()
        if wave:
            replies = side_by_side(self._ask, wave, WIDTH)
            await_exit(self._context, replies)
            self._learn(wave, replies, self._news.look())
            self._context.check_running(CRASHED, HINT)
        return bool(wave)

    def _open_page(self) -> bool:
        """Open a page in the browser. Return False if there is none."""
        if self._pages is None or self._left <= 0 or self._context.ended:
            return False
        documents = self._pages.open_next(lambda: self._left)
        self._follow(documents or ())
        return documents is not None

    def _record(self, target: Target, answer: Answer, news: bool) -> None:
        """Keep the answer to a request of a page that opened something, or on which others depend."""
        self._answers.setdefault(target, answer)
        if not news:
            self._states.add(target)

    def _result(self) -> tuple[GeneratedSet, tuple[Answer, ...]]:
        frontier, news = self._frontier, tuple(target for target in self._answers if target not in self._states)
        kept = self._with_states({*fewer(news)})
        lines = limit_lines(frontier, self._met, self._bounds, len(news))
        lines += tuple(self._pages.lines()) if self._pages else ()
        told = GeneratedSet(SOURCE, frontier.found, frontier.asked, len(kept), lines, time.monotonic() - self._started)
        return told, kept

    def _with_states(self, kept: set[Target]) -> tuple[Answer, ...]:
        """Return the answers to keep, with those on which one of them may depend: all that changed something before."""
        order = list(self._answers)
        scripted = [
            at for at, target in enumerate(order) if target in kept and self._answers[target].request.source != SOURCE
        ]
        before = [target for target in order[: max(scripted, default=0)] if target in self._states]
        chosen = kept.union(before[:MOST_STATES])
        return tuple(self._answers[target] for target in order if target in chosen)

    # ------------------------------------------------------------------ what to ask

    def _begin(self, site: Site) -> None:
        """Begin with what is known of a site, its front page, and well-known files."""
        documents = []
        for answer in site.answers:
            target = Target(0, 0, site.port, answer.request.path)
            documents.append(Document(target, answer.content_type, answer.body or b"", location_of(answer)))
            if site.session is None and _is_public(answer):
                self._frontier.know(site.port, answer.request.path)
                self._show(documents[-1], answer.status)
        self._follow(documents)
        pages = [one.request.path for one in site.answers if one.request.method == "GET" and _is_complete(one)]
        for path in dict.fromkeys((*pages, "/")):
            self._frontier.add(site.port, path, 0)
        for path in WELL_KNOWN:
            self._frontier.add(site.port, path, 1)

    def _next_wave(self) -> tuple[Target, ...]:
        if self._left <= 0:
            self._met.out_of_time = self._frontier.waiting > 0
            return ()
        return () if self._context.ended else self._frontier.wave(self._bounds.pages - self._frontier.asked)

    @property
    def _left(self) -> float:
        return self._bounds.seconds - (time.monotonic() - self._started)

    def _ask(self, target: Target) -> Reply:
        timeout = max(0.0, min(TIMEOUT, self._left))
        site = self._sites[target.port]
        request = _request(target, site.session)
        return ask_generated(self._context, request, site.port, site.scheme, timeout, session=site.conversation)

    # ------------------------------------------------------------------ what came of it

    def _learn(self, wave: Sequence[Target], replies: Sequence[Reply], news: bool | None) -> None:
        """Take the links of the answers, and keep the answers that stand for what was new."""
        answered = {target: reply for target, reply in zip(wave, replies, strict=True) if is_whole(reply)}
        self._met.silent += sum(bool(reply.trouble) for reply in replies)
        self._met.cut += sum(reply.truncated for reply in replies)
        statuses = {target: reply.status or 0 for target, reply in answered.items()}
        for target in self._frontier.learn(wave, statuses, news):
            self._answers[target] = self._answer(target, answered[target])
        documents = []
        for target, reply in zip(wave, replies, strict=True):
            documents.append(Document(target, reply.content_type, reply.start, location_of(reply)))
            self._show(documents[-1], reply.status)
        self._follow(documents)

    def _show(self, document: Document, status: int | None) -> None:
        """Let the browser open a page of the app, if there is a browser."""
        if self._pages is not None and document.kind is Kind.PAGE and status is not None and 200 <= status < 300:
            self._pages.add(document.target)

    def _answer(self, target: Target, reply: Reply) -> Answer:
        site = self._sites[target.port]
        reply = reply if site.conversation is None else site.conversation.hidden(reply)
        return self._context.within_room(judge(_request(target, site.session), target.port, reply))

    def _follow(self, documents: Sequence[Document]) -> None:
        """Add what these documents link, in their order."""
        for document, links in zip(documents, self._read(documents), strict=True):
            self._redirect(document)
            if links is not None:
                self._add(document.target, links)
                self._add_views(document, links)

    def _read(self, documents: Sequence[Document]) -> list[Links | None]:
        """Return the links of each document; None for one that has none, or that cannot be read."""
        found: list[Links | None] = [None] * len(documents)
        places = [place for place, one in enumerate(documents) if one.content and one.kind]
        jobs = [documents[place].job for place in places]
        for place, links in zip(places, self._sandbox.facts(read_links, Links, jobs, SHARE), strict=True):
            found[place] = links
            self._met.long_documents += len(documents[place].content) > PARSED
            self._met.unread += links is None
            self._met.many_links += links is not None and links.cut
        return found

    def _add(self, target: Target, found: Links) -> None:
        """Add the links of a document. Most pages of a site share most of their links, which need no second look."""
        origin, seen = self._origins[target.port], self._seen[target.port]
        for link in found.links[:LINKS]:
            if link in seen or VARIABLE.search(link):  # a captured value that is hidden
                continue
            if link.startswith("/") and not found.base and len(seen) < MOST_FOUND:
                seen.add(link)
            path = origin.path_of(link, target.path, found.base)
            if path is not None and self._may_ask(target.port, path):
                self._frontier.add(target.port, path, target.depth + 1)

    def _may_ask(self, port: int, path: str) -> bool:
        """Return False for a URL with a value that the user's requests have captured: it may be a secret, and is another one in the next run."""
        conversation = self._sites[port].conversation
        return conversation is None or not conversation.repeats_value(path)

    def _add_views(self, document: Document, found: Links) -> None:
        """Let the browser open the views of a page that only its scripts show: `#/items`, `#!/items`."""
        if self._pages is None or not document.is_built:
            return
        for link in found.links[:VIEWS]:
            if link.startswith(("#/", "#!/")) and not may_change(link[1:]):
                self._pages.add(document.target, link)

    def _redirect(self, document: Document) -> None:
        """Follow a redirect. It leads to the same page, so it does not lead further away."""
        target = document.target
        path = self._origins[target.port].path_of(document.location, target.path) if document.location else None
        if path is None or not self._may_ask(target.port, path):
            return
        if target.hops >= HOPS:
            self._met.redirects += 1
        else:
            self._frontier.add(target.port, path, target.depth, target.hops + 1)


def _request(target: Target, session: str | None) -> Request:
    return Request("GET", target.path, HEADERS, source=SOURCE, session=session)
