"""The entry point's way with signals: an exit code that scripts can rely on, wherever the signal strikes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys

import pytest

PROGRAM = """
import signal, sys
from slimmer.pipeline import build as pipeline
from slimmer.cli.main import run

def build(request, progress, docker_host):
    exec("import os, signal; os.kill(os.getpid(), signal.{name}); signal.pause()")

pipeline.build = build
sys.argv = ["slimmer", "build", "image"]
{before}
run()
"""


def run(name: str, before: str = "") -> subprocess.CompletedProcess[str]:
    program = PROGRAM.format(name=name, before=before)
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)


INTERRUPTED = "error: interrupted\nhint: `slimmer clean` removes what a slow engine may have left behind.\n"


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_ends_with_its_exit_code_even_inside_code_that_is_a_string(name: str) -> None:
    result = run(name)
    assert (result.returncode, result.stdout) == (130, "")
    assert result.stderr == INTERRUPTED


def test_an_impatient_second_signal_changes_nothing_any_more() -> None:
    """It comes when all is removed, while Python ends."""
    again = "import atexit, os; atexit.register(lambda: os.kill(os.getpid(), signal.SIGINT))"
    result = run("SIGINT", again)
    assert (result.returncode, result.stderr) == (130, INTERRUPTED)


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    """Below nohup(1): the app's end comes by another signal then."""
    before = "signal.signal(signal.SIGHUP, signal.SIG_IGN); signal.alarm(1); signal.signal(signal.SIGALRM, lambda *_: sys.exit(7))"
    assert run("SIGHUP", before).returncode == 7


WHILE_IMPORTED = """
import os, signal, sys

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == "typer":
            os.kill(os.getpid(), signal.{name})

sys.meta_path.insert(0, Interrupting())
from slimmer.__main__ import main
main()
"""


def test_an_interrupt_before_anything_began_shows_no_traceback() -> None:
    command = [sys.executable, "-c", WHILE_IMPORTED.format(name="SIGINT")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (-signal.SIGINT, "", "")


FIRST_PROCESS = ("unshare", "--fork", "--pid", "--mount-proc")


def can_be_first() -> bool:
    try:
        return subprocess.run([*FIRST_PROCESS, "true"], capture_output=True, timeout=60, check=False).returncode == 0
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not can_be_first(), reason="needs unshare(1) and the right to make a PID namespace")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_the_first_process_of_a_container_ends_by_a_signal_before_anything_began(name: str) -> None:
    """The kernel drops signals to it that have no handler."""
    command = [*FIRST_PROCESS, sys.executable, "-c", WHILE_IMPORTED.format(name=name)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (128 + signal.Signals[name], "", "")


def test_names_are_utf8_whatever_the_locale_says() -> None:
    command = [sys.executable, "-m", "slimmer", "keep", "\u0151.json", "--out", "x"]
    environment = {**os.environ, "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    result = subprocess.run(command, capture_output=True, env=environment, timeout=60, check=False)
    assert (result.returncode, "\u0151.json: No such file" in result.stderr.decode()) == (2, True)


def test_the_help_loses_no_words_in_brackets() -> None:
    """They are markup to what prints the help."""
    command = [sys.executable, "-m", "slimmer", "build", "--help"]
    environment = {**os.environ, "COLUMNS": "200", "NO_COLOR": "1"}
    shown = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=True).stdout
    for words in (
        "or [tool.slimmer] in",
        "PATH[:OPTIONS]",
        "NAME=SOFT[:HARD]",
        "HOST[:CONTAINER[:rwm]]",
        "TARGET[:ro]",
    ):
        assert words in shown
    assert "\\[" not in shown


@pytest.mark.parametrize("command", ["build", "observe", "clean"])
def test_the_help_says_what_to_write_and_fills_the_terminal(command: str) -> None:
    """Values by name, none for what takes none; paragraphs without the line breaks of the source."""
    words = [sys.executable, "-m", "slimmer", command, "--help"]
    environment = {**os.environ, "COLUMNS": "400", "NO_COLOR": "1"}
    shown = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=60, check=True).stdout
    assert f"Usage: slimmer {command} [OPTIONS]" in shown
    prose, _, examples = shown.partition("╭")[0].partition("Examples:")
    assert {line.strip()[-1:] for line in prose.splitlines()[2:]} <= {".", ""}
    assert all(line.strip().startswith("slimmer ") for line in examples.splitlines() if line.strip())
    assert bool(examples) == (command != "clean")
    options = [line for line in shown.splitlines() if line.startswith("│ --") and "--help" not in line]
    assert options
    assert not [line for line in options if re.search("<(bool|str|int|path|list)", line)]


def test_words_between_colons_are_no_pictures() -> None:
    """A volume's parts, a tag, a path of an image: `:key:` is text."""
    command = [sys.executable, "-m", "slimmer", "build", "image", "--volume", "a:key:b"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, "'a:key:b'" in result.stderr) == (2, True)


def command_line(*words: str) -> subprocess.CompletedProcess[str]:
    arguments = [sys.executable, "-m", "slimmer", *words]
    return subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("words", [("--version",), ("-v", "--version"), ("--version", "-v"), ("--version", "build")])
def test_the_version_is_printed_whatever_stands_beside_it(words: tuple[str, ...]) -> None:
    result = command_line(*words)
    assert (result.returncode, result.stderr) == (0, "")
    assert re.fullmatch(r"slimmer \d+\.\d+\.\d+.* \(.+\)\n", result.stdout)


def test_verbose_behind_the_command_says_where_it_goes() -> None:
    result = command_line("compare", "-v", "a", "b")
    assert result.returncode == 2
    assert "hint: -v goes before the command: slimmer -v compare\n" in result.stderr
