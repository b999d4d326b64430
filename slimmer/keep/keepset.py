"""The KeepSet: which paths of an image stay, and why each of them does."""

from __future__ import annotations

import posixpath
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from slimmer.image.tree import Entry, Tree
from slimmer.keep.evidence import Evidence

REASONS = 8
"""The number of reasons that a path keeps; the first ones say most."""

LEADS_TO = "leads-to"
"""The rule of directories and links on the way to a kept path."""

MISSED = "missed"
"""The rule of paths that the slim image missed when it was verified (slimmer.verify.missed)."""


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason for which a path stays. `rule` names the rule; `detail` explains it to a person, e.g. by whom the path was opened.

    `cause` is the kept path that leads here (the importer, the library's user), "" when there is none: from cause to
    cause, every path can be traced back to something that was observed.
    """

    rule: str
    detail: str = ""
    cause: str = ""

    @property
    def origin(self) -> str:
        """The path that this reason refers to: its cause, or the path to which a directory or link leads; "" if there is none."""
        return self.cause or (self.detail if self.rule == LEADS_TO else "")

    def __str__(self) -> str:
        return f"{self.rule}: {self.detail}" if self.detail else self.rule


@dataclass(frozen=True, slots=True)
class Finding:
    """An analyzer's answer: keep this pristine path (a real path of the tree, or a link in it), for this reason.

    `follow` is a note of the analyzer to itself: true if it should look into the path next, as into a file that a configuration includes.
    The keeper does not read it.
    """

    path: str
    reason: Reason
    follow: bool = False


@dataclass(frozen=True)
class KeepSet:
    """Kept paths with their reasons, both in the order of a walk ("/" sorts before every other byte).

    `excluded` are the paths that a rule would have kept, had the user not excluded them, with the first reason for each.
    """

    reasons: Mapping[str, tuple[Reason, ...]]
    excluded: Mapping[str, Reason] = field(default_factory=dict)

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
    """A key that sorts a directory directly before all that lies below it, as Tree does."""
    return path.replace("/", "\0")


class KeepSetBuilder:
    """A KeepSet in the making. It takes findings, adds what leads to them, and hands out what is new since last asked.

    A path keeps its first REASONS different reasons, in order of discovery. What no image layer can hold (sockets),
    what is not in the tree, and what `excludes` says is left out; never the root, nor what leads to something kept.
    """

    def __init__(
        self,
        tree: Tree,
        excludes: Callable[[Entry], bool] = lambda entry: False,
        *,
        evidence: Mapping[str, Evidence],
    ) -> None:
        """`evidence` is that of each rule; a rule that it does not name counts as USED."""
        self._tree, self._excludes, self._rules = tree, excludes, evidence
        self._evidence: dict[tuple[tuple[Reason, ...], str], frozenset[Evidence]] = {}
        self._excluded: dict[str, Reason] = {}
        self._reasons: dict[str, tuple[Reason, ...]] = {}
        self._alike: dict[tuple[Reason, ...], tuple[Reason, ...]] = {}
        self._filled: set[str] = set()
        self._fresh: list[str] = []

    def __contains__(self, path: object) -> bool:
        return path in self._reasons

    def __len__(self) -> int:
        return len(self._reasons)

    def reasons(self, path: str) -> tuple[Reason, ...]:
        """The reasons for which a path is kept so far; () if it is not."""
        return self._reasons.get(path, ())

    def evidence(self, path: str, besides: str = "") -> frozenset[Evidence]:
        """The evidence of the path's reasons, but for those of the rule `besides`; empty when it is not kept."""
        reasons = self._reasons.get(path, ())
        known = self._evidence.get((reasons, besides))
        if known is None:
            rules = (reason.rule for reason in reasons if reason.rule != besides)
            known = frozenset(self._rules.get(rule, Evidence.USED) for rule in rules)
            self._evidence[(reasons, besides)] = known
        return known

    def add(self, findings: Iterable[Finding]) -> None:
        """Keep what the findings name, and the directories above it."""
        for finding in findings:
            self._add(finding.path, finding.reason)

    def fresh(self) -> list[str]:
        """Paths that were added since this was last asked."""
        fresh, self._fresh = self._fresh, []
        return fresh

    def empty_dirs(self) -> list[str]:
        """Kept directories in which nothing is kept, sorted."""
        candidates = (path for path in self._reasons if path not in self._filled)
        return sorted(path for path in candidates if (entry := self._tree.get(path)) is not None and entry.is_directory)

    def finished(self) -> KeepSet:
        """The KeepSet of all that was added."""
        return KeepSet(self._reasons, {path: why for path, why in self._excluded.items() if path not in self._reasons})

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
        while path != "/":  # a loop, since an image may nest thousands of directories
            above = posixpath.dirname(path)
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
        self._fresh.append(path)

    def _shared(self, reasons: tuple[Reason, ...]) -> tuple[Reason, ...]:
        """One object for equal reasons: thousands of files stay for the same ones."""
        return self._alike.setdefault(reasons, reasons)
