"""scripts/engine.sh starts an engine over what a killed one left: in a folder and namespaces of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.engine import own_engine
from tests.engine.own_engine import DEADLINE, POSSIBLE, engine_folder

pytestmark = pytest.mark.skipif(not POSSIBLE, reason="needs root and Docker's daemon on this machine")


@pytest.fixture
def folder() -> Iterator[Path]:
    with engine_folder() as place:
        yield place


def start(
    folder: Path, *command: str, options: str = "--bridge=none --iptables=false"
) -> subprocess.CompletedProcess[str]:
    """An engine that publishes no ports, since that is all that is needed here."""
    return own_engine.start(folder, *command, options=options)


def leave_stale_state(folder: Path) -> None:
    """Pid files with the number of a process that is something else, and sockets that nobody serves."""
    (folder / "docker/containerd").mkdir(parents=True)
    (folder / "containerd").mkdir()
    for name in ("docker.pid", "docker/containerd/containerd.pid"):
        (folder / name).write_text(str(os.getpid()))
    for name in ("docker.sock", "docker/containerd/containerd.sock", "containerd/containerd.sock"):
        with socket.socket(socket.AF_UNIX) as stale:
            stale.bind(str(folder / name))


def test_it_starts_over_stale_state_and_finds_it_running_afterwards(folder: Path) -> None:
    leave_stale_state(folder)
    first = start(folder, "sh", "-c", "echo $DOCKER_HOST")
    assert first.returncode == 0, first.stderr
    assert first.stdout.strip() == f"unix://{folder}/docker.sock"
    pid = (folder / "docker.pid").read_text()
    assert psutil.Process(int(pid)).name() == "dockerd"
    assert not (folder / "containerd/containerd.sock").exists()
    again = start(folder)
    assert again.returncode == 0, again.stderr
    assert "starting" not in again.stderr
    assert (folder / "docker.pid").read_text() == pid


def test_it_starts_again_after_everything_was_killed(folder: Path) -> None:
    assert start(folder).returncode == 0
    for pid_file in (folder / "docker.pid", folder / "docker/containerd/containerd.pid"):
        process = psutil.Process(int(pid_file.read_text()))
        process.kill()
        wait_for_end(process)
    result = start(folder)
    assert result.returncode == 0, result.stderr
    assert "starting dockerd" in result.stderr


def wait_for_end(process: psutil.Process) -> None:
    end = time.monotonic() + DEADLINE
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_daemon_that_cannot_start_shows_why(folder: Path) -> None:
    result = start(folder, "echo", "ran", options="--no-such-option")
    assert result.returncode == 4
    assert result.stdout == ""
    assert "no-such-option" in result.stderr
    assert str(folder / "dockerd.log") in result.stderr
