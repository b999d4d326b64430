"""Read what a comparison is held against: the report.json of a build, or what an earlier `slimmer compare --format json` wrote.

The files may come from another machine, such as the cache of a pipeline, and are not trusted.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import UNSET

from slimmer.artifacts import report_file
from slimmer.artifacts.report_file import Report
from slimmer.errors import UsageError
from slimmer.report import comparison_document
from slimmer.report.build_facts import BuildFacts, build_facts
from slimmer.report.comparison_document import ComparisonDocument
from slimmer.report.since import Baseline
from slimmer.versioned_json import parse, reading

LIMIT = 1 << 24
"""The most bytes of a file. A comparison of images with ten thousand packages each has 2 MB."""

BASELINE_HINT = (
    "Keep the report.json of the last build, or the output of `slimmer compare … --format json`, as an artifact of the pipeline. "
    "In the first run, leave out --baseline."
)
REPORT_HINT = "`slimmer build` writes report.json into its output folder: --report slimmer-out/NAME/report.json"


def read_baseline(file: Path) -> Baseline:
    """Read a baseline from a file, or from the report.json of an output folder. Raise UsageError if that fails."""
    data = _content("--baseline", file, BASELINE_HINT)
    with reading(str(file), "a baseline", BASELINE_HINT):
        found = data.get("format") if isinstance(data, Mapping) else None
        if found == report_file.FORMAT.name:
            return _checked(_of_report(report_file.FORMAT.read(data)))
        if found == comparison_document.FORMAT.name:
            return _checked(_of_comparison(comparison_document.FORMAT.read(data)))
        names = f"{report_file.FORMAT.name} or {comparison_document.FORMAT.name}"
        raise ValueError(f"its format is not {names}")


def read_report(file: Path) -> BuildFacts:
    """Read the report of the build that made the second image. Raise UsageError if that fails."""
    data = _content("--report", file, REPORT_HINT)
    with reading(str(file), "a report of slimmer", REPORT_HINT):
        return build_facts(report_file.FORMAT.read(data))


def _content(option: str, file: Path, hint: str) -> Any:
    place = file / report_file.NAME if file.is_dir() else file
    try:
        with place.open("rb") as opened:
            content = opened.read(LIMIT + 1)
    except OSError as error:
        raise UsageError(f"{option} {place}: {error.strerror}", hint=hint) from error
    if len(content) > LIMIT:
        raise UsageError(f"{option} {place}: larger than {LIMIT >> 20} MB", hint=hint)
    with reading(str(place), "JSON", hint):
        return parse(str(content, "utf-8"))


def _of_report(report: Report) -> Baseline:
    if report.slim is UNSET:
        raise ValueError("it is the report of `slimmer keep`, which makes no slim image")
    slim = report.slim
    return Baseline(slim.name, slim.id, slim.size, paths=slim.paths)


def _of_comparison(document: ComparisonDocument) -> Baseline:
    after = document.after
    return Baseline(
        after.name,
        after.id,
        after.size,
        paths=after.paths,
        files=after.files,
        packages=after.packages.installed,
        shells=after.shells,
        package_managers=after.package_managers,
        privileged=tuple(sorted({*after.setuid, *after.setgid, *after.capabilities})),
    )


def _checked(baseline: Baseline) -> Baseline:
    if min(baseline.size, baseline.paths or 0, baseline.files or 0) < 0:
        raise ValueError("it has a size or a number below 0")
    return baseline
