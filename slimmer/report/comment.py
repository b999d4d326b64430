"""A comparison as the comment of a pull request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from slimmer.formatting import counted, human_size
from slimmer.report.comparison import Comparison, Row, rows, since_names, since_rows
from slimmer.report.gate import Gate, verdict
from slimmer.report.markdown import code, folded, listing, table, text, within
from slimmer.report.since import Since, package_name, privileged
from slimmer.report.verdict import Judged, Verdict
from slimmer.report.vulnerabilities import Vulnerabilities

MARKER = "<!-- slimmer -->"
"""The first line. A job finds its own comment by it, and updates it."""

LIMIT = 60_000
"""The most characters of a comment. GitHub takes 65,536."""

LISTED = 50
"""The most names of a list. The rest are counted."""

UNFOLDED = 5
"""The most lines of a list that is not folded."""

LONGEST_NAME = 150
LONGEST_CELL = 100
"""The most characters of a name in a list, and of a cell. So the tables always fit into LIMIT."""

CUT = "Some parts are left out, because a comment has a limited length. `slimmer compare --format json` shows all."

PASSED, FAILED = "✅", "❌"

Item = TypeVar("Item")


def as_markdown(comparison: Comparison) -> str:
    """Return the comparison in GitHub's Markdown, in at most LIMIT characters and a few more."""
    return "\n\n".join((f"{MARKER}\n{_heading(comparison)}", *within(_parts(comparison), LIMIT, CUT)))


def _heading(comparison: Comparison) -> str:
    before, after = comparison.before.size, comparison.after.size
    sizes = f"{human_size(before)} → {human_size(after)}"
    if comparison.ratio is not None and before > after:
        sizes += f", {before / after:.1f} times smaller"
    if not comparison.gates:
        return f"### slimmer: {sizes}"
    return f"### {PASSED if comparison.ok else FAILED} slimmer: {sizes}; {verdict(comparison.gates)}"


def _parts(comparison: Comparison) -> Iterator[str]:
    yield f"{code(comparison.before_name)} → {code(comparison.after_name)}"
    if comparison.gates:
        yield _gates(comparison.gates)
    yield _table("", ("before", "after", "ratio"), rows(comparison))
    yield from _gone(comparison)
    yield from _new(comparison)
    if comparison.vulnerabilities is not None:
        yield from _vulnerabilities(comparison.vulnerabilities)
    if comparison.since is not None:
        yield from _since(comparison.since)
    yield from _sentences("Warnings", comparison.warnings)
    if comparison.build is not None:
        yield from _sentences("Not proven", comparison.build.unproven)


def _gates(gates: Iterable[Gate]) -> str:
    lines = ((f"{PASSED if gate.passed else FAILED} {text(gate.name)}", _found(gate)) for gate in gates)
    return "\n".join(["| gate | result |", "|:--|:--|", *(f"| {name} | {found} |" for name, found in lines)])


def _found(gate: Gate) -> str:
    offenders = [text(offender, LONGEST_CELL) for offender in gate.offenders]
    more = [f"and {gate.count - len(offenders):,} more"] if gate.count > len(offenders) else []
    return "<br>".join((text(gate.found), *offenders, *more))


def _table(first: str, heads: Sequence[str], lines: Iterable[Row]) -> str:
    return table(
        [first, *heads],
        ([text(cell, LONGEST_CELL) for cell in (row.what, row.before, row.after, row.ratio)] for row in lines),
    )


def _gone(comparison: Comparison) -> Iterator[str]:
    """Yield what only the first image has. Packages are known by their databases, whose files may be gone while those of the package stay."""
    before, after = comparison.before, comparison.after
    if not after.unread:
        yield from _names("package", "no longer listed", map(package_name, _only(before.packages, after.packages)))
    yield from _names("shell", "removed", _only(before.shells, after.shells))
    yield from _names("package manager", "removed", _only(before.package_managers, after.package_managers))
    yield from _names("setuid file", "removed", _only(privileged(before), privileged(after)))


def _new(comparison: Comparison) -> Iterator[str]:
    """Yield what only the second image has. For a slim image, this should be nothing."""
    before, after = comparison.before, comparison.after
    if not before.unread:
        yield from _names("package", "added", map(package_name, _only(after.packages, before.packages)))
    yield from _names("setuid file", "added", _only(privileged(after), privileged(before)))
    yield from _names("path", "new or changed", [f"{new.path} ({new.what})" for new in comparison.new_files or ()])


def _vulnerabilities(found: Vulnerabilities) -> Iterator[str]:
    """Yield the findings that are left, with what is left of their packages, and those that are gone."""
    left = (f"{one.finding.severity}: {_finding(one)}: {one.verdict}" for one in found.left)
    yield from _names("finding", f"of {found.scanner.partition(' ')[0]} left", left)
    gone = (_finding(one) for one in found.judged if one.verdict is Verdict.GONE)
    yield from _names("finding", "gone with their packages", gone)


def _finding(judged: Judged) -> str:
    return f"{judged.finding.vulnerability} of {judged.finding.package}"


def _only(mine: Iterable[Item], theirs: Iterable[Item]) -> list[Item]:
    known = set(theirs)
    return [item for item in mine if item not in known]


def _since(since: Since) -> Iterator[str]:
    yield f"#### Since the baseline\n\nThe baseline is {code(since.name or since.id)}."
    yield _table("", ("then", "now", "ratio"), since_rows(since))
    for what, names in since_names(since):
        noun = what.removesuffix("s")
        for verb, changed in (("added", names.added), ("removed", names.removed), ("updated", names.updated)):
            yield from _names(noun, f"{verb} since the baseline", changed)


def _names(noun: str, verb: str, names: Iterable[str]) -> Iterator[str]:
    """Yield a folded list of names, if there are any: "2 shells removed"."""
    found = list(names)
    if found:
        more = [f"and {len(found) - LISTED:,} more"] if len(found) > LISTED else []
        shown = [code(name, LONGEST_NAME) for name in found[:LISTED]]
        yield folded(f"{counted(len(found), noun)} {verb}", listing([*shown, *more]))


def _sentences(title: str, sentences: Sequence[str]) -> Iterator[str]:
    """Yield a section of sentences, if there are any. A long one is folded."""
    if not sentences:
        return
    more = [f"and {len(sentences) - LISTED:,} more"] if len(sentences) > LISTED else []
    content = listing([*map(text, sentences[:LISTED]), *more])
    yield (
        f"#### {title}\n\n{content}" if len(sentences) <= UNFOLDED else folded(f"{title} ({len(sentences):,})", content)
    )
