"""The keeper: run the rules of a policy, follow what they kept, then close the set.

Closing means: whatever leads to a kept path is kept, other names of kept paths are kept, no directory is hollow. Whatever
that adds is followed in its turn, until nothing is added.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from slimmer.errors import ObservationIncomplete
from slimmer.keep import registry
from slimmer.keep.analyzer import Analysis, Policy
from slimmer.keep.core.nonempty_dirs import nonempty_dirs
from slimmer.keep.core.user_selection import user_selection
from slimmer.keep.image_view import ImageView
from slimmer.keep.keepset import Finding, KeepSet, KeepSetBuilder
from slimmer.keep.selection import Patterns


def keep(image: ImageView, policy: Policy = Policy.OBSERVED, extra: Iterable[Finding] = ()) -> KeepSet:
    """The paths to keep. `extra` are findings from elsewhere, such as a repair.

    Raises ObservationIncomplete when nothing of the image was seen in use: an empty result is an error, not a triumph.
    """
    tree = image.tree
    if not any(tree.resolve(access.asked).end not in (None, "/") for access in image.log.accesses):
        raise ObservationIncomplete(
            "the run recorded no access to any file of the image",
            hint="Does the app start at all? `--recorder ptrace` sees through another door.",
        )
    builder = KeepSetBuilder(
        tree, Patterns(tree, image.selection.exclude, "--exclude").match, evidence=registry.evidence()
    )
    analyses = [found for analyzer in registry.analyzers(policy) if (found := analyzer.start(image)) is not None]
    for analysis in analyses:
        builder.add(analysis.seeds())
    builder.add(extra)
    _close(image, builder, analyses)
    return builder.finished()


def check_selection(image: ImageView) -> None:
    """Whether the image has what the user chose, and the patterns make sense: raises UsageError. Needs no log."""
    Patterns(image.tree, image.selection.exclude, "--exclude")
    for _ in user_selection(image):
        pass


def _close(image: ImageView, builder: KeepSetBuilder, analyses: Sequence[Analysis]) -> None:
    """Follow until nothing is new; only then is it known which directories would be empty."""
    while True:
        while fresh := builder.fresh():
            for analysis in analyses:
                builder.add(analysis.follow(fresh, builder))
        empty = [path for path in builder.empty_dirs() if next(image.tree.children(path), None) is not None]
        if not empty:
            return
        known = len(builder)
        builder.add(nonempty_dirs(image.tree, empty))
        if len(builder) == known:  # what would fill them is a socket, or excluded
            return
