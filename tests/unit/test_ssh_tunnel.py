"""The programs behind a tunnel of ssh: their end, their words, and the answers that come through. A script stands for `ssh`."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from slimmer.engine import ssh
from slimmer.engine.connection import connect
from slimmer.errors import EngineUnreachable, UnsupportedEngine

URL = "ssh://far"

OLD_ENGINE = """
import os, sys
sys.stderr.write("bash: warning: setlocale: cannot change locale\\n")
sys.stderr.flush()
os.read(0, 65536)
body = b'{"ApiVersion": "1.20"}'
os.write(1, b"HTTP/1.1 200 OK\\r\\nContent-Type: application/json\\r\\nContent-Length: %d\\r\\n\\r\\n%s" % (len(body), body))
"""
REFUSES = """
import sys
sys.exit("far: Permission denied (publickey).")
"""
STUBBORN = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.write(1, b"x")
time.sleep(20)
"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Put a script in the place of `ssh`."""

    def put(script: str) -> None:
        place = tmp_path / "ssh"
        place.write_text(f"#!{sys.executable}\n{script}")
        place.chmod(0o755)

    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return put


@pytest.fixture
def tunnel() -> Iterator[ssh.Tunnel]:
    made = ssh.Tunnel(URL, 5)
    yield made
    made.close()


def test_an_engine_that_is_too_old_is_told_whatever_ssh_has_said(program: Callable[[str], None]) -> None:
    program(OLD_ENGINE)
    with pytest.raises(UnsupportedEngine, match="too old"):
        connect(URL)


def test_a_connection_that_fails_is_told_in_the_words_of_ssh(program: Callable[[str], None]) -> None:
    program(REFUSES)
    with pytest.raises(EngineUnreachable, match="publickey"):
        connect(URL)


def test_a_program_that_sigterm_does_not_end_is_killed(
    program: Callable[[str], None], tunnel: ssh.Tunnel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh, "END_TIMEOUT", 0.2)
    program(STUBBORN)
    with tunnel.open() as connection:
        assert connection.recv(1) == b"x"
    [running] = tunnel._programs
    tunnel.close()
    assert running.returncode == -signal.SIGKILL


def test_reading_what_was_said_overwrites_nothing(program: Callable[[str], None], tunnel: ssh.Tunnel) -> None:
    """All programs share the offset of the file, wherever it is."""
    program("import sys; sys.exit('a line that is long')")
    with tunnel.open() as connection:
        assert connection.recv(1) == b""
    os.lseek(tunnel._said.fileno(), 0, os.SEEK_SET)
    program("import sys; sys.exit('short')")
    with tunnel.open() as connection:
        assert connection.recv(1) == b""
    assert tunnel.words() == "short"
