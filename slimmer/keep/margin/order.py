"""The orders in which a margin takes files. benchmarks/margin_orders.py compares them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Tier(IntEnum):
    """Where a file lies, from near to what is in use to far."""

    APP = 0
    """In a folder of the app: a folder with files in use that belong to no package, or below one."""

    USED = 1
    """In a package of which a file is in use."""

    DECLARED = 2
    """In a package that such a package declares as needed."""

    REQUESTED = 3
    """In a package that the author of the image asked for by name."""


class Kind(IntEnum):
    """What a file is to a program, from what it loads or reads by name to the rest."""

    COMMAND = 0
    CODE = 1
    DATA = 2


class Order(StrEnum):
    """An order of the candidates. Each one ends with the size, smallest first, and the path."""

    SIZE = "size"
    KIN = "kin"
    TIER = "tier"
    TURNS = "turns"
    RELEVANCE = "relevance"
    RISK = "risk"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that the margin may add. `size` is the number of bytes that it adds: 0 for another name of a kept file.

    A language's package of which nothing is in use is one candidate: a part of it may import and then fail where a program looks for a
    package that is not there. `others` are its files besides `path`, and the other values are those of `path`.

    `kin` is the number of files in use in its folder that have its suffix. `is_computed` is true if at least half of these were
    found by a computed name. `is_namesake` is true if a folder beside its own has a file in use with its name. `group` is the package
    or the folder of the app. `is_basic` is true for packages that every system of the distribution has. `cause` is a file in use that
    led to it, and `detail` says how.
    """

    path: str
    size: int
    tier: Tier
    kind: Kind
    is_native: bool
    kin: int
    is_computed: bool
    is_namesake: bool
    group: str
    is_basic: bool
    detail: str
    cause: str
    others: tuple[str, ...] = ()

    @property
    def paths(self) -> tuple[str, ...]:
        """All files."""
        return (self.path, *self.others)


Key = tuple[float, ...]

SMALL = 1 << 17
"""The size up to which a file counts as small, in bytes."""


def ordered(candidates: Iterable[Candidate], order: Order) -> list[Candidate]:
    """Return the candidates in an order, the first to take first. It depends on the candidates alone."""
    by_size = sorted(candidates, key=lambda one: (one.size, one.path))
    if order is Order.TURNS:
        return _in_turns(by_size)
    key = _KEYS[order]
    return sorted(by_size, key=key)


def _in_turns(by_size: Iterable[Candidate]) -> list[Candidate]:
    """Take one file of each group in turn, so that a large package does not use up everything."""
    taken: dict[str, int] = defaultdict(int)
    turns = []
    for one in by_size:
        turns.append((not one.kin, taken[one.group]))
        taken[one.group] += 1
    return [one for _, one in sorted(zip(turns, by_size, strict=True), key=lambda pair: pair[0])]


def _relevance(one: Candidate) -> Key:
    """Near and by name first: what a computed name would find, then other kin and commands, then code and small data there, then other packages."""
    if one.is_basic:
        return (5 + one.tier,)
    if one.is_computed or one.is_namesake:
        return (0,)
    if one.kin or (one.kind is Kind.COMMAND and one.tier <= Tier.USED):
        return (1,)
    if one.tier <= Tier.USED:
        return (2 if one.kind is not Kind.DATA or one.size <= SMALL else 3,)
    return (2 + one.tier - Tier.USED,)


_WEIGHTS = (32, 8, 2, 1, 1)
"""How likely a file of each class of _relevance is needed, compared with others: a guess that benchmarks/margin_orders.py confirms."""

_BASIC_WEIGHT = 0.1
_COMMAND_WEIGHT = 8
"""The weight of commands of packages of which nothing is in use. Authors install such packages for their commands."""


def _risk(one: Candidate) -> Key:
    """Take the most risk for each byte first: a file that is twice as likely to be needed may be twice as large.

    Each file of a package is a risk.
    """
    (place,) = _relevance(one)
    weight = _BASIC_WEIGHT if one.is_basic else _WEIGHTS[int(place)]
    if one.kind is Kind.COMMAND and one.tier is Tier.REQUESTED:
        weight = max(weight, _COMMAND_WEIGHT)
    return (one.size / len(one.paths) / weight,)


_KEYS: Mapping[Order, Callable[[Candidate], Key]] = {
    Order.SIZE: lambda one: (),
    Order.KIN: lambda one: (not one.kin,),
    Order.TIER: lambda one: (one.tier, not one.kin),
    Order.RELEVANCE: _relevance,
    Order.RISK: _risk,
}
