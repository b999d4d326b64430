"""stdout and stderr whose reader is gone, or that are full: the work is done all the same, and the exit code is its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from slimmer.errors import OutputError, VerificationFailed

PROGRAM = """
import sys
from pathlib import Path
from slimmer.pipeline import commands
from slimmer.pipeline.result import VerifyResult
from slimmer.cli.main import run

def verify(request, progress, docker_host):
    for number in range(2_000):
        progress.note(f"words that fill a pipe, line {number}")
    Path("done").write_text("")
    return VerifyResult(range({differences}))

commands.verify = verify
sys.argv = ["slimmer", "verify", "before", "after"]
run()
"""


def run(redirected: str, differences: int, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """`slimmer verify`, which finds so many differences, with its output redirected by the shell; the work must be done."""
    program = PROGRAM.replace("{differences}", str(differences))
    command = ["bash", "-c", f'set -o pipefail; "$@" {redirected}', "bash", sys.executable, *options, "-c", program]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=folder, check=False)
    assert (folder / "done").exists()
    assert not [word for word in ("Traceback", "Exception ignored") if word in result.stderr]
    return result


@pytest.mark.parametrize(
    ("redirected", "differences", "options"),
    [
        ("2>&1 | head -n 1", 0, ()),
        ("2>&1 | true", 5_000, ()),
        ("2>&1 | true", 5_000, ("-u",)),
        ("2>/dev/full", 0, ()),
        (">&- 2>&-", 5, ()),
    ],
)
def test_who_stops_reading_ends_the_words_and_not_the_work(
    redirected: str, differences: int, options: tuple[str, ...], tmp_path: Path
) -> None:
    code = VerificationFailed.exit_code if differences else 0
    assert run(redirected, differences, tmp_path, *options).returncode == code


@pytest.mark.parametrize(("differences", "options"), [(1, ()), (5_000, ()), (1, ("-u",))])
def test_data_that_cannot_be_written_is_an_error(differences: int, options: tuple[str, ...], tmp_path: Path) -> None:
    """A few lines are written at the very end, many on the way."""
    result = run(">/dev/full", differences, tmp_path, *options)
    assert result.returncode in (OutputError.exit_code, VerificationFailed.exit_code)
    assert "error: cannot write to standard output: No space left on device" in result.stderr


def test_the_version_that_cannot_be_written_is_an_error() -> None:
    command = f"{sys.executable} -m slimmer --version >/dev/full"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, "Traceback" in result.stderr) == (OutputError.exit_code, False)


@pytest.mark.parametrize(("encoding", "shown"), [("ascii", b"\\u2713 \xff\n"), ("utf-8", b"\xe2\x9c\x93 \xff\n")])
def test_what_an_encoding_lacks_is_escaped_and_names_keep_their_bytes(encoding: str, shown: bytes) -> None:
    program = "from slimmer.cli import streams; streams.install(); print('\\u2713 \\udcff')"
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, env=environment, timeout=60, check=True
    )
    assert result.stdout == shown
