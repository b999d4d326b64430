"""The protocol of everything that decides which paths to keep.

An Analyzer is registered once (slimmer.keep.registry) and holds no state. For each image it starts an Analysis, which names paths twice:
`seeds` starts from the access log and the image's configuration, `follow` from paths that were just kept. The keeper calls both
(slimmer.keep.keeper).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from slimmer.keep.evidence import Evidence
from slimmer.keep.image_view import ImageView
from slimmer.keep.keepset import Finding, Reason


class Policy(StrEnum):
    """The choice of how much to keep beyond what was observed."""

    OBSERVED = "observed"
    BALANCED = "balanced"
    GENEROUS = "generous"


EVERY_POLICY = frozenset(Policy)
BEYOND_OBSERVED = frozenset((Policy.BALANCED, Policy.GENEROUS))
"""The policies that keep what code can reach, and not only what was observed."""


class Kept(Protocol):
    """The paths that are kept so far (slimmer.keep.keepset.KeepSetBuilder)."""

    def __contains__(self, path: object) -> bool: ...

    def reasons(self, path: str) -> tuple[Reason, ...]:
        """Return the reasons for keeping a path, in the order of discovery; () if it is not kept."""
        ...

    def evidence(self, path: str, besides: str = "") -> frozenset[Evidence]:
        """Return the evidence of the path's reasons. Reasons of the rule `besides` do not count. Empty if the path is not kept."""
        ...


class Analysis(Protocol):
    """An analyzer at work on one image. It may remember what it learns about the image."""

    def seeds(self) -> Iterable[Finding]:
        """Yield paths to keep because the app used them, the image's configuration names them, or the user asked for them.

        The keeper calls this once, before `follow`.
        """
        ...

    def follow(self, added: Sequence[str], kept: Kept) -> Iterable[Finding]:
        """Yield the paths that the paths in `added` lead to. Each real path is in `added` once, after it was first kept.

        Ask the image for the contents of many files at once, because each call is a round trip to the engine.
        """
        ...


class Analyzer(Protocol):
    """Something that decides which paths to keep. Stateless; registered once."""

    @property
    def id(self) -> str:
        """A unique name: letters, digits and dashes."""
        ...

    @property
    def policies(self) -> frozenset[Policy]:
        """The policies under which it runs."""
        ...

    @property
    def rules(self) -> Mapping[str, Evidence]:
        """The names that it writes into reasons (`Reason.rule`), each with the evidence that it stands for."""
        ...

    def start(self, image: ImageView) -> Analysis | None:
        """Start an analysis of an image. Return None if there is nothing to find in it."""
        ...


Seed = Callable[[ImageView], Iterable[Finding] | None]
"""A function that does the work of `Analysis.seeds`. It returns None if there is nothing to find in the image."""

Follow = Callable[[Sequence[str], Kept], Iterable[Finding]]
"""A function that does the work of `Analysis.follow`."""

Follower = Callable[[ImageView], Follow | None]
"""A function that makes a Follow for an image. It returns None if there is nothing to follow in the image."""


@dataclass(frozen=True, slots=True)
class FunctionAnalyzer:
    """An analyzer made of functions: `seed`, `follower`, or both."""

    id: str
    policies: frozenset[Policy]
    rules: Mapping[str, Evidence]
    seed: Seed | None = None
    follower: Follower | None = None

    def start(self, image: ImageView) -> Analysis | None:
        """Start an analysis of an image. Return None if neither function has anything to do in it."""
        seeds = self.seed(image) if self.seed is not None else None
        follow = self.follower(image) if self.follower is not None else None
        return _Functions(seeds, follow) if seeds is not None or follow is not None else None


class _Functions:
    def __init__(self, seeds: Iterable[Finding] | None, follow: Follow | None) -> None:
        self._seeds, self._follow = seeds, follow

    def seeds(self) -> Iterable[Finding]:
        return self._seeds if self._seeds is not None else ()

    def follow(self, added: Sequence[str], kept: Kept) -> Iterable[Finding]:
        return self._follow(added, kept) if self._follow is not None else ()
