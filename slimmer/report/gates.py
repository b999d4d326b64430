"""Hold a comparison against the limits and conditions of a pipeline."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

from slimmer.formatting import counted, human_size, printable
from slimmer.image.config import INSTRUCTIONS
from slimmer.image.image_stats import ImageStats
from slimmer.report.comparison import Comparison, differences, shown
from slimmer.report.gate import LONGEST, OFFENDERS, SEVERITIES, Condition, Gate, Limits
from slimmer.report.vulnerabilities import Vulnerabilities
from slimmer.scans.scan import Severity


def judge(comparison: Comparison, limits: Limits) -> tuple[Gate, ...]:
    """Return the result of each gate: the sizes first, then the conditions in their order.

    `new-file` needs `new_files`, `growth` needs `since`, `warning` needs `build` and a severity needs `vulnerabilities` of the comparison.
    Without it they fail, because nothing shows that they hold.
    """
    return tuple(_gates(comparison, limits))


def _gates(comparison: Comparison, limits: Limits) -> Iterator[Gate]:
    if limits.max_size is not None:
        yield _max_size(comparison.after.size, limits.max_size)
    if limits.min_ratio is not None:
        yield _min_ratio(comparison.ratio, limits.min_ratio)
    for condition in Condition:
        if condition is Condition.GROWTH and condition in limits.fail_on:
            yield _growth(comparison, limits.max_growth)
        elif condition in SEVERITIES and condition in limits.fail_on:
            yield _severity(condition, comparison.vulnerabilities)
        elif condition in limits.fail_on:
            what, find = _CONDITIONS[condition]
            yield _gate(condition, what, find(comparison))


def _max_size(size: int, limit: int) -> Gate:
    if size <= limit:
        return Gate("max-size", True, f"{human_size(size)}, at most {human_size(limit)}")
    return Gate("max-size", False, f"{human_size(size)} ({size:,} bytes) is more than {human_size(limit)}")


def _min_ratio(ratio: float | None, limit: Fraction) -> Gate:
    if ratio is None:
        return Gate("min-ratio", False, "the second image has no bytes")
    passed = Fraction(str(ratio)) >= limit
    return Gate(
        "min-ratio", passed, f"{ratio:g} times smaller, {'at least' if passed else 'less than'} {float(limit):g}"
    )


def _growth(comparison: Comparison, limit: Fraction) -> Gate:
    if comparison.since is None:
        return Gate(Condition.GROWTH, False, "there is no baseline")
    size = comparison.since.size
    passed = (size.after - size.before) * 100 <= limit * size.before
    sizes = f"{human_size(size.before)} → {human_size(size.after)}"
    share = "" if comparison.since.growth is None else f" ({comparison.since.growth:+.3g} %)"
    return Gate(
        Condition.GROWTH,
        passed,
        f"{sizes}{share} since the baseline, {'at most' if passed else 'more than'} {float(limit):+g} %",
    )


def _severity(condition: Condition, found: Vulnerabilities | None) -> Gate:
    """Return the gate for findings of this severity or a worse one. One that is not proven gone is there."""
    if found is None:
        return Gate(condition, False, "not known, because there is no scan")
    worst = Severity(condition).rank
    left = [one for one in found.left if one.finding.severity.rank <= worst]
    what = "critical finding" if condition is Condition.CRITICAL else f"{condition} or worse finding"
    offenders = [f"{one.finding.vulnerability} of {one.finding.package} ({one.verdict})" for one in left]
    return _gate(condition, what, offenders)


def _gate(condition: Condition, what: str, offenders: Sequence[str] | None) -> Gate:
    """Return the gate of a condition. `what` is the noun of an offender. None: it is not known whether there are any."""
    if offenders is None:
        return Gate(condition, False, "not known, because the files were not compared")
    first = tuple(_cut(text) for text in offenders[:OFFENDERS])
    found = counted(len(offenders), what) if offenders else f"no {what}"
    return Gate(condition, not offenders, found, len(offenders), first)


def _setuid(comparison: Comparison) -> list[str]:
    return [f"{path} ({kind})" for path, kind in _privileged(comparison.after)]


def _new_setuid(comparison: Comparison) -> list[str]:
    known, before, after = set(_privileged(comparison.before)), comparison.before.rights, comparison.after.rights
    new = (one for one in _privileged(comparison.after) if one not in known or before.get(one) != after.get(one))
    return [f"{path} ({kind})" for path, kind in new]


def _privileged(stats: ImageStats) -> list[tuple[str, str]]:
    kinds = (("setuid", stats.setuid), ("setgid", stats.setgid), ("capabilities", stats.capable))
    return [(path, kind) for kind, paths in kinds for path in paths]


def _changes(comparison: Comparison) -> list[str]:
    return [
        f"{INSTRUCTIONS.get(name, name)} {_value(shown(name, before))} → {_value(shown(name, after))}"
        for name, before, after in differences(comparison)
    ]


def _value(value: object) -> str:
    return _cut(json.dumps(value, ensure_ascii=False), LONGEST // 3) if value else "-"


def _new_files(comparison: Comparison) -> list[str] | None:
    if comparison.new_files is None:
        return None
    return [f"{found.path} ({found.what})" for found in comparison.new_files]


def _warnings(comparison: Comparison) -> list[str]:
    """Return the warnings, and what makes the comparison uncertain."""
    return [*comparison.warnings, *([] if comparison.build else ["there is no report of the build"])]


_CONDITIONS: dict[Condition, tuple[str, Callable[[Comparison], Sequence[str] | None]]] = {
    Condition.SETUID: ("setuid file", _setuid),
    Condition.NEW_SETUID: ("new setuid file", _new_setuid),
    Condition.SHELL: ("shell", lambda comparison: comparison.after.shells),
    Condition.PACKAGE_MANAGER: ("package manager", lambda comparison: comparison.after.package_managers),
    Condition.CONFIG_CHANGE: ("configuration difference", _changes),
    Condition.NEW_FILE: ("new or changed path", _new_files),
    Condition.WARNING: ("warning", _warnings),
}
"""The noun of an offender, and what finds the offenders; None if it is not known whether there are any."""


def _cut(text: str, most: int = LONGEST) -> str:
    plain = printable(text)
    return plain if len(plain) <= most else f"{plain[: most - 1]}…"
