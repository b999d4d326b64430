"""What a build exercised, and the app's own code that nothing touched, read from its report."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import UNSET

from slimmer.artifacts.build_output import BuildOutput
from slimmer.unexercised import Exercised, UntouchedCode
from slimmer.versioned_json import Format, Version


@dataclass(frozen=True, slots=True)
class UnexercisedReport:
    """What was asked of the app in a build, and the app's own code that nothing touched meanwhile."""

    exercised: Exercised
    unexercised: UntouchedCode


FORMAT = Format("slimmer-unexercised", Version(1, 2), UnexercisedReport)
"""Of what `slimmer explain --unexercised --format json` prints."""


def unexercised(output: BuildOutput) -> UnexercisedReport:
    """Return what a build exercised, and what it did not. Both are empty for the report of an early slimmer."""
    report = output.report
    asked = Exercised() if report.exercised is UNSET else report.exercised
    return UnexercisedReport(asked, UntouchedCode() if report.unexercised is UNSET else report.unexercised)
