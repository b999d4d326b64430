"""scripts/engine.sh starts an engine over what a killed one left: in a folder and namespaces of its own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

SCRIPT = Path(__file__).parents[2] / "scripts/engine.sh"
DEADLINE = 60.0

pytestmark = pytest.mark.skipif(
    os.getuid() != 0 or shutil.which("dockerd") is None,
    reason="needs root and Docker's daemon on this machine",
)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short enough for a socket's name; the daemon in it is ended."""
    place = Path(tempfile.mkdtemp(prefix="slimmer-e"))
    yield place
    end_process(place / "docker.pid")
    end_process(place / "docker/containerd/containerd.pid")
    shutil.rmtree(place)


def end_process(pid_file: Path) -> None:
    """End the process that a pid file names, if it is one of the engine's."""
    if not pid_file.exists():
        return
    try:
        process = psutil.Process(int(pid_file.read_text()))
        if process.name() in {"dockerd", "containerd"}:
            process.terminate()
            process.wait(DEADLINE)
    except psutil.NoSuchProcess:
        pass


def start(
    folder: Path, *command: str, options: str = "--bridge=none --iptables=false"
) -> subprocess.CompletedProcess[str]:
    """Run the script with everything below that folder; it gives such a daemon a network of its own, too."""
    env = {**os.environ, "SLIMMER_ENGINE_ROOT": str(folder), "SLIMMER_ENGINE_OPTIONS": options}
    return subprocess.run([SCRIPT, *command], capture_output=True, text=True, timeout=180, env=env, check=False)


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
