"""Engines that lack something or break: what slimmer makes up for, what it says, and that nothing stays once they are back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import docker
import psutil
import pytest

from tests.engine import leftovers as things
from tests.engine.command import program
from tests.engine.gateway import Gateway
from tests.engine.integration_app import SLIM, road_image
from tests.engine.own_engine import POSSIBLE, engine_folder, own_engine, start
from tests.engine.test_interrupts import STAGES

ROOT = Path(__file__).parents[2]
DEADLINE = 120.0
DELAY = 0.02
"""Seconds for each piece on the slow link: an engine on another continent."""


@pytest.fixture
def slim(engine: docker.DockerClient, leftovers: None) -> Iterator[str]:
    """The tag of a slim image, which is removed at the end."""
    yield SLIM
    if engine.images.list(SLIM):
        engine.images.remove(SLIM, force=True)


# ---------------------------------------------------------------------- what is made up for


def test_an_engine_that_does_not_build_loads(
    road: str, slim: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Gateway(tmp_path / "gate.sock", refused="/build") as gate:
        monkeypatch.setenv("DOCKER_HOST", gate.url)
        result = program("build", road, "--tag", slim, "--out", tmp_path / "out", "--builder", "dockerfile")
        assert result.returncode == 9
        assert "does not build" in result.stderr and "--builder load" in result.stderr, result.stderr
        result = program("build", road, "--tag", slim, "--out", tmp_path / "out")
        assert result.returncode == 0, result.stderr
        assert result.stderr.count("the engine does not build") == 1, result.stderr
        result = program("rebuild", tmp_path / "out", "--tag", slim)
        assert result.returncode == 9 and "docker buildx build" in result.stderr, result.stderr


def test_an_engine_without_the_classic_builder_builds_with_buildkit(
    engine: docker.DockerClient, road: str, slim: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "Podman" in str(engine.version()):
        pytest.skip("Podman has one builder")
    cached = cache_of(engine)
    with Gateway(tmp_path / "gate.sock", refused="/build?", unless="version=2") as gate:
        monkeypatch.setenv("DOCKER_HOST", gate.url)
        result = program("build", road, "--tag", slim, "--out", tmp_path / "out", "--builder", "dockerfile")
        assert result.returncode == 0, result.stderr
        engine.images.remove(slim, force=True)
        result = program("rebuild", tmp_path / "out", "--tag", slim)
        assert result.returncode == 0, result.stderr
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["builder"]["name"] == "dockerfile"
    assert cache_of(engine) <= cached


def cache_of(engine: docker.DockerClient) -> set[str]:
    """The IDs in the cache of the engine's BuildKit."""
    return {entry["ID"] for entry in engine.api.df().get("BuildCache") or ()}


def test_a_slow_link_only_takes_longer(road: str, slim: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Gateway(tmp_path / "gate.sock", delay=DELAY) as gate:
        monkeypatch.setenv("DOCKER_HOST", gate.url)
        result = program("build", road, "--tag", slim, "--out", tmp_path / "out", timeout=600)
        assert result.returncode == 0, result.stderr


# ---------------------------------------------------------------------- an engine that is killed


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """An engine of the tests' own."""
    with engine_folder() as place:
        started = start(place)
        assert started.returncode == 0, started.stderr
        yield place


@pytest.mark.skipif(not POSSIBLE, reason="an engine of its own needs root and Docker's daemon on this machine")
@pytest.mark.parametrize(("stage", "back"), [*((stage, False) for stage in STAGES), ("observe", True)])
def test_an_engine_that_is_killed_is_told_and_nothing_stays_when_it_is_back(
    stage: str, back: bool, folder: Path, tmp_path: Path
) -> None:
    """`back`: the engine is started again while slimmer still runs."""
    url, scratch = f"unix://{folder}/docker.sock", tmp_path / "tmp"
    scratch.mkdir()
    client = docker.DockerClient(base_url=url)
    with road_image(client, tmp_path) as road:
        before = things.state(client, scratch)
        words = ["build", road, "--out", str(tmp_path / "out")]
        environment = {**os.environ, "DOCKER_HOST": url, "TMPDIR": str(scratch)}
        with subprocess.Popen(
            [sys.executable, "-m", "slimmer", *words], stderr=subprocess.PIPE, text=True, env=environment, cwd=ROOT
        ) as build:
            assert build.stderr is not None
            said = ""
            for line in build.stderr:
                said += line
                if STAGES[stage] in line:
                    daemon = psutil.Process(int((folder / "docker.pid").read_text()))
                    daemon.send_signal(signal.SIGKILL)
                    daemon.wait(DEADLINE)
                    if back:
                        assert start(folder).returncode == 0
            code = build.wait(DEADLINE)
        assert code == 4, said
        assert "error: " in said and "hint: " in said and "Traceback" not in said, said
        assert not (tmp_path / "out").exists()
        assert start(folder).returncode == 0
        cleaned = subprocess.run(
            [sys.executable, "-m", "slimmer", "clean"], capture_output=True, text=True, env=environment, cwd=ROOT
        )
        assert cleaned.returncode == 0, cleaned.stderr
        assert things.settled(client, scratch, before) == []
    client.close()


# ---------------------------------------------------------------------- an engine that forbids the probe its work


@pytest.mark.skipif(not POSSIBLE, reason="an engine of its own needs root and Docker's daemon on this machine")
@pytest.mark.parametrize("denied", ["seccomp", "pidfd_getfd"])
def test_a_seccomp_profile_that_forbids_the_probe_is_not_the_apps_fault(denied: str, tmp_path: Path) -> None:
    profile = tmp_path / "profile.json"
    forbidden = {"names": [denied], "action": "SCMP_ACT_ERRNO"}
    profile.write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [forbidden]}))
    with own_engine(f"--seccomp-profile={profile}") as url:
        client = docker.DockerClient(base_url=url)

        def slimmer(*words: str | Path) -> subprocess.CompletedProcess[str]:
            command = [sys.executable, "-m", "slimmer", *map(str, words)]
            environment = {**os.environ, "DOCKER_HOST": url}
            return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT)

        with road_image(client, tmp_path) as road:
            doctor = slimmer("doctor")
            assert doctor.returncode == 4 and "not permitted" in doctor.stdout, doctor.stdout
            assert "✗ watch" in doctor.stdout and "seccomp=unconfined" in doctor.stdout, doctor.stdout
            refused = slimmer("build", road, "--out", tmp_path / "out")
            assert refused.returncode == 4, refused.stderr
            assert "does not let the probe watch" in refused.stderr and "seccomp=unconfined" in refused.stderr
            assert client.containers.list(all=True) == []
            allowed = slimmer(
                "build", road, "--tag", SLIM, "--out", tmp_path / "out", "--security-opt", "seccomp=unconfined"
            )
            assert allowed.returncode == 0, allowed.stderr
            client.images.remove(SLIM, force=True)
        client.close()
