"""Compare two images side by side, in the rows of a table."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slimmer.formatting import human_size, printable
from slimmer.image.config import INSTRUCTIONS, ImageConfig, without_builders_additions
from slimmer.image.image_stats import ImageStats
from slimmer.image.new_paths import NewPath
from slimmer.image.origin_labels import without_origin
from slimmer.report.build_facts import BuildFacts
from slimmer.report.gate import Gate
from slimmer.report.since import Names, Since
from slimmer.report.vulnerabilities import Vulnerabilities

if TYPE_CHECKING:
    from rich.table import Table

NAMES_SHOWN = 4
"""The number of shells that a table cell lists by name."""

UNORDERED = frozenset({"labels", "exposed_ports", "volumes"})
"""Fields that are sets: the order of their values means nothing."""

NO_CONFIGURATION = frozenset({"image_id", "created", "engine_size", "layers", "tags", "digests"})
"""Fields of an ImageConfig that differ between any two images."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two images, each with the name that the user gave.

    `new_files` are the paths that only the second image has, or has with other content; None if the files were not compared. `since` is what
    changed since a baseline, and `build` what the report of the second image's build says. `gates` are the results of the gates, and
    `vulnerabilities` what became of the findings of a scan of the first image.
    """

    before_name: str
    before: ImageStats
    after_name: str
    after: ImageStats
    new_files: tuple[NewPath, ...] | None = None
    since: Since | None = None
    build: BuildFacts | None = None
    gates: tuple[Gate, ...] = ()
    vulnerabilities: Vulnerabilities | None = None

    @property
    def ok(self) -> bool:
        """True if no gate failed."""
        return all(gate.passed for gate in self.gates)

    @property
    def ratio(self) -> float | None:
        """How many times larger the files of the first image are, with three decimals; None if the second image has none."""
        return quotient(self.before.size, self.after.size)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What makes the comparison or the build uncertain, in sentences."""
        return tuple(dict.fromkeys(self._warnings()))

    def _warnings(self) -> Iterator[str]:
        for name, stats in ((self.before_name, self.before), (self.after_name, self.after)):
            for path in stats.unread:
                yield f"{path} of {name} cannot be read, so its packages are not counted"
        if self.build is not None:
            if self.build.slim_id != self.after.config.image_id:
                yield f"the report is not that of {self.after_name}, but of {self.build.slim_id or 'no image'}"
            yield from self.build.warnings


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table, in words."""

    what: str
    before: str
    after: str
    ratio: str = ""


def as_table(comparison: Comparison) -> Table:
    """Return the comparison as a table. Texts from the images are escaped for a terminal."""
    return _table(f"{comparison.before_name} → {comparison.after_name}", rows(comparison))


def _table(title: str, lines: Iterable[Row]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(printable(title)), title_justify="left")
    table.add_column("", overflow="fold")
    for heading in ("before", "after", "ratio"):
        table.add_column(heading, justify="right", overflow="fold")
    for row in lines:
        table.add_row(*(Text(printable(text)) for text in (row.what, row.before, row.after, row.ratio)))
    return table


def since_table(since: Since) -> Table:
    """Return what changed since the baseline as a table. Texts from the images are escaped for a terminal."""
    return _table(f"since {since.name or since.id}", since_rows(since))


def rows(comparison: Comparison) -> Iterator[Row]:
    """Yield the rows of the table: sizes, counts, what an attacker could use, packages, and differences in the configuration."""
    before, after = comparison.before, comparison.after
    yield _sizes("size", before.size, after.size)
    for what, part in (("layers (tar)", "tar"), ("compressed (gzip)", "gzip"), ("compressed (zstd)", "zstd")):
        yield _sizes(what, getattr(before.layer_sizes, part), getattr(after.layer_sizes, part))
    for what in ("layers", "files", "directories", "links", "executables"):
        yield _counts(what, getattr(before, what), getattr(after, what))
    for what, name in (("setuid files", "setuid"), ("setgid files", "setgid"), ("files with capabilities", "capable")):
        yield _counts(what, len(getattr(before, name)), len(getattr(after, name)))
    yield Row("shells", _names(before.shells), _names(after.shells))
    yield _counts("package managers", len(before.package_managers), len(after.package_managers))
    yield from _packages(before, after)
    if comparison.vulnerabilities is not None:
        yield from _vulnerabilities(comparison.vulnerabilities)
    for name, first, second in differences(comparison):
        yield Row(
            INSTRUCTIONS.get(name, name.replace("_", " ")), *(_value(shown(name, part)) for part in (first, second))
        )


def since_rows(since: Since) -> Iterator[Row]:
    """Yield the rows of a table of what changed since the baseline, as far as its document tells."""
    yield _sizes("size", since.size.before, since.size.after)
    for what, numbers in (("paths", since.paths), ("files", since.files)):
        if numbers is not None:
            yield _counts(what, numbers.before, numbers.after)
    for what, names in since_names(since):
        if names != Names():
            updated = f", {len(names.updated):,} updated" if names.updated else ""
            yield Row(what, f"{len(names.removed):,} removed", f"{len(names.added):,} added{updated}")


def since_names(since: Since) -> Iterator[tuple[str, Names]]:
    """Yield each kind of names that the baseline's document tells, with what came and what went."""
    for what, names in (
        ("packages", since.packages),
        ("shells", since.shells),
        ("package managers", since.package_managers),
        ("setuid files", since.setuid),
    ):
        if names is not None:
            yield what, names


