"""The JSON Schemas in docs/schemas are those of the types, and what slimmer writes fits them."""

from __future__ import annotations

import dataclasses
import io
import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import zstandard

from slimmer.artifacts.build_output import BuildOutput
from slimmer.observe.log import AccessLog, Listener, Recorder, write_log
from slimmer.report.comparison import Comparison
from slimmer.report.comparison_document import as_json
from slimmer.report.explanation import FORMAT as EXPLANATION
from slimmer.report.explanation import explain
from slimmer.report.sizes import FORMAT as SIZES
from slimmer.report.sizes import sizes
from slimmer.report.unexercised import FORMAT as UNEXERCISED
from slimmer.report.unexercised import unexercised
from tests.schemas import FOLDER, misfits
from tests.unit.test_comparison import COMPARISON
from tests.unit.test_explanation import SO, output

__all__ = ["output"]  # a fixture
ROOT = Path(__file__).parents[2]


def test_the_schemas_are_those_of_the_types(tmp_path: Path) -> None:
    """If this fails, run `make schemas` and look at what changed: a new version of a format may be due (docs/artifacts.md)."""
    subprocess.run([sys.executable, ROOT / "scripts/schemas.py", tmp_path], check=True, cwd=ROOT)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        path.name: path.read_text() for path in FOLDER.iterdir()
    }


def test_the_files_of_a_build_fit(output: BuildOutput) -> None:
    for name in ("tree", "packages"):
        with zstandard.open(output.folder / f"{name}.json.zst", "rt", encoding="ascii") as file:
            assert misfits(name, json.loads(file.read())) == []
    assert misfits("access", json.loads((output.folder / "access.json").read_text())) == []
    assert misfits("report", json.loads((output.folder / "report.json").read_text())) == []
    lines = (output.folder / "manifest.jsonl").read_text().splitlines()
    assert [found for line in lines for found in misfits("manifest", json.loads(line))] == []


def test_a_log_of_all_kinds_of_values_fits() -> None:
    log = AccessLog("sha256:1", (), (Recorder("notify", True, "\udcff"),), (Listener("::", 80),), {"lost": 2**64 - 1})
    file = io.StringIO()
    write_log(dataclasses.replace(log, starts=(0, 0), fingerprint="scrypt:1"), file)
    assert misfits("access", json.loads(file.getvalue())) == []


def test_what_commands_print_fits(output: BuildOutput) -> None:
    for path in (SO, "/srv/secret", "/lib/libssl.so", "/opt/dir"):
        assert misfits("explanation", _plain({**EXPLANATION.head, **asdict(explain(output, path))})) == []
    assert misfits("sizes", _plain({**SIZES.head, **asdict(sizes(output))})) == []
    assert misfits("unexercised", _plain({**UNEXERCISED.head, **asdict(unexercised(output))})) == []
    for comparison in (COMPARISON, Comparison("a", COMPARISON.after, "\udcff", COMPARISON.before)):
        assert misfits("comparison", json.loads(as_json(comparison))) == []


def _plain(document: Any) -> Any:
    return json.loads(json.dumps(document))


@pytest.mark.parametrize(
    ("name", "change", "misfit"),
    [
        ("version", "2.0", "$.version: pattern"),
        ("image", "\ud800", "$.image: pattern"),
        ("complete", 1, "$.complete: type"),
        ("counters", {"lost": None}, "$.counters.lost: type"),
        ("counters", {"lost": 2**64}, "$.counters.lost: maximum"),
        ("accesses", [["open", True, "/", "/", 1]], "$.accesses[0]: minItems"),
        ("more", 1, "$.more: not described"),
    ],
)
def test_what_does_not_fit_is_found(name: str, change: object, misfit: str) -> None:
    file = io.StringIO()
    write_log(AccessLog("sha256:1", ()), file)
    assert misfits("access", json.loads(file.getvalue()) | {name: change}) == [misfit]
