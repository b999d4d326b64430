"""What a build does not prove: parts of the original that nothing exercised, and that may be missing in the slim image.

Analyzers note items through `ImageView.unproven`, and the pipeline adds its own. All of them are in report.json. The end of a build shows
a few lines.
"""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from slimmer.formatting import SHOWN, listed

LINES = 6
"""The most lines about unproven items at the end of a build."""

ITEMS = 1000
"""The most items that an image may have. An image could name many languages, packages and folders."""


class Kind(StrEnum):
    """The kind of an unproven item. The order is that of the lines that a build prints."""

    RUN = "run"
    """The run itself: it used next to nothing of the image."""

    LANGUAGE = "language"
    """A language whose late loads slimmer does not know, because it has no analyzer."""

    COMMAND = "command"
    """Commands of a package in use that are not in the slim image."""

    PACKAGE = "package"
    """A package that the author installed by name, and of which nothing was used."""

    LIMIT = "limit"
    """Something that a limit cut off."""


@dataclass(frozen=True, slots=True)
class Unproven:
    """An item. It is shown as "name: what (remedy)".

    `name` is what it is about ("slapd"), and `what` is what is not proven of it. `remedy` is what the user can do: options
    ("--include-bin slapcat") or advice; "" if there is nothing to do. Items of one kind with the same `what` share a line. The texts may
    quote an image: escape them for a terminal.
    """

    kind: Kind
    name: str
    what: str
    remedy: str = ""


class UnprovenItems:
    """Collects the items of one image, each kind and name once. The first one counts. Analyzers may note items again in a repair."""

    def __init__(self) -> None:
        self._items: dict[tuple[Kind, str], Unproven] = {}

    def note(self, kind: Kind, name: str, what: str, remedy: str = "") -> None:
        """Note an item. At most ITEMS are remembered."""
        if len(self._items) < ITEMS:
            self._items.setdefault((kind, name), Unproven(kind, name, what, remedy))

    def clear(self) -> None:
        """Forget all items, before another decision on what to keep."""
        self._items.clear()

    def __iter__(self) -> Iterator[Unproven]:
        return iter(self._items.values())


def in_order(items: Iterable[Unproven]) -> tuple[Unproven, ...]:
    """Return the items by kind, in the order of Kind. Items of one kind keep their order."""
    kinds = list(Kind)
    return tuple(sorted(dict.fromkeys(items), key=lambda item: kinds.index(item.kind)))


def option(flag: str, value: str) -> str:
    """Return an option as a shell takes it."""
    return f"{flag} {shlex.quote(value)}"


def sentences(items: Iterable[Unproven]) -> list[str]:
    """Return a sentence for all items of the same kind that say the same."""
    groups: dict[tuple[Kind, str], list[Unproven]] = defaultdict(list)
    for item in in_order(items):
        groups[item.kind, item.what].append(item)
    return [_sentence(group) for group in groups.values()]


def short_lines(items: Iterable[Unproven], more: str) -> list[str]:
    """Return at most LINES sentences: the first of each kind before the second of any. `more` says where the rest can be read."""
    known = list(items)
    ranked = [
        (number, place, text)
        for place, kind in enumerate(Kind)
        for number, text in enumerate(sentences(item for item in known if item.kind is kind))
    ]
    if len(ranked) <= LINES:
        return [text for _, _, text in ranked]
    first = sorted(ranked)[: LINES - 1]
    shown = [text for _, _, text in sorted(first, key=lambda one: (one[1], one[0]))]
    return [*shown, f"… and {len(ranked) - len(shown)} more: {more}"]


def _sentence(group: Sequence[Unproven]) -> str:
    names = listed((item.name for item in group), SHOWN)
    remedies = list(dict.fromkeys(item.remedy for item in group[:SHOWN] if item.remedy))
    if remedies and all(remedy.startswith("--") for remedy in remedies):
        options = " ".join(remedies).removeprefix("--").split(" --")
        joined = " ".join(f"--{one}" for one in options[:SHOWN]) + (" …" if len(options) > SHOWN else "")
    else:
        joined = "; ".join(remedies)
    return f"{names}: {group[0].what}" + (f" ({joined})" if joined else "")
