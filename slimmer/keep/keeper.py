"""The keeper: run the analyzers of a policy, follow what they kept, then close the set.

Closing means: whatever leads to a kept path is kept, other names of kept paths are kept, no directory is hollow. Whatever
that adds is followed in its turn, until nothing is added.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from slimmer.errors import ObservationIncomplete
from slimmer.keep import registry
from slimmer.keep.analyzer import Analysis, Analyzer, Policy
from slimmer.keep.core.nonempty_dirs import nonempty_dirs
from slimmer.keep.core.user_selection import user_selection
from slimmer.keep.evidence import Evidence
from slimmer.keep.image_view import ImageView
from slimmer.keep.keepset import Finding, KeepSet, KeepSetBuilder
from slimmer.keep.selection import Patterns


def keep(image: ImageView, policy: Policy = Policy.OBSERVED, extra: Iterable[Finding] = ()) -> KeepSet:
    """The paths to keep. `extra` are findings from elsewhere, such as a repair.

    Raises ObservationIncomplete if the log has no access to any file of the image, and PluginFailed if an analyzer of another package
    cannot be used.
    """
    return keep_with(registry.analyzers(policy), registry.evidence(), image, extra)


def keep_with(
    analyzers: Iterable[Analyzer], evidence: Mapping[str, Evidence], image: ImageView, extra: Iterable[Finding] = ()
) -> KeepSet:
    """The paths to keep according to these analyzers, in their order. `evidence` is that of each rule; see `keep`."""
    tree = image.tree
    if not any(tree.resolve(access.asked).end not in (None, "/") for access in image.log.accesses):
        raise ObservationIncomplete(
            "the run recorded no access to any file of the image",
            hint="Does the app start at all? `--recorder ptrace` sees through another door.",
        )
    excluded = Patterns(tree, image.selection.exclude, "--exclude")
    builder = KeepSetBuilder(tree, excluded.match, evidence=evidence)
    analyses = [found for analyzer in analyzers if (found := analyzer.start(image)) is not None]
    for analysis in analyses:
        builder.add(analysis.seeds())
    builder.add(extra)
    _close(image, builder, analyses)
    return builder.finished()


def check_selection(image: ImageView) -> None:
    """Check that the image has what the user chose, and that the patterns make sense. Needs no log. Raises UsageError."""
    Patterns(image.tree, image.selection.exclude, "--exclude")
    for _ in user_selection(image) or ():
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
