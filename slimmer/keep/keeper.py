"""From a context to a KeepSet: run the rules of a policy, then close the set.

Closing means: whatever leads to a kept path is kept, other names of kept paths are kept, no directory is hollow. The last
two look at what is kept already, so they are repeated until nothing is added.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator

from slimmer.errors import ObservationIncomplete
from slimmer.image.tree import Tree
from slimmer.keep.context import Context, Policy, Rule, leading, parent
from slimmer.keep.keepset import Finding, KeepSet, collect
from slimmer.keep.rules.engine_needs import engine_needs
from slimmer.keep.rules.hollow import hollow
from slimmer.keep.rules.links import links
from slimmer.keep.rules.listed import listed
from slimmer.keep.rules.observed import observed

RULES: dict[Policy, tuple[Rule, ...]] = {Policy.OBSERVED: (observed, listed, engine_needs)}
"""Which rules a policy runs, in the order in which their reasons are listed."""


def keep(context: Context, policy: Policy = Policy.OBSERVED, extra: Iterable[Finding] = ()) -> KeepSet:
    """The paths to keep. `extra` are findings from elsewhere, such as a repair.

    Raises ObservationIncomplete when nothing of the image was seen in use: an empty result is an error, not a triumph.
    """
    tree = context.tree
    if not any(tree.resolve(access.asked).end not in (None, "/") for access in context.log.accesses):
        raise ObservationIncomplete(
            "the run recorded no access to any file of the image",
            hint="Does the app start at all? `--recorder ptrace` sees through another door.",
        )
    findings = [finding for rule in RULES[policy] for finding in rule(context)]
    findings.extend(extra)
    return close(tree, findings)


def close(tree: Tree, findings: list[Finding]) -> KeepSet:
    """Close the set under the module's three demands, and leave out what no image layer can hold (sockets)."""
    findings = [finding for finding in findings if _storable(tree, finding.path)]
    while True:
        findings.extend(_parents(findings))
        kept = {finding.path for finding in findings}
        added = list(links(tree, kept))
        kept.update(finding.path for finding in added)
        kept.update(path for finding in added for path in _ancestors(finding.path))
        added.extend(hollow(tree, kept))
        findings.extend(finding for finding in added if _storable(tree, finding.path))
        if all(finding.path in kept for finding in added):
            findings.extend(_parents(findings))
            return collect(findings)


def _parents(findings: list[Finding]) -> list[Finding]:
    known = {finding.path for finding in findings}
    missing: dict[str, str] = {}
    for path in list(known):
        for ancestor in _ancestors(path):
            if ancestor in known or ancestor in missing:
                break
            missing[ancestor] = path
    return [finding for ancestor, path in missing.items() for finding in leading((ancestor,), path)]


def _ancestors(path: str) -> Iterator[str]:
    while path != "/":
        path = parent(path)
        yield path


def _storable(tree: Tree, path: str) -> bool:
    entry = tree.get(path)
    return entry is not None and not stat.S_ISSOCK(entry.mode)
