"""What a comparison reads back: the report of a build, and an earlier comparison. Both may come from a cache that others write."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from slimmer.errors import UsageError
from slimmer.image.packages import Package
from slimmer.report import baseline_file
from slimmer.report.baseline_file import LIMIT, read_baseline, read_report
from slimmer.report.comparison_document import as_json
from slimmer.report.since import Baseline, Names, Numbers, Since, since
from tests.schemas import misfits
from tests.unit.test_comment import full
from tests.unit.test_comparison import AFTER, COMPARISON
from tests.unit.test_explanation import output

__all__ = ["output"]  # a fixture


def built(folder: Path, **changes: Any) -> Path:
    """A report.json in a folder, as a build would write it, with these fields."""
    report = json.loads((folder / "report.json").read_text())
    image = {
        **report["target"],
        "name": "app:slim",
        "id": "sha256:bb",
        "size": 5_000_000,
        "paths": 12,
        "tag": "app:slim",
    }
    exercise = {"http_ports": [80], "requests": [], "commands": [], "exit_code": None, "warnings": ["port 9 is silent"]}
    verification = {"verified": True, "differences": [], "missed": [], "places": [], "by_shape": ["GET /time"]}
    unproven = [{"kind": "command", "name": "curl", "what": "it is missing", "remedy": "--include-bin curl"}]
    report |= {"slim": image, "exercise": exercise, "verification": verification, "unproven": unproven, "stages": []}
    report |= changes
    file = folder / "report.json"
    file.write_text(json.dumps(report))
    assert misfits("report", report) == []
    return file


def test_a_report_tells_the_size_and_the_number_of_paths(output: Any) -> None:
    file = built(output.folder)
    expected = Baseline("app:slim", "sha256:bb", 5_000_000, paths=12)
    assert read_baseline(file) == expected
    assert read_baseline(output.folder) == expected  # the folder of the build


def test_a_comparison_tells_everything(tmp_path: Path) -> None:
    file = tmp_path / "last.json"
    file.write_text(as_json(COMPARISON))
    found = read_baseline(file)
    assert found.size == AFTER.size
    assert (found.paths, found.files, found.shells, found.privileged) == (14, 10, (), ())
    assert since(found, AFTER) == Since(
        "app:slim", "sha256:bb", Numbers(8_000_000, 8_000_000), 0.0, Numbers(14, 14), Numbers(10, 10), *[Names()] * 4
    )


def test_a_comparison_with_gates_and_a_baseline_is_a_baseline_too(tmp_path: Path) -> None:
    text = as_json(full())
    assert misfits("comparison", json.loads(text)) == []
    file = tmp_path / "last.json"
    file.write_text(text)
    assert read_baseline(file).packages == full().after.packages


def test_a_comparison_of_an_earlier_slimmer_tells_less(tmp_path: Path) -> None:
    document = json.loads(as_json(COMPARISON))
    for field in ("new_files", "ok", "gates", "since", "warnings", "unproven"):
        del document[field]
    for side in ("before", "after"):
        del document[side]["paths"], document[side]["package_managers"]
    file = tmp_path / "last.json"
    file.write_text(json.dumps(document | {"version": "1.0"}))
    found = since(read_baseline(file), AFTER)
    assert (found.paths, found.package_managers, found.files) == (None, None, Numbers(10, 10))


def test_packages_that_changed_are_told_from_those_that_came_and_went() -> None:
    before = (Package("deb", "a", "1"), Package("deb", "b", "1"), Package("node", "c", "1"), Package("node", "c", "2"))
    after = (Package("deb", "a", "2"), Package("python", "b", "1"), Package("node", "c", "2"), Package("node", "d", ""))
    baseline = Baseline("old", "sha256:0", 1, packages=before)
    assert since(baseline, dataclasses.replace(AFTER, packages=after)).packages == Names(
        added=("d (node)", "b 1 (python)"), removed=("b 1 (deb)", "c 1 (node)"), updated=("a 1 → 2 (deb)",)
    )


def test_the_report_of_the_build_tells_warnings_and_what_is_not_proven(output: Any) -> None:
    found = read_report(built(output.folder))
    assert (found.slim_id, found.verified) == ("sha256:bb", True)
    assert found.warnings == ("GET /time: only the shape of the answer was compared", "port 9 is silent")
    assert found.unproven == ("curl: it is missing (--include-bin curl)",)


def test_every_warning_of_the_build_is_told(output: Any) -> None:
    text = "excluded although it was in use: /etc/ssl/cert.pem (observed)"
    assert text in read_report(built(output.folder, warnings=[text])).warnings


def test_an_image_that_was_not_verified_is_a_warning(output: Any) -> None:
    difference = {"where": "GET /", "what": "status", "expected": "200", "actual": "500"}
    verification = {"verified": False, "differences": [difference], "missed": ["/a"], "places": []}
    assert read_report(built(output.folder, verification=verification)).warnings[:3] == (
        "the slim image was not verified",
        "GET /: status was 200, is 500",
        "the app looks for /a in the slim image, where it is missing",
    )


def test_untouched_code_of_a_report_is_one_sentence(output: Any) -> None:
    code = {"count": 3, "kept": 3, "kinds": {"module": 3}, "items": []}
    assert "3 modules of your code never ran" in read_report(built(output.folder, unexercised=code)).unproven[-1]
    strange = {"count": 3, "kept": 3, "kinds": {}, "items": []}
    assert len(read_report(built(output.folder, unexercised=strange)).unproven) == 1


@pytest.mark.parametrize("read", [read_baseline, read_report])
def test_the_report_of_keep_has_no_slim_image(output: Any, read: Any) -> None:
    with pytest.raises(UsageError, match="the report of `slimmer keep`, which makes no slim image"):
        read(output.folder / "report.json")


@pytest.mark.parametrize("read", [read_baseline, read_report])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"slimmer-report"',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"format": ["slimmer-report"], "version": "1.0"}',
        b'{"format": "slimmer-manifest", "version": "1.0", "image": "sha256:1"}',
        b'{"format": "slimmer-report", "version": "2.0"}',
        b'{"format": "slimmer-comparison", "version": "1.1"}',
        b'{"format": "slimmer-report", "version": "1.0", "slimmer": 1e999}',
    ],
)
def test_anything_else_is_refused_in_words(tmp_path: Path, content: bytes, read: Any) -> None:
    file = tmp_path / "odd.json"
    file.write_bytes(content)
    with pytest.raises(UsageError) as refused:
        read(file)
    assert str(file) in refused.value.message
    assert len(refused.value.message) < 500
    assert refused.value.hint


def test_a_file_of_another_format_is_told_which_ones_fit(tmp_path: Path) -> None:
    file = tmp_path / "access.json"
    file.write_text('{"format": "slimmer-access-log", "version": "1.1"}')
    with pytest.raises(UsageError, match="slimmer-report or slimmer-comparison"):
        read_baseline(file)


@pytest.mark.parametrize(("field", "number"), [("size", -1), ("size", 1 << 64), ("paths", -5), ("files", 1.5)])
def test_impossible_numbers_are_refused(tmp_path: Path, field: str, number: float) -> None:
    document = json.loads(as_json(COMPARISON))
    document["after"][field] = number
    file = tmp_path / "last.json"
    file.write_text(json.dumps(document))
    with pytest.raises(UsageError, match="cannot be read as"):
        read_baseline(file)


def test_a_huge_file_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(baseline_file, "LIMIT", 1000)
    with pytest.raises(UsageError, match="larger than"):
        read_baseline(Path("/dev/zero"))
    assert LIMIT < 1 << 26


def test_a_missing_file_says_what_to_do() -> None:
    with pytest.raises(UsageError) as refused:
        read_baseline(Path("/nowhere/last.json"))
    assert refused.value.message == "--baseline /nowhere/last.json: No such file or directory"
    assert "In the first run, leave out --baseline." in refused.value.hint
