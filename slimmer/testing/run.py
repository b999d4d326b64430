"""Run analyzers on an image, and look at what they keep."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from slimmer.keep import registry
from slimmer.keep.analyzer import Analyzer, Policy
from slimmer.keep.core import observed
from slimmer.keep.image_view import ImageView
from slimmer.keep.installed import fault
from slimmer.keep.keeper import keep_with
from slimmer.keep.keepset import LEADS_TO, Finding, KeepSet, KeepSetBuilder, Reason
from slimmer.keep.margin.amount import NO_MARGIN, Margin

SEEN = Reason(observed.RULE, "seen by a test")
"""The reason for the paths that a test passes to `run` as observed."""


def run(analyzer: Analyzer, image: ImageView, *paths: str) -> KeepSet:
    """Run one analyzer on an image. Return the paths that it keeps, together with those that the app's run looked at.

    `paths` are real paths that count as observed, too, without an access in the log. Unlike a build, this leaves directories empty.
    Raise TypeError if the analyzer does not have the shape of an Analyzer, and ValueError if it gives a reason with a rule that it does
    not declare.
    """
    if wrong := fault(analyzer):
        raise TypeError(f"{analyzer!r} is no analyzer: {wrong}")
    builder = KeepSetBuilder(image.tree, evidence=registry.merged((*registry.BUILTIN, analyzer)))
    builder.add(observed.observed(image))
    builder.add(Finding(path, SEEN) for path in paths)
    analysis = analyzer.start(image)
    if analysis is not None:
        builder.add(_declared(analyzer, analysis.seeds()))
        while added := builder.take_added():
            builder.add(_declared(analyzer, analysis.follow(added, builder)))
    return builder.finished()


def run_policy(policy: Policy, image: ImageView, *more: Analyzer, margin: Margin = NO_MARGIN) -> KeepSet:
    """Run slimmer's own analyzers of a policy, then `more`, and return what they keep. Analyzers of installed packages do not run.

    There is no margin unless you give one.

    Raise ObservationIncomplete if the image's log has no access to any of its files.
    """
    analyzers = (*registry.BUILTIN, *more)
    chosen = (one for one in analyzers if policy in one.policies)
    return keep_with(chosen, registry.merged(analyzers), image, margin=margin)


def by_rule(kept: KeepSet, rule: str) -> set[str]:
    """Return the paths that a rule keeps. Other rules may keep them as well."""
    return {path for path, reasons in kept.reasons.items() if any(reason.rule == rule for reason in reasons)}


def files(image: ImageView, kept: KeepSet) -> set[str]:
    """Return the kept paths that are not directories."""
    return {entry.path for path in kept if (entry := image.tree.get(path)) is not None and not entry.is_directory}


def _declared(analyzer: Analyzer, findings: Iterable[Finding]) -> Iterator[Finding]:
    for finding in findings:
        if finding.reason.rule not in analyzer.rules and finding.reason.rule != LEADS_TO:
            raise ValueError(f"the analyzer {analyzer.id} does not declare the rule of {finding}")
        yield finding
