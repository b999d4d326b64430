"""Runs `slimmer` as a user does: as a program, with its exit code, stdout and stderr."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.engine.starter import Program, fixed, starter


def program(*arguments: str | Path, cwd: Path | None = None, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    """Start Python with the program, and run it to its end."""
    command = [sys.executable, "-m", "slimmer", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=timeout, check=False)


def slimmer(*arguments: str | Path, cwd: Path | None = None, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    """The same, but without the time that Python takes to import everything, where the environment allows it."""
    if fixed(os.environ) != starter().environment:
        return program(*arguments, cwd=cwd, timeout=timeout)
    return starter().run([str(argument) for argument in arguments], cwd, timeout)


def begun(*arguments: str | Path) -> subprocess.Popen[str] | Program:
    """The same, with pipes for its streams, while it runs."""
    words = [str(argument) for argument in arguments]
    if fixed(os.environ) == starter().environment:
        return starter().begin(words)
    command = [sys.executable, "-m", "slimmer", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def built(*arguments: str | Path, cwd: Path | None = None, timeout: float = 300) -> str:
    """`slimmer build …`, which must succeed; returns the tag that it prints."""
    result = slimmer("build", *arguments, cwd=cwd, timeout=timeout)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()
