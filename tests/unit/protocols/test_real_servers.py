"""Sessions with real servers, as far as they are installed on this machine. tests/engine/test_protocols.py has one in an image."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from socket import create_connection

import pytest

from slimmer.exercise.protocols.source import converse
from tests.unit.local_app import free_port
from tests.unit.protocols.place import Place, context

POSTGRES = Path(next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), Path("/nowhere")))
OTHER_USER = "nobody"
QUOTE = "'"
PASSWORD = "a'secret\\ü"


@contextmanager
def running(port: int, command: Sequence[str | Path], folder: Path, *, user: str | None = None) -> Iterator[None]:
    """A server in the foreground, which listens on a port of the loopback."""
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, user=user)
    try:
        end = time.monotonic() + 20
        while time.monotonic() < end:
            assert process.poll() is None, (folder / "log").read_text()
            with suppress(OSError), create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.02)
        yield
    finally:
        process.terminate()
        process.wait(20)


def spoken(number: int, port: int, environment: dict[str, str]) -> list[str]:
    said: list[str] = []
    converse(context(Place({number: port}), said, environment), [number], lambda port: True)
    return said


@pytest.mark.skipif(not shutil.which("redis-server"), reason="there is no redis-server")
def test_redis(tmp_path: Path) -> None:
    port = free_port()
    with running(port, ["redis-server", "--port", str(port), "--requirepass", "geheim", "--save", ""], tmp_path):
        assert spoken(6379, port, {"REDIS_PASSWORD": "geheim"}) == ["spoke Redis on 6379: 6 of 6 steps"]


@pytest.mark.skipif(not shutil.which("memcached"), reason="there is no memcached")
def test_memcached(tmp_path: Path) -> None:
    port = free_port()
    with running(port, ["memcached", "-p", str(port), "-l", "127.0.0.1", "-u", OTHER_USER], tmp_path):
        assert spoken(11211, port, {}) == ["spoke memcached on 11211: 5 of 5 steps"]


@pytest.mark.skipif(not shutil.which("mosquitto"), reason="there is no mosquitto")
def test_mosquitto(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "conf").write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    with running(port, ["mosquitto", "-c", "conf"], tmp_path):
        assert spoken(1883, port, {}) == ["spoke MQTT on 1883: 6 of 6 steps"]


@pytest.mark.skipif(
    not POSTGRES.exists() or os.geteuid() != 0, reason="there is no PostgreSQL, or no other user to run it as"
)
@pytest.mark.parametrize("way", ["scram-sha-256", "md5", "password", "trust"])
def test_postgresql(way: str, cluster: Path) -> None:
    """One that lets nobody in without a password, in each of its ways."""
    port = free_port()
    (cluster / "pg_hba.conf").write_text(f"host all all 127.0.0.1/32 {way}\n")
    options = ["-p", str(port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-F"]
    with running(port, [POSTGRES / "postgres", "-D", cluster, *options], cluster, user=OTHER_USER):
        environment = {"POSTGRES_USER": "ann" if way == "md5" else "postgres", "POSTGRES_PASSWORD": PASSWORD}
        environment["POSTGRES_DB"] = "postgres"
        assert spoken(5432, port, environment) == ["spoke PostgreSQL on 5432: 6 of 6 steps"]
        if way != "trust":
            environment["POSTGRES_PASSWORD"] = "another"
            [line] = spoken(5432, port, environment)
            assert line.startswith("spoke PostgreSQL on 5432: 1 of 6 steps; authenticate: the server refused it: ")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Path]:
    """A data folder of PostgreSQL, which does not run as root. Its superuser's password is kept for SCRAM, and that of ann for MD5."""
    ann = (
        f"SET password_encryption = 'md5'; CREATE USER ann SUPERUSER PASSWORD '{PASSWORD.replace(QUOTE, 2 * QUOTE)}';\n"
    )
    with tempfile.TemporaryDirectory(dir="/tmp") as name:  # where other users may go
        folder, data = Path(name), Path(name) / "data"
        (folder / "password").write_text(PASSWORD + "\n")
        for path in (folder, folder / "password"):
            shutil.chown(path, OTHER_USER)
        words: list[str | Path] = [
            "--username=postgres",
            f"--pwfile={folder / 'password'}",
            "--auth=trust",
            "--no-sync",
            "-D",
            data,
        ]
        single: list[str | Path] = [POSTGRES / "postgres", "--single", "-D", data, "postgres"]
        subprocess.run([POSTGRES / "initdb", *words], cwd=folder, user=OTHER_USER, check=True, capture_output=True)
        subprocess.run(single, cwd=folder, user=OTHER_USER, check=True, capture_output=True, input=ann.encode())
        yield data
