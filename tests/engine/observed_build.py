"""A build from what was observed alone, with no rules: what slimmer said, the report, and the paths of the slim image."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from tests.engine.command import slimmer


class ObservedBuild(NamedTuple):
    """What came of it."""

    said: str
    report: dict[str, Any]
    kept: frozenset[str]


def observed_build(image: str, tag: str, out: Path, *options: str) -> ObservedBuild:
    """Build a slim image, which must succeed."""
    result = slimmer("build", image, "--tag", tag, "--out", out, "--policy", "observed", *options)
    assert result.returncode == 0, result.stderr
    lines = (out / "manifest.jsonl").read_text().splitlines()[1:]
    kept = frozenset(json.loads(line)["path"] for line in lines)
    return ObservedBuild(result.stderr, json.loads((out / "report.json").read_text()), kept)
