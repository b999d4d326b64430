"""Which URLs to ask next, when to stop, and which requests stand for all others.

The feedback is what each wave of requests opened: a wave has *news* if the app opened a file of the image that it had not opened
before. Everything is decided between two waves, in the order in which links were found. So no decision depends on which answer of a
wave came first.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

from slimmer.exercise.crawl.safety import may_change
from slimmer.exercise.crawl.shape import shape_of

WIDTH = 6
"""The most requests of a wave. A simple server lets so many clients wait: Python's http.server has room for 5."""

PATIENCE = 16
"""After so many URLs of a shape in a row without news, no more of that shape are asked."""

IDLE_SHAPES = 50
"""The crawl stops when so many shapes in a row had no news."""

MOST_FOUND = 10_000
"""The number of URLs that are remembered."""

MISSING = 404
"""The status of what does not exist: RFC 9110, section 15.5.5. An app usually answers all such requests in the same way."""

MOST_KEPT = 100
"""The number of requests that are kept."""


@dataclass(frozen=True, order=True, slots=True)
class Target:
    """A URL of the app to ask: how many links away it is, its number in the order of finding, and how many redirects led to it.

    `method`: how a page's script asked for it, if not as a link does.
    """

    depth: int
    number: int
    port: int = field(compare=False)
    path: str = field(compare=False)
    hops: int = field(compare=False, default=0)
    method: str = field(compare=False, default="")

    @property
    def shape(self) -> str:
        """What it has in common with others."""
        return f"{self.method}:{self.port}{shape_of(self.path)}"


class Frontier:
    """The URLs of an app. Those of a shape that had no news come last; otherwise, those that are fewer links away come first."""

    def __init__(self, depth: int) -> None:
        """`depth` is how many links a URL may be away."""
        self._depth = depth
        self._numbers = count(1)
        self._known: set[tuple[int, str]] = set()
        self._asked: set[tuple[int, str]] = set()  # a page's script may ask for a URL before its turn comes
        self._queue: list[tuple[int, Target]] = []
        self._futile: Counter[str] = Counter()  # URLs of a shape that were asked in a row without news
        self._tried: set[str] = set()
        self._idle: set[str] = set()
        self.found = self.asked = self.too_deep = self.unsafe = self.forgotten = 0
        self.closed: Counter[str] = Counter()
        """How many URLs of a shape were left out, because others of the shape had no news."""

    @property
    def waiting(self) -> int:
        """The number of URLs that could still be asked."""
        return len(self._queue)

    @property
    def is_idle(self) -> bool:
        """True if the last shapes had no news, so that the others will hardly have any."""
        return len(self._idle) >= IDLE_SHAPES

    def know(self, port: int, path: str) -> None:
        """Note a URL that was asked already. It does not count as found."""
        self._known.add((port, path))
        self._asked.add((port, path))

    def add(self, port: int, path: str, depth: int, hops: int = 0) -> None:
        """Add a URL. It will be asked once, if it is not too far away and seems to change nothing."""
        if (port, path) in self._known:
            return
        if len(self._known) >= MOST_FOUND:
            self.forgotten += 1
            return
        self._known.add((port, path))
        if may_change(path):
            self.unsafe += 1
            return
        self.found += 1
        if depth > self._depth:
            self.too_deep += 1
        else:
            self._push(Target(depth, next(self._numbers), port, path, hops))

    def was_asked(self, port: int, path: str, method: str = "", mark: str = "") -> bool:
        """Return True if this URL was asked, by the crawl or by a page's script."""
        return (port, _key(path, method, mark)) in self._asked

    def take(self, port: int, path: str, depth: int, method: str = "", mark: str = "") -> Target | None:
        """Return a URL for which a page's script asks, to be asked now; None if it was asked before, or if too many are known.

        `mark` tells requests for the same URL from each other; "" is for those that are what a link would send.
        """
        key = port, _key(path, method, mark)
        if key in self._asked or (key not in self._known and len(self._known) >= MOST_FOUND):
            return None
        self.found += key not in self._known
        self._known.add(key)
        self._asked.add(key)
        self.asked += 1
        return Target(depth, next(self._numbers), port, path, 0, method)

    def wave(self, most: int = WIDTH) -> tuple[Target, ...]:
        """Return the URLs to ask next, at most WIDTH and at most this many. Return () if there are none, or if the rest is not worth it."""
        taken: list[Target] = []
        while self._queue and len(taken) < min(most, WIDTH) and not self.is_idle:
            rank, target = heapq.heappop(self._queue)
            if (target.port, target.path) in self._asked:
                continue
            futile = self._futile[target.shape]
            if futile >= PATIENCE:
                self.closed[target.shape] += 1
            elif futile > rank:
                self._push(target)
            else:
                taken.append(target)
                self._asked.add((target.port, target.path))
        self.asked += len(taken)
        return tuple(taken)

    def learn(self, wave: Sequence[Target], answered: Mapping[Target, int], news: bool | None) -> tuple[Target, ...]:
        """Learn if a wave had news. None: nobody knows, so a shape counts as news when it is asked for the first time.

        `answered` has the statuses of those that were answered to the end. Return the ones that stand for the news: one of each
        shape, and one of those that do not exist.
        """
        shapes = Counter(target.shape for target in wave)
        if news is None:
            news = not shapes.keys() <= self._tried
        self._tried.update(shapes)
        if not news:
            self._futile += shapes
            self._idle.update(shapes)
            return ()
        self._futile -= Counter({shape: self._futile[shape] for shape in shapes})
        self._idle.clear()
        kinds = {
            target: MISSING if answered[target] == MISSING else target.shape for target in wave if target in answered
        }
        firsts = {kind: target for target, kind in reversed(kinds.items())}
        return tuple(target for target, kind in kinds.items() if firsts[kind] is target)

    def _push(self, target: Target) -> None:
        heapq.heappush(self._queue, (self._futile[target.shape], target))


def _key(path: str, method: str, mark: str) -> str:
    return f"{method} {path} {mark}" if mark else path


def fewer(targets: Sequence[Target], most: int = MOST_KEPT) -> tuple[Target, ...]:
    """Return at most `most` of these, in the same order. The first of each shape come before others of the same shape."""
    seen: Counter[str] = Counter()
    ranks = []
    for position, target in enumerate(targets):
        ranks.append((seen[target.shape], position))
        seen[target.shape] += 1
    return tuple(targets[position] for _, position in sorted(sorted(ranks)[:most], key=lambda rank: rank[1]))
