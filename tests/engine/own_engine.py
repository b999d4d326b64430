"""Engines of a test's own, beside the one that the tests run on: scripts/engine.sh with everything in one folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

SCRIPT = Path(__file__).parents[2] / "scripts/engine.sh"
START_TIMEOUT = 180.0
DEADLINE = 60.0
POSSIBLE = os.getuid() == 0 and shutil.which("dockerd") is not None
"""Whether such an engine can be started here."""


@contextmanager
def engine_folder() -> Iterator[Path]:
    """A folder for an engine, short enough for a socket's name; the daemon in it is ended, and the folder removed."""
    place = Path(tempfile.mkdtemp(prefix="slimmer-e", dir="/tmp"))
    place.chmod(0o711)  # a container's root that is not the host's must get through
    try:
        yield place
    finally:
        end_engine(place)
        shutil.rmtree(place)


def start(folder: Path, *command: str, options: str = "") -> subprocess.CompletedProcess[str]:
    """Run the script with everything below that folder; it gives such a daemon a network of its own, too."""
    env = {**os.environ, "SLIMMER_ENGINE_ROOT": str(folder), "SLIMMER_ENGINE_OPTIONS": options}
    return subprocess.run(
        [SCRIPT, *command], capture_output=True, text=True, timeout=START_TIMEOUT, env=env, check=False
    )


@contextmanager
def own_engine(options: str = "") -> Iterator[str]:
    """A second engine that runs, with these options of dockerd's; its address, as DOCKER_HOST takes it."""
    with engine_folder() as folder:
        started = start(folder, options=options)
        assert started.returncode == 0, started.stderr
        yield f"unix://{folder}/docker.sock"


@contextmanager
def engine_in_memory(megabytes: int) -> Iterator[str]:
    """The same with its data in memory, of that size and no more: a disk that is soon full, and takes attributes of 64 kB."""
    with engine_folder() as folder:
        data = folder / "data"
        data.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "none", data], check=True)
        try:
            started = start(folder)
            assert started.returncode == 0, started.stderr
            yield f"unix://{folder}/docker.sock"
        finally:
            end_engine(folder)
            subprocess.run(["umount", data], check=True)


def end_engine(folder: Path) -> None:
    """End the daemon of that folder, its containerd, and the containers that a killed daemon has left."""
    for name in ("docker.pid", "docker/containerd/containerd.pid"):
        end_process(folder / name)
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            words = process.cmdline()
            if words and "containerd-shim" in words[0] and any(word.startswith(f"{folder}/") for word in words):
                for one in (*process.children(recursive=True), process):
                    one.kill()


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
