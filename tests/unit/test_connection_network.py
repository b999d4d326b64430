"""An engine in another network gives its containers addresses that lead to others' from here."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from slimmer.engine.connection import Engine

LISTEN = """
import socket, sys
with socket.socket(socket.AF_UNIX) as listener:
    listener.bind(sys.argv[1])
    listener.listen()
    print(flush=True)
    sys.stdin.read()
"""


def engine(path: Path) -> Engine:
    return Engine(None, f"unix://{path}", "", "amd64", "Linux", False, False, ())


@pytest.mark.skipif(sys.platform != "linux", reason="nowhere else are containers reached directly")
def test_an_engine_in_the_same_network_is_local_unless_it_is_rootless(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        assert engine(path).local
        assert not replace(engine(path), rootless=True).local


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="it needs another network namespace")
def test_an_engine_in_another_network_is_not(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    command = ["unshare", "--net", sys.executable, "-c", LISTEN, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdin is not None and other.stdout is not None
        assert other.stdout.readline()
        assert not engine(path).local
        other.stdin.close()


LOCAL = """
import sys
from pathlib import Path
from tests.unit.test_connection_network import engine
print(engine(Path(sys.argv[1])).local)
"""


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="it needs another PID namespace")
def test_from_a_container_nobody_knows_the_engines_network(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    command = ["unshare", "--pid", "--fork", "--mount-proc", sys.executable, "-c", LOCAL, str(path)]
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        told = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2], check=True)
    assert told.stdout == "False\n"
