"""What a crawl left out, and why: one line for each limit that it met."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from slimmer.exercise.crawl.frontier import IDLE_SHAPES, MOST_FOUND, MOST_KEPT, PATIENCE, Frontier
from slimmer.exercise.crawl.links import LINKS
from slimmer.exercise.generated import SIZE
from slimmer.exercise.plan import Crawl
from slimmer.formatting import counted

PARSED = 1 << 19
"""The bytes of a document that are read for links."""

HOPS = 5
"""The most redirects in a row."""

TIMEOUT = 5.0
"""The seconds for an answer."""

MOST_STATES = 100
"""The requests of pages that opened nothing, but change something or set a cookie, and are kept nevertheless."""

SHOWN = 3
"""The number of shapes that a line names."""


@dataclass(slots=True)
class Met:
    """How many answers met a limit, and whether the time was over."""

    long_documents: int = 0
    many_links: int = 0
    unread: int = 0
    redirects: int = 0
    cut: int = 0
    silent: int = 0
    out_of_time: bool = False


def limit_lines(frontier: Frontier, met: Met, bounds: Crawl, kept: int) -> tuple[str, ...]:
    """Return a line for each limit that was met. `kept` is how many requests opened something."""
    lines = [*_ends(frontier, met, bounds), *_urls(frontier, bounds), *_answers(met)]
    if kept > MOST_KEPT:
        lines.append(f"kept {MOST_KEPT} of {kept} requests that opened something")
    return tuple(lines)


def _ends(frontier: Frontier, met: Met, bounds: Crawl) -> Iterator[str]:
    """Yield why the crawl ended before all URLs were asked."""
    left = f"{counted(frontier.waiting, 'URL')} left"
    if met.out_of_time:
        yield f"stopped after {bounds.seconds:g} s with {left} (--crawl-seconds)"
    elif frontier.waiting and frontier.is_idle:
        yield f"stopped with {left}, because the last {IDLE_SHAPES} kinds of URLs opened nothing new"
    elif frontier.waiting and frontier.asked >= bounds.pages:
        yield f"stopped after {counted(bounds.pages, 'page')} with {left} (--crawl-pages)"


def _urls(frontier: Frontier, bounds: Crawl) -> Iterator[str]:
    """Yield which URLs were not asked."""
    if frontier.too_deep:
        yield f"left out {counted(frontier.too_deep, 'URL')} more than {counted(bounds.depth, 'link')} away (--crawl-depth)"
    if frontier.unsafe:
        yield f"left out {counted(frontier.unsafe, 'URL')} that may change something, such as a logout"
    if frontier.closed:
        shapes = ", ".join(shape for shape, _ in frontier.closed.most_common(SHOWN))
        more = " …" if len(frontier.closed) > SHOWN else ""
        number = counted(frontier.closed.total(), "URL")
        yield f"left out {number} like {shapes}{more}, because {PATIENCE} others opened nothing new"
    if frontier.forgotten:
        yield f"forgot {counted(frontier.forgotten, 'link')}: slimmer remembers {MOST_FOUND:,} URLs"


def _answers(met: Met) -> Iterator[str]:
    """Yield which answers were not read to their end, or not at all."""
    if met.silent:
        yield f"{counted(met.silent, 'request')} got no answer within {TIMEOUT:g} s, or a broken one"
    if met.cut:
        yield f"cut {counted(met.cut, 'answer')} after {SIZE >> 20} MB or {TIMEOUT:g} s"
    if met.long_documents:
        yield f"read only the first {PARSED >> 10} kB of {counted(met.long_documents, 'document')} for links"
    if met.many_links:
        yield f"read only the first {LINKS:,} links of {counted(met.many_links, 'document')}"
    if met.unread:
        yield f"could not read the links of {counted(met.unread, 'document')}"
    if met.redirects:
        yield f"gave up after {HOPS} redirects in a row: {counted(met.redirects, 'time')}"
