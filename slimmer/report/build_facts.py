"""What a report.json says about the slim image's build that a comparison of two images cannot see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from msgspec import UNSET

from slimmer.artifacts.report_file import Report, ReportExercise
from slimmer.unexercised import Exercised, UntouchedCode, line
from slimmer.unproven import sentences

MORE = "slimmer explain --unexercised"
"""What shows all of the app's own code that nothing touched."""


@dataclass(frozen=True, slots=True)
class BuildFacts:
    """A build's warnings and what it did not prove, in sentences. `slim_id` is the ID of the image that it made."""

    slim_id: str
    verified: bool
    warnings: tuple[str, ...] = ()
    unproven: tuple[str, ...] = ()


def build_facts(report: Report) -> BuildFacts:
    """Return the facts of a build's report. Raise ValueError for the report of `slimmer keep`, which made no image."""
    if report.slim is UNSET or report.verification is UNSET:
        raise ValueError("it is the report of `slimmer keep`, which makes no slim image")
    items = () if report.unproven is UNSET else report.unproven
    return BuildFacts(
        slim_id=report.slim.id,
        verified=report.verification.verified,
        warnings=tuple(dict.fromkeys(_warnings(report))),
        unproven=(*sentences(items), *filter(None, [_exercised(report)])),
    )


def _warnings(report: Report) -> Iterator[str]:
    assert report.verification is not UNSET
    verification = report.verification
    if not verification.verified:
        yield "the slim image was not verified"
    for difference in verification.differences:
        yield f"{difference.where}: {difference.what} was {difference.expected}, is {difference.actual}"
    for path in verification.missed:
        yield f"the app looks for {path} in the slim image, where it is missing"
    for answer in () if verification.by_shape is UNSET else verification.by_shape:
        yield f"{answer}: only the shape of the answer was compared"
    for exercise in _exercises(report):
        yield from exercise.warnings
    yield from () if report.warnings is UNSET else report.warnings


def _exercises(report: Report) -> Iterator[ReportExercise]:
    if report.exercise is not UNSET:
        yield report.exercise
    for scenario in () if report.commands is UNSET else report.commands:
        yield scenario.exercise


def _exercised(report: Report) -> str:
    """Return in a sentence how much of the app's own code nothing touched, or ""."""
    code = UntouchedCode() if report.unexercised is UNSET else report.unexercised
    if not any(number > 0 for number in code.kinds.values()):
        return ""
    return line(Exercised() if report.exercised is UNSET else report.exercised, code, MORE)
