"""The keeper runs the analyzers of a policy, follows what they keep, and then closes the set.

In a closed set, whatever leads to a kept path is kept, and so are other names of kept paths; no directory that held something
is left empty. The keeper follows the paths that closing adds, too, until nothing is new.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from slimmer.errors import ObservationIncomplete
from slimmer.keep import registry
from slimmer.keep.analyzer import Analysis, Analyzer, Policy
from slimmer.keep.core.nonempty_dirs import nonempty_dirs
from slimmer.keep.core.package_data import package_data
from slimmer.keep.core.user_selection import user_selection
from slimmer.keep.evidence import Evidence
from slimmer.keep.image_view import ImageView
from slimmer.keep.keepset import Finding, KeepSet, KeepSetBuilder
from slimmer.keep.margin.amount import NO_MARGIN, Margin, default_margin
from slimmer.keep.margin.margin import add_margin
from slimmer.keep.selection import Patterns


def keep(
    image: ImageView, policy: Policy = Policy.OBSERVED, extra: Iterable[Finding] = (), margin: Margin | None = None
) -> KeepSet:
    """Return the paths to keep. `extra` holds findings from elsewhere, such as a repair. `margin` None is that of the policy.

    `image.unproven` then has the items of this decision.

    Raise ObservationIncomplete if the log has no access to any file of the image, and PluginFailed if another package's analyzer
    cannot be used.
    """
    amount = default_margin(policy) if margin is None else margin
    return keep_with(registry.analyzers(policy), registry.evidence(), image, extra, amount)


def keep_with(
    analyzers: Iterable[Analyzer],
    evidence: Mapping[str, Evidence],
    image: ImageView,
    extra: Iterable[Finding] = (),
    margin: Margin = NO_MARGIN,
) -> KeepSet:
    """Run these analyzers in their order, and then the margin. Return the paths to keep.

    `evidence` gives the evidence of each rule; see `keep`.
    """
    tree = image.tree
    if not any(tree.resolve(access.asked).end not in (None, "/") for access in image.log.accesses):
        raise ObservationIncomplete(
            "the run recorded no access to any file of the image",
            hint="Does the app start at all? `--recorder ptrace` sees through another door.",
        )
    excluded = Patterns(tree, image.selection.exclude, "--exclude")
    builder = KeepSetBuilder(tree, excluded.match, evidence=evidence)
    image.unproven.clear()
    analyses = [found for analyzer in analyzers if (found := analyzer.start(image)) is not None]
    for analysis in analyses:
        builder.add(analysis.seeds())
    builder.add(extra)
    _close(image, builder, analyses)
    spent = add_margin(image, builder, margin, lambda trial: _close(image, trial, analyses)) if margin else None
    builder.add(list(package_data(image, builder)))
    return builder.finished(spent)


def check_selection(image: ImageView) -> None:
    """Raise UsageError if the image does not have what the user chose, or if a pattern makes no sense. Needs no log."""
    Patterns(image.tree, image.selection.exclude, "--exclude")
    for _ in user_selection(image) or ():
        pass


def _close(image: ImageView, builder: KeepSetBuilder, analyses: Sequence[Analysis]) -> None:
    """Follow new paths until there are none. Only then can it be said which directories would be empty: fill those, and go on."""
    while True:
        while added := builder.take_added():
            for analysis in analyses:
                builder.add(analysis.follow(added, builder))
        empty = [path for path in builder.empty_dirs() if next(image.tree.children(path), None) is not None]
        if not empty:
            return
        known = len(builder)
        builder.add(nonempty_dirs(image.tree, empty))
        if len(builder) == known:  # the directories hold only sockets, excluded paths, or large versions of something
            return
