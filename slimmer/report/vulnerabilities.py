"""What became of the vulnerabilities of an original in its slim image: verdicts, and counts by severity."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from msgspec import UNSET

from slimmer.artifacts.build_output import BuildOutput
from slimmer.errors import UsageError
from slimmer.formatting import counted, listed, printable
from slimmer.report.contents import Contents
from slimmer.report.verdict import Judged, Verdict, judge_findings
from slimmer.scans.scan import Scan, Severity, check_image, digest_of

if TYPE_CHECKING:
    from rich.table import Table

ROWS = 1000
"""The most findings of the table."""

PATHS_SHOWN = 2
"""The most kept files that a cell of the table names."""

LONGEST = 200
"""The most characters of a text in a cell."""


@dataclass(frozen=True, slots=True)
class Count:
    """Findings of one severity: those of the original (`before`), and what became of them. `after` are all that are not gone."""

    before: int = 0
    gone: int = 0
    partly: int = 0
    there: int = 0
    unknown: int = 0

    @property
    def after(self) -> int:
        """The findings that are not proven gone."""
        return self.before - self.gone


@dataclass(frozen=True)
class Vulnerabilities:
    """The findings of a scan with their verdicts, the worst severity first. `scanner` is the scanner's name, with its version if it is known."""

    scanner: str
    judged: tuple[Judged, ...] = field(repr=False)

    @cached_property
    def counts(self) -> Mapping[Severity, Count]:
        """The counts of each severity that has findings, the worst first."""
        found = {severity: [one for one in self.judged if one.finding.severity is severity] for severity in Severity}
        return {severity: _count(judged) for severity, judged in found.items() if judged}

    @cached_property
    def total(self) -> Count:
        """The counts of all findings."""
        return _count(self.judged)

    @property
    def left(self) -> tuple[Judged, ...]:
        """The findings that are not proven gone."""
        return tuple(one for one in self.judged if one.verdict is not Verdict.GONE)


def _count(judged: Iterable[Judged]) -> Count:
    verdicts = [one.verdict for one in judged]
    numbers = (verdicts.count(verdict) for verdict in (Verdict.GONE, Verdict.PARTLY, Verdict.THERE, Verdict.UNKNOWN))
    return Count(len(verdicts), *numbers)


def vulnerabilities(scan: Scan, contents: Contents) -> Vulnerabilities:
    """Return the verdicts on all findings of a scan. The scan must be one of the original."""
    judged = judge_findings(scan.findings, contents)
    return Vulnerabilities(scan.scanner, tuple(sorted(judged, key=_order)))


def of_output(output: BuildOutput, scan: Scan, *, force: bool = False) -> Vulnerabilities:
    """Return the verdicts on a scan of the original of a build. Raise UsageError if it is a scan of another image, unless `force` is set."""
    if not force:
        _check(output, scan)
    return vulnerabilities(scan, contents_of(output))


def contents_of(output: BuildOutput) -> Contents:
    """Return what a build kept of its original. What slimmer wrote itself does not count."""
    kept = {
        path: -1 if line.size is None else line.size
        for path, line in output.lines.items()
        if not line.added and line.kind != "directory"
    }
    packages = output.packages
    return Contents(output.tree, packages.entries, kept, packages.unread)


def _check(output: BuildOutput, scan: Scan) -> None:
    report = output.report
    slim = None if report.slim is UNSET else report.slim
    if slim is not None and digest_of(slim.id) in scan.image.digests:
        raise UsageError(
            f"the scan is of the slim image {slim.name}, not of the original",
            hint=f"Scan {report.target.name or 'the original'}: what is gone can only be seen in its findings.",
        )
    check_image(scan.image, [report.target.name], [report.target.id])


def _order(judged: Judged) -> tuple[object, ...]:
    found = judged.finding
    return found.severity.rank, found.vulnerability, found.package, found.locations


def as_table(found: Vulnerabilities, title: str) -> Table:
    """Return the findings as a table. Texts from the image and the scan are escaped for a terminal."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(printable(title)), title_justify="left")
    for heading in ("severity", "vulnerability", "package", "in the slim image"):
        table.add_column(heading, overflow="fold")
    for one in found.judged[:ROWS]:
        finding = one.finding
        cells = map(_cut, (finding.severity, finding.vulnerability, str(finding.package)))
        table.add_row(*map(Text, (*cells, in_words(one))))
    if len(found.judged) > ROWS:
        table.caption = f"and {len(found.judged) - ROWS:,} more, which --format json lists"
    return table


def in_words(judged: Judged) -> str:
    """Return a verdict in words: "partly there: 2 of 9 files: /usr/bin/bash, …". Long paths are cut, and texts are escaped for a terminal."""
    if judged.verdict is Verdict.GONE:
        return f"gone ({counted(judged.files, 'file')})"
    if judged.verdict is Verdict.UNKNOWN:
        return f"unknown: {_cut(judged.reason)}"
    shown = judged.paths[:PATHS_SHOWN]
    more = f" and {judged.kept - len(shown):,} more" if judged.kept > len(shown) else ""
    number = f"{judged.kept:,} of {counted(judged.files, 'file')}"
    return f"{judged.verdict}: {number}: {listed(map(_cut, shown), PATHS_SHOWN)}{more}"


def summary(found: Vulnerabilities) -> Iterator[str]:
    """Yield the counts in sentences: one for all findings, and one for each severity."""
    yield f"{counted(found.total.before, 'finding')} of {printable(found.scanner)}: {_told(found.total)}"
    for severity, count in found.counts.items():
        yield f"{severity}: {count.before:,} → {count.after:,}"


def _told(count: Count) -> str:
    parts = ((count.gone, "gone"), (count.partly, "partly there"), (count.there, "there"), (count.unknown, "unknown"))
    return ", ".join(f"{number:,} {word}" for number, word in parts if number) or "none"


def _cut(text: str) -> str:
    plain = printable(text)
    return plain if len(plain) <= LONGEST else f"{plain[: LONGEST - 1]}…"
