"""`slimmer doctor` tries everything for real, and its exit code says whether slimmer can work here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from slimmer.cli import doctor
from slimmer.errors import UnsupportedEngine
from slimmer.runs.check import Check
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
        "recorder bpf",
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


@pytest.mark.usefixtures("leftovers")
def test_a_ci_job_learns_what_it_has() -> None:
    result = slimmer("doctor", "--ci", "--format", "json")
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    assert misfits("doctor", document) == []
    checks = {check["name"]: check for check in document["checks"]}
    assert list(checks) == [
        "ci",
        "address",
        "container",
        "output",
        "disk",
        "engine",
        "leftovers",
        "browser",
        "probe",
        "run",
        "capabilities",
        "recorder notify",
        "recorder fanotify",
        "recorder bpf",
        "recorder ptrace",
        "confinement",
        "ports",
        "folders",
        "engine disk",
    ]
    assert checks["recorder ptrace"]["ok"]
    assert "are reached directly" in checks["ports"]["detail"]
    assert checks["folders"]["ok"]
    assert "seccomp" in checks["confinement"]["detail"]
    assert "not a terminal" in checks["output"]["detail"]


@pytest.mark.usefixtures("leftovers")
@pytest.mark.skipif(os.geteuid() != 0, reason="it needs namespaces of its own")
@pytest.mark.skipif(not os.environ.get("DOCKER_HOST", "unix:").startswith("unix:"), reason="it needs a socket")
def test_a_job_in_a_container_of_its_own_is_told_of_relays_and_of_its_folders(tmp_path: Path) -> None:
    """The job has its own network, processes and files, as in a container that has nothing but the engine's socket."""
    script = f"mount -t tmpfs none {tmp_path} && cd {tmp_path} && exec {sys.executable} -m slimmer doctor --ci"
    job = ("unshare", "--net", "--pid", "--mount", "--fork", "--mount-proc", "sh", "-c", script)
    result = subprocess.run(
        job, capture_output=True, text=True, env={**os.environ, "GITLAB_CI": "true"}, check=False, timeout=300
    )
    assert result.returncode == 0, result.stderr
    assert "✓ ci                 GitLab CI. With `services: [docker:dind]`, set DOCKER_HOST=" in result.stdout
    assert "reached through a relay, because the engine is not in the network of this process" in result.stdout
    assert f"! folders            the engine does not see {tmp_path}" in result.stdout


def test_a_job_without_an_engine_is_told_where_it_gets_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITLAB_CI", "true")
    monkeypatch.setenv("DOCKER_HOST", "tcp://ci:hunter2@127.0.0.1:2376")
    result = slimmer("doctor", "--ci")
    assert result.returncode == 4
    assert "✓ ci         GitLab CI." in result.stdout
    assert "! address    tcp://127.0.0.1:2376 speaks TLS, but DOCKER_TLS_VERIFY is not set" in result.stdout
    assert "✗ engine" in result.stdout


def test_what_is_only_nice_to_have_does_not_fail(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    nice = Check("recorder fanotify", False, "no permission", "some opens are missed", needed=False)
    monkeypatch.setattr("slimmer.runs.doctor.examine", lambda docker_host, ci: (Check("engine", True, "docker"), nice))
    doctor.doctor("text")
    assert "some opens are missed" in capsys.readouterr().out
    must = Check("capabilities", False, "refused \x1b[31m[red]", "ask the owner")
    monkeypatch.setattr("slimmer.runs.doctor.examine", lambda docker_host, ci: (must, nice))
    with pytest.raises(UnsupportedEngine, match="capabilities"):
        doctor.doctor("text")
    shown = capsys.readouterr().out
    assert "refused \\x1b[31m[red]" in shown
    assert "ask the owner" in shown


def test_an_unknown_format_is_a_usage_error() -> None:
    result = slimmer("doctor", "--format", "xml")
    assert (result.returncode, result.stdout) == (2, "")
