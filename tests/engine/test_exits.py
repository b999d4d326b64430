"""However a run ends, slimmer is gone soon: the limits here are for hangs, which took minutes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from tests.engine.command import slimmer
from tests.engine.gateway import Gateway
from tests.engine.integration_app import SLIM
from tests.engine.names import OWN
from tests.engine.soak import owned
from tests.engine.test_interrupts import STAGES, running, watched

SMALL = "size=600k"
LARGE = 8 << 20
"""Bytes of a file: more than what all buffers between the probe and slimmer hold."""

LIMIT = 150.0
STUCK = f"{OWN}-exits:large"


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for nearly nothing."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", SMALL, "tmpfs", str(place)]
    if os.getuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("nothing can be mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


@pytest.fixture
def large(road: str, engine: docker.DockerClient, tmp_path: Path) -> Iterator[str]:
    """The road's image with a large file."""
    context = tmp_path / "context"
    context.mkdir()
    (context / "large").write_bytes(bytes(LARGE))
    (context / "Dockerfile").write_text(f"FROM {road}\nCOPY large /srv/large\n")
    engine.images.build(path=str(context), tag=STUCK, rm=True, forcerm=True)
    yield STUCK
    engine.images.remove(STUCK, force=True)


def test_a_full_disk_is_told_at_once(full_disk: Path, large: str) -> None:
    """Although the probe in the image's container has much more to say, and nobody listens."""
    result = slimmer("build", large, "--out", full_disk / "out", "--include", "/srv/large", timeout=LIMIT)
    assert result.returncode == 10, result.stderr
    assert "No space left" in result.stderr
    assert not list(full_disk.iterdir())


@pytest.mark.parametrize("moment", ["observed", "rebuild", "slim"])
def test_an_engine_that_says_nothing_more_does_not_hold_up_an_interrupt(
    moment: str,
    road: str,
    engine: docker.DockerClient,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    leftovers: None,
) -> None:
    """It is stopped half-way; once it goes on, the watcher removes what slimmer could not."""
    with Gateway(tmp_path / "gateway.sock") as gateway:
        monkeypatch.setenv("DOCKER_HOST", f"unix://{gateway.path}")
        with running(road, "--tag", SLIM, "--out", tmp_path / "out") as build:
            if moment == "rebuild":
                build.wait_for(STAGES[moment])
            else:
                watched(engine, build.process.pid, moment)
            gateway.process.send_signal(signal.SIGSTOP)
            build.process.send_signal(signal.SIGINT)
            assert build.end() == 130, build.said
            assert "Traceback" not in build.said
            gateway.process.send_signal(signal.SIGCONT)
            end = time.monotonic() + LIMIT
            while owned(engine, build.process.pid) and time.monotonic() < end:
                time.sleep(0.1)
            assert owned(engine, build.process.pid) == []
    assert not (tmp_path / "out").exists()


def test_help_starts_no_watcher_and_loads_nothing_for_it() -> None:
    for words in (["--help"], ["build", "--help"], ["--version"]):
        command = [sys.executable, "-X", "importtime", "-m", "slimmer", *words]
        result = subprocess.run(command, capture_output=True, text=True, check=True)
        imported = {line.rpartition("|")[2].strip() for line in result.stderr.splitlines()}
        assert "slimmer.cli.main" in imported
        assert imported & {"docker", "slimmer.engine.lifeline"} == set()
