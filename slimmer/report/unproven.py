"""What a build did not prove, read from its report."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import UNSET

from slimmer.artifacts.build_output import BuildOutput
from slimmer.unproven import Unproven
from slimmer.versioned_json import Format, Version


@dataclass(frozen=True, slots=True)
class UnprovenReport:
    """All unproven items of a build, by kind."""

    items: tuple[Unproven, ...]


FORMAT = Format("slimmer-unproven", Version(1, 0), UnprovenReport)


def unproven(output: BuildOutput) -> UnprovenReport:
    """Return the unproven items of a build; none for the report of an early slimmer."""
    found = output.report.unproven
    return UnprovenReport(() if found is UNSET else found)
