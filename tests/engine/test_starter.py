"""The process that starts `slimmer` for the tests: what it starts does what the program does that a user starts."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from tests.engine.command import program, slimmer
from tests.engine.starter import starter

WORDS = {
    "no command": (),
    "build": ("build", "no-such-image", "--out", "out"),
    "keep": ("keep", "no-such.json", "--out", "out"),
    "clean": ("clean", "--dry-run"),
    "doctor": ("doctor", "--format", "json"),
}


@pytest.mark.parametrize("name", WORDS)
def test_output_and_exit_code_are_those_of_the_program(name: str, tmp_path: Path) -> None:
    started, real = (run(*WORDS[name], cwd=tmp_path) for run in (slimmer, program))
    assert (started.returncode, started.stderr) == (real.returncode, real.stderr)
    if name not in ("clean", "doctor"):  # which tell of the engine and the machine at this moment
        assert started.stdout == real.stdout
    assert "Traceback" not in started.stderr


def test_a_variable_that_is_read_at_the_start_starts_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONVERBOSE", "1")
    assert "import 'slimmer'" in slimmer("--version").stderr


def test_a_program_that_takes_too_long_is_killed(road: str, tmp_path: Path, leftovers: None) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        starter().run(["build", road, "--until", "signal", "--out", str(tmp_path / "out")], tmp_path, 3.0)


def test_a_signal_ends_it_and_gives_its_exit_code(road: str, tmp_path: Path, leftovers: None) -> None:
    with starter().begin(["build", road, "--until", "signal", "--out", str(tmp_path / "out")]) as program:
        assert program.poll() is None
        while "kill -USR1" not in program.stderr.readline():
            pass
        program.send_signal(signal.SIGTERM)
        assert program.wait(60) == 130
