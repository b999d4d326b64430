"""Parse the options of `slimmer compare`: limits, conditions, and the files that hold a baseline and a report."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from slimmer.api.options import CompareKeywords
from slimmer.api.requests import refuse_unknown
from slimmer.errors import UsageError
from slimmer.pipeline.request import CompareRequest
from slimmer.report.baseline_file import read_baseline, read_report
from slimmer.report.gate import MAX_GROWTH, SEVERITIES, Condition, Limits
from slimmer.scans.scan_file import read_scan

UNITS = {
    "": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
}  # fmt: skip
"""kB, MB and GB are powers of 1000, as `slimmer compare` and the engines show sizes."""

LARGEST_SIZE = 1 << 63
LARGEST_RATIO, LARGEST_GROWTH = 1_000_000, 100_000

SIZE_HINT = (
    "Write 500kB, 80MB or 1.5GB (powers of 1000), 80MiB or 2GiB (powers of 1024), or a number of bytes: 80000000."
)
SHOWN = 60


def compare_request(before: str, after: str, given: CompareKeywords) -> CompareRequest:
    """Return the request of `slimmer.compare`. The files are read first, so that a missing one is known at once.

    An empty text is an error, because a variable without a value must not turn a gate off.
    """
    refuse_unknown(given, CompareKeywords)
    for option in ("baseline", "report", "vulnerabilities"):
        if given.get(option) is not None and not str(given[option]):
            raise UsageError(f"--{option} is empty", hint=f"Give a file, or leave out --{option}.")
    baseline, report, scan = given.get("baseline"), given.get("report"), given.get("vulnerabilities")
    limits = _limits(given)
    return CompareRequest(
        before,
        after,
        limits,
        None if baseline is None else read_baseline(Path(baseline)),
        None if report is None else read_report(Path(report)),
        None if scan is None else read_scan("--vulnerabilities", Path(scan)),
        bool(given.get("force", False)),
    )


def _limits(given: CompareKeywords) -> Limits:
    fail_on = given.get("fail_on", ())
    found = conditions((fail_on,) if isinstance(fail_on, str) else tuple(fail_on))
    size, ratio, growth = given.get("max_size"), given.get("min_ratio"), given.get("max_growth")
    if growth is not None:
        found = tuple(dict.fromkeys((*found, Condition.GROWTH)))
    _check_files(found, given)
    return Limits(
        max_size=None if size is None else file_size("--max-size", str(size)),
        min_ratio=None if ratio is None else _number("--min-ratio", str(ratio), r"x?", LARGEST_RATIO, "3, or 2.5"),
        max_growth=MAX_GROWTH
        if growth is None
        else _number("--max-growth", str(growth), r"%?", LARGEST_GROWTH, "10, or 2.5 (percent)"),
        fail_on=found,
    )


def _check_files(found: Sequence[Condition], given: CompareKeywords) -> None:
    """Raise UsageError if a condition needs a file that is not given."""
    severity = next((condition for condition in SEVERITIES if condition in found), None)
    if Condition.GROWTH in found and given.get("baseline") is None:
        option = "--fail-on growth" if given.get("max_growth") is None else "--max-growth"
        raise UsageError(f"{option} needs --baseline", hint="For example: --baseline report.json, of the last build.")
    if Condition.WARNING in found and given.get("report") is None:
        raise UsageError(
            "--fail-on warning needs --report",
            hint="For example: --report slimmer-out/NAME/report.json, of the build that made the second image.",
        )
    if severity is not None and given.get("vulnerabilities") is None:
        raise UsageError(
            f"--fail-on {severity} needs --vulnerabilities",
            hint="For example: --vulnerabilities scan.json, from `grype IMAGE -o json > scan.json` for the first image.",
        )


def file_size(option: str, value: str) -> int:
    """Parse a size in decimal or binary units, or in bytes. Parts of a byte are cut off."""
    match = re.fullmatch(r"(\d{1,19}(?:\.\d{1,9})?) ?([a-z]{0,3})", value.strip().lower(), re.ASCII)
    unit = UNITS.get(match[2]) if match else None
    if match is None or unit is None:
        raise UsageError(f"{option}: not a size: {_short(value)}", hint=SIZE_HINT)
    size = int(Fraction(match[1]) * unit)
    if size >= LARGEST_SIZE:
        raise UsageError(f"{option}: too large: {_short(value)}", hint=SIZE_HINT)
    return size


def conditions(texts: Sequence[str]) -> tuple[Condition, ...]:
    """Parse lists of conditions with commas between them."""
    found = dict[Condition, None]()
    for text in texts:
        for word in map(str.strip, text.split(",")):
            if word not in tuple(Condition):
                known = ", ".join(Condition)
                raise UsageError(f"--fail-on: unknown condition {_short(word)}", hint=f"Use some of: {known}.")
            found[Condition(word)] = None
    return tuple(found)


def _number(option: str, text: str, suffix: str, most: int, example: str) -> Fraction:
    match = re.fullmatch(rf"(\d{{1,9}}(?:\.\d{{1,9}})?) ?{suffix}", text.strip().lower(), re.ASCII)
    if match is None or Fraction(match[1]) > most:
        raise UsageError(
            f"{option}: not a number from 0 to {most}: {_short(text)}", hint=f"For example: {option} {example}."
        )
    return Fraction(match[1])


def _short(text: str) -> str:
    return repr(text if len(text) <= SHOWN else text[:SHOWN] + "…")
