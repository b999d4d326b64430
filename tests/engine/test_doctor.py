"""`slimmer doctor` tries everything for real, and its exit code says whether slimmer can work here."""

from __future__ import annotations

import json
from typing import Any

import pytest

from slimmer.cli import doctor
from slimmer.errors import UnsupportedEngine
from slimmer.runs.doctor import Check
from tests.engine.command import slimmer
from tests.schemas import misfits


@pytest.mark.usefixtures("leftovers")
def test_a_good_engine_passes_every_check() -> None:
    result = slimmer("doctor", "--format", "json")
    assert result.returncode == 0, result.stderr
    document: dict[str, Any] = json.loads(result.stdout)
    assert misfits("doctor", document) == []
    assert (document["format"], document["version"], document["ok"]) == ("slimmer-doctor", "1.0", True)
    checks = {check["name"]: check for check in document["checks"]}
    assert list(checks) == [
        "engine",
        "leftovers",
        "browser",
        "probe",
        "run",
        "capabilities",
        "recorder notify",
        "recorder fanotify",
    ]
    assert [name for name, check in checks.items() if check["needed"] and not check["ok"]] == []


def test_the_text_has_a_line_for_each_check() -> None:
    result = slimmer("doctor")
    assert result.returncode == 0, result.stderr
    assert "✓ engine" in result.stdout
    assert "✓ capabilities" in result.stdout
    assert result.stderr == ""


@pytest.mark.parametrize("form", ["text", "json"])
def test_without_an_engine_it_says_so_and_fails(monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    result = slimmer("doctor", "--format", form)
    assert result.returncode == 4
    assert "no container engine answers" in result.stdout
    assert "error: slimmer cannot work here: engine" in result.stderr
    if form == "json":
        assert json.loads(result.stdout)["ok"] is False


def test_what_is_only_nice_to_have_does_not_fail(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    nice = Check("recorder fanotify", False, "no permission", "some opens are missed", needed=False)
    monkeypatch.setattr("slimmer.runs.doctor.examine", lambda docker_host: (Check("engine", True, "docker"), nice))
    doctor.doctor("text")
    assert "some opens are missed" in capsys.readouterr().out
    must = Check("capabilities", False, "refused \x1b[31m[red]", "ask the owner")
    monkeypatch.setattr("slimmer.runs.doctor.examine", lambda docker_host: (must, nice))
    with pytest.raises(UnsupportedEngine, match="capabilities"):
        doctor.doctor("text")
    shown = capsys.readouterr().out
    assert "refused \\x1b[31m[red]" in shown
    assert "ask the owner" in shown


def test_an_unknown_format_is_a_usage_error() -> None:
    result = slimmer("doctor", "--format", "xml")
    assert (result.returncode, result.stdout) == (2, "")
