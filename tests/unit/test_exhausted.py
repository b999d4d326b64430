"""A lack of memory, files or threads is told as that, and never with a traceback."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest


def limited(limit: int, value: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "slimmer", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "DOCKER_HOST": "tcp://127.0.0.1:1"},
        preexec_fn=lambda: resource.setrlimit(limit, (value, value)),
    )


@pytest.mark.parametrize("files", [8, 12, 20])
def test_few_open_files(files: int, tmp_path: Path) -> None:
    result = limited(resource.RLIMIT_NOFILE, files, "build", "nosuch", "--out", str(tmp_path / "out"))
    assert result.returncode in (1, 4), result.stderr
    assert "Traceback" not in result.stderr
    assert "error: " in result.stderr


def test_little_memory() -> None:
    result = limited(resource.RLIMIT_AS, 150 << 20, "doctor")
    assert "Traceback" not in result.stderr


def test_no_more_threads(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from slimmer.cli import main

    def command() -> int:
        raise ValueError("something else") from RuntimeError("can't start new thread")

    monkeypatch.setattr(main, "_command", command)
    monkeypatch.setattr(main, "_ignore_signals", lambda: None)
    assert main._ran() == 1
    said = capsys.readouterr().err
    assert "threads" in said
    assert "ulimit" in said
