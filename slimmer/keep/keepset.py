"""The KeepSet: the paths of an image that stay, each with its reasons."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from slimmer.image.tree import Entry, Tree
from slimmer.keep.evidence import Evidence

REASONS = 8
"""The most reasons that are kept for a path. The first ones say the most."""

LEADS_TO = "leads-to"
"""The rule of directories and links on the way to a kept path."""

MISSED = "missed"
"""The rule of paths that the slim image missed when it was verified (slimmer.verify.missed)."""


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason to keep a path. `rule` names the rule; `detail` explains it to a person, for example which program opened the path.

    `cause` is the kept path that leads here, such as the importer or the library's user; "" if there is none. By following the
    causes, you can trace every path back to something that was observed.
    """

    rule: str
    detail: str = ""
    cause: str = ""

    @property
    def origin(self) -> str:
        """The path that this reason refers to: its cause, or the path that a directory or link leads to; "" if there is none."""
        return self.cause or (self.detail if self.rule == LEADS_TO else "")

    def __str__(self) -> str:
        return f"{self.rule}: {self.detail}" if self.detail else self.rule


class Finding(NamedTuple):
    """An analyzer's answer: keep this pristine path (a real path of the tree, or a link in it), for this reason.

    `follow` is a note that the analyzer makes for itself: true if it should look into the path next, for example a file that a
    configuration includes. The keeper does not read it.
    """

    path: str
    reason: Reason
    follow: bool = False


@dataclass(frozen=True, slots=True)
class SpentMargin:
    """What became of a margin (slimmer.keep.margin). `amount` is as the user gives it: "10%".

    `budget` and `size` are the bytes that it could add and those that it added. `files` is the number of files that it added. `candidates`
    counts the files near to what is in use, and `left_out` those of them that were not added.
    """

    amount: str
    budget: int
    size: int
    files: int
    candidates: int
    left_out: int


@dataclass(frozen=True)
class KeepSet:
    """Kept paths with their reasons, in the order of a walk ("/" sorts before every other byte).

    `excluded` holds the paths that a rule wanted to keep and the user excluded, each with the first reason for keeping it. `margin` is None
    if there was none.
    """

    reasons: Mapping[str, tuple[Reason, ...]]
    excluded: Mapping[str, Reason] = field(default_factory=dict)
    margin: SpentMargin | None = None

    def __post_init__(self) -> None:
        in_order = {path: self.reasons[path] for path in sorted(self.reasons, key=walk_order)}
        object.__setattr__(self, "reasons", in_order)

    def __contains__(self, path: object) -> bool:
        return path in self.reasons

    def __len__(self) -> int:
        return len(self.reasons)

    def __iter__(self) -> Iterator[str]:
        return iter(self.reasons)


def walk_order(path: str) -> str:
    """Return a key that sorts a directory directly before everything below it, as Tree does."""
    return path.replace("/", "\0")


class KeepSetBuilder:
    """Builds a KeepSet. It takes findings, adds the directories above them, and hands out each new path once.

    A path keeps its first REASONS different reasons, in the order of discovery. Left out are paths that are not in the tree, sockets
    (no image layer can hold them), and paths for which `excludes` returns True. The root and the directories above a kept path always stay.
    """

    def __init__(
        self,
        tree: Tree,
        excludes: Callable[[Entry], bool] = lambda entry: False,
        *,
        evidence: Mapping[str, Evidence],
    ) -> None:
        """`evidence` gives the evidence of each rule. A rule that it does not name counts as USED."""
        self._tree, self._excludes, self._rules = tree, excludes, evidence
        self._evidence: dict[tuple[int, str], frozenset[Evidence]] = {}
        self._excluded: dict[str, Reason] = {}
        self._reasons: dict[str, tuple[Reason, ...]] = {}
        self._alike: dict[tuple[Reason, ...], tuple[Reason, ...]] = {}
        self._filled: set[str] = set()
        self._added: list[str] = []

    def take_over(self, other: KeepSetBuilder) -> None:
        """Begin with what another builder keeps, in place of what this one has. The other one does not change."""
        self._tree, self._excludes, self._rules = other._tree, other._excludes, other._rules
        self._evidence, self._alike = other._evidence, other._alike
        self._excluded, self._reasons = dict(other._excluded), dict(other._reasons)
        self._filled, self._added = set(other._filled), []

    def __contains__(self, path: object) -> bool:
        return path in self._reasons

    def __len__(self) -> int:
        return len(self._reasons)

    def __iter__(self) -> Iterator[str]:
        return iter(self._reasons)

    def reasons(self, path: str) -> tuple[Reason, ...]:
        """Return the reasons for keeping a path that are known so far; () if it is not kept."""
        return self._reasons.get(path, ())

    def evidence(self, path: str, besides: str = "") -> frozenset[Evidence]:
        """Return the evidence of the path's reasons. Reasons of the rule `besides` do not count. Empty if the path is not kept."""
        reasons = self._reasons.get(path, ())
        key = (id(reasons), besides)  # equal reasons are one object, which `_alike` holds; to hash them takes longer
        known = self._evidence.get(key)
        if known is None:
            rules = (reason.rule for reason in reasons if reason.rule != besides)
            known = frozenset(self._rules.get(rule, Evidence.USED) for rule in rules)
            self._evidence[key] = known
        return known

    def add(self, findings: Iterable[Finding]) -> None:
        """Keep the paths of these findings, and the directories above them."""
        for path, reason, _ in findings:
            self._add(path, reason)

    def take_added(self) -> list[str]:
        """Return the paths that were added since the last call."""
        added, self._added = self._added, []
        return added

    def empty_dirs(self) -> list[str]:
        """Return the kept directories in which nothing is kept, sorted."""
        candidates = (path for path in self._reasons if path not in self._filled)
        return sorted(path for path in candidates if (entry := self._tree.get(path)) is not None and entry.is_directory)

    def finished(self, margin: SpentMargin | None = None) -> KeepSet:
        """Return the KeepSet of everything that was added."""
        excluded = {path: reason for path, reason in self._excluded.items() if path not in self._reasons}
        return KeepSet(self._reasons, excluded, margin)

    def _add(self, path: str, reason: Reason) -> None:
        known = self._reasons.get(path)
        if known is not None:
            if len(known) < REASONS and reason not in known:
                self._reasons[path] = self._shared((*known, reason))
            return
        entry = self._tree.get(path)
        if entry is None or stat.S_ISSOCK(entry.mode) or self._is_excluded(entry, reason):
            return
        self._keep(path, reason)
        while path != "/":  # no recursion, because an image may nest thousands of directories
            above = path.rpartition("/")[0] or "/"
            self._filled.add(above)
            if above in self._reasons:
                return
            self._keep(above, Reason(LEADS_TO, path))
            path = above

    def _is_excluded(self, entry: Entry, reason: Reason) -> bool:
        if entry.path not in self._excluded:
            if entry.path == "/" or not self._excludes(entry):
                return False
            self._excluded[entry.path] = reason
        return True

    def _keep(self, path: str, reason: Reason) -> None:
        self._reasons[path] = self._shared((reason,))
        self._added.append(path)

    def _shared(self, reasons: tuple[Reason, ...]) -> tuple[Reason, ...]:
        """Return one object for equal reasons, because thousands of files stay for the same ones."""
        return self._alike.setdefault(reasons, reasons)
