"""Runs `slimmer` as a user does: as a program, with its exit code, stdout and stderr."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def slimmer(*arguments: str | Path, cwd: Path | None = None, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    """Run the program to its end."""
    command = [sys.executable, "-m", "slimmer", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=timeout, check=False)


def built(*arguments: str | Path, cwd: Path | None = None, timeout: float = 300) -> str:
    """`slimmer build …`, which must succeed; returns the tag that it prints."""
    result = slimmer("build", *arguments, cwd=cwd, timeout=timeout)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()
