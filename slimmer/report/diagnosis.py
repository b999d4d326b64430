"""The checks of `slimmer doctor` as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from slimmer.runs.check import Check
from slimmer.versioned_json import Format, Version


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All checks. `ok` is true if everything that slimmer needs is there."""

    ok: bool
    checks: tuple[Check, ...]


FORMAT = Format("slimmer-doctor", Version(1, 0), Diagnosis)


def as_json(checks: Sequence[Check]) -> str:
    """Return the checks as indented JSON."""
    diagnosis = Diagnosis(all(check.ok or not check.needed for check in checks), tuple(checks))
    return json.dumps({**FORMAT.head, **asdict(diagnosis)}, indent=2)