def differences(comparison: Comparison) -> Iterator[tuple[str, Any, Any]]:
    """Yield the parts of the configuration that differ, as JSON values. For lists, yield the entries that only one side has.

    The labels with which slimmer names the original do not count.
    """
    before, after = (without_origin(facts.config) for facts in (comparison.before, comparison.after))
    first, second = map(dataclasses.asdict, (before, without_builders_additions(before, after)))
    for field in dataclasses.fields(ImageConfig):
        one, two = first[field.name], second[field.name]
        if field.name in NO_CONFIGURATION or _in_order(field.name, one) == _in_order(field.name, two):
            continue
        if (field.name == "env" or field.name in UNORDERED) and set(one) != set(two):
            one, two = ([entry for entry in mine if entry not in theirs] for mine, theirs in ((one, two), (two, one)))
        yield field.name, _plain(field.name, one), _plain(field.name, two)


def shown(name: str, value: Any) -> Any:
    """Return a part of the configuration for people: of variables, only the names. Values may be secrets, and many people read a job's log."""
    return [entry.partition("=")[0] for entry in value] if name == "env" else value


def _in_order(name: str, value: Any) -> Any:
    """Return a value in an order that does not depend on the builder. Variables of one name stay in order: the last one counts."""
    if name == "env":
        return sorted(value, key=lambda entry: entry.partition("=")[0])
    return sorted(value) if name in UNORDERED else value


def _plain(name: str, value: Any) -> Any:
    """Return labels as a dictionary, a health check with only the fields that are set, and other values unchanged."""
    if name == "healthcheck":
        return {key: part for key, part in value.items() if part} if value else None
    return dict(value) if name == "labels" else value


def _packages(before: ImageStats, after: ImageStats) -> Iterator[Row]:
    """Yield a row for all packages and, if there are several package managers, one for each."""
    yield Row(
        "packages", _package_count(before), _package_count(after), _ratio(len(before.packages), len(after.packages))
    )
    managers = sorted({*before.packages_by_manager, *after.packages_by_manager})
    for manager in managers if len(managers) > 1 else ():
        one, two = (facts.packages_by_manager.get(manager, 0) for facts in (before, after))
        yield _counts(f"packages: {manager}", one, two)


def _vulnerabilities(found: Vulnerabilities) -> Iterator[Row]:
    """Yield a row for all findings and one for each severity: those of the scan, and those that are not proven gone."""
    yield _counts("vulnerabilities", found.total.before, found.total.after)
    for severity, count in found.counts.items():
        yield _counts(f"vulnerabilities: {severity}", count.before, count.after)


def _package_count(facts: ImageStats) -> str:
    count = f"{len(facts.packages):,}"
    if not facts.unread:
        return count
    return f"{count} and unknown" if facts.packages else "unknown"


def _sizes(what: str, before: int, after: int) -> Row:
    return Row(what, human_size(before), human_size(after), _ratio(before, after))


def _counts(what: str, before: int, after: int) -> Row:
    return Row(what, f"{before:,}", f"{after:,}", _ratio(before, after))


def _ratio(before: int, after: int) -> str:
    """Return how many times smaller the second number is, or "" if that has no meaning."""
    if before == after or not before or not after:
        return ""
    return f"{before / after:.1f}x" if before > after else f"{before / after:.2f}x"


def _names(paths: tuple[str, ...]) -> str:
    """Return the file names of paths, each once, and the number of the rest."""
    names = sorted({path.rpartition("/")[2] for path in paths})
    more = [f"and {len(names) - NAMES_SHOWN} more"] if len(names) > NAMES_SHOWN else []
    return ", ".join([*names[:NAMES_SHOWN], *more]) or "none"


def _value(value: Any) -> str:
    """Return a part of a configuration in one line, or "-" if it is absent."""
    return "-" if value in (None, "", [], (), {}) else json.dumps(value, ensure_ascii=False)


def quotient(before: int, after: int) -> float | None:
    """Return how many times larger the first number is, with three decimals; None if the second one is 0."""
    return round(before / after, 3) if after else None
