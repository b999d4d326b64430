"""A socket that leads to the engine's own: it can be cut, slow down, or refuse some requests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

FORWARD = Path(__file__).parent / "forward.py"


class Gateway:
    """Connections go through a process that can be killed (tests/engine/forward.py)."""

    def __init__(self, path: Path, *, delay: float = 0, refused: str = "", unless: str = "") -> None:
        self.path, self.delay, self.refused, self.unless = path, delay, refused, unless

    def __enter__(self) -> Gateway:
        engine = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")
        command = [sys.executable, str(FORWARD), str(self.path), engine, str(self.delay), self.refused, self.unless]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"ready\n"
        return self

    @property
    def url(self) -> str:
        """The address, as DOCKER_HOST takes it."""
        return f"unix://{self.path}"

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()
