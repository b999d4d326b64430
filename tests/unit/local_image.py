"""Helpers for tests of languages beyond slimmer.testing: images that use the cache, and a single follower."""

from __future__ import annotations

from slimmer import testing
from slimmer.image.config import ImageConfig
from slimmer.keep import registry
from slimmer.keep.analyzer import Analyzer, Follow, Follower
from slimmer.keep.cache import FactsCache
from slimmer.keep.image_view import ImageView
from slimmer.keep.keepset import Finding, KeepSetBuilder, Reason
from slimmer.observe.log import Access
from slimmer.testing import opened

__all__ = ["LocalImage", "followed", "follower", "opened"]

OBSERVED = Reason("observed", "opened by a test")


class LocalImage(testing.LocalImage):
    """A LocalImage whose views share the cache of the test (tests/unit/keep/conftest.py)."""

    def context(self, *accesses: Access, config: ImageConfig | None = None) -> ImageView:
        """Return the view that an analyzer gets after a run with these accesses."""
        return self.view(*accesses, config=config, cache=FactsCache())


def followed(context: ImageView, follower: Follower, *start: str) -> KeepSetBuilder:
    """Run one follower from these observed paths until nothing is new, and return what it keeps."""
    builder = KeepSetBuilder(context.tree, evidence=registry.evidence())
    builder.add(Finding(path, OBSERVED) for path in start)
    follow = follower(context)
    while follow is not None and (added := builder.take_added()):
        builder.add(follow(added, builder))
    return builder


def follower(analyzer: Analyzer) -> Follower:
    """Return an analyzer's `follow` as a Follower."""

    def begun(image: ImageView) -> Follow | None:
        analysis = analyzer.start(image)
        return analysis.follow if analysis is not None else None

    return begun
