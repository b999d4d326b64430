"""The KeepSet: which paths of an image stay, and why each of them does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a path stays. `rule` names the rule; `detail` tells a person, e.g. by whom the path was opened."""

    rule: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.rule}: {self.detail}" if self.detail else self.rule


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule's answer: keep this pristine path (a real path of the tree, or a link in it), for this reason."""

    path: str
    reason: Reason


@dataclass(frozen=True)
class KeepSet:
    """Kept paths with their reasons; iteration is in the order of a walk ("/" sorts before every other byte)."""

    reasons: Mapping[str, tuple[Reason, ...]]

    def __contains__(self, path: object) -> bool:
        return path in self.reasons

    def __len__(self) -> int:
        return len(self.reasons)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self.reasons, key=walk_order))


def walk_order(path: str) -> str:
    """A key that sorts a directory directly before all that lies below it, as Tree does."""
    return path.replace("/", "\0")


def collect(findings: Iterable[Finding], limit: int = 8) -> KeepSet:
    """Join findings into a KeepSet; a path keeps its first `limit` different reasons, in order of discovery."""
    reasons: dict[str, dict[Reason, None]] = {}
    for finding in findings:
        known = reasons.setdefault(finding.path, {})
        if len(known) < limit:
            known[finding.reason] = None
    return KeepSet({path: tuple(known) for path, known in reasons.items()})
