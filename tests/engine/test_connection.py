"""Finding the engine: real sockets, real contexts, and engines that are not there."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from slimmer.engine import connection
from slimmer.engine.connection import connect
from slimmer.errors import EngineUnreachable, UnsupportedEngine


@pytest.fixture(scope="module")
def url() -> str:
    """Where the real engine is."""
    engine = connect()
    engine.close()
    return engine.url


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of the tester's own docker settings counts."""
    for name in ("DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))


def test_the_engine_describes_itself(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", url)
    engine = connect()
    assert engine.version[0].isdigit()
    assert engine.architecture in ("amd64", "arm64")
    assert engine.url == url
    assert engine.api.ping()
    engine.close()


def test_docker_host_decides_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    with pytest.raises(EngineUnreachable) as caught:
        connect()
    assert caught.value.exit_code == 4
    assert f"{tmp_path}/nobody.sock" in caught.value.message
    assert "docker.sock" not in caught.value.message
    assert "DOCKER_HOST" in caught.value.hint


@pytest.mark.parametrize("host", ["nonsense://x", "tcp://127.0.0.1:1", "ssh://nobody@127.0.0.1:1"])
def test_a_host_that_makes_no_sense_is_no_crash(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", host)
    with pytest.raises(EngineUnreachable):
        connect()


def test_tls_without_certificates_is_explained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    monkeypatch.setenv("DOCKER_CERT_PATH", str(tmp_path / "none"))
    with pytest.raises(EngineUnreachable, match="TLS"):
        connect()


def test_the_current_docker_context_is_used(url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    folder = tmp_path / "contexts" / "meta" / hashlib.sha256(b"elsewhere").hexdigest()
    folder.mkdir(parents=True)
    link = tmp_path / "engine.sock"
    link.symlink_to(url.removeprefix("http+").removeprefix("unix://"))
    endpoints = {"docker": {"Host": f"unix://{link}", "SkipTLSVerify": False}}
    (folder / "meta.json").write_text(json.dumps({"Name": "elsewhere", "Metadata": {}, "Endpoints": endpoints}))
    (tmp_path / "config.json").write_text(json.dumps({"currentContext": "elsewhere"}))
    engine = connect()
    assert engine.url == f"unix://{link}"
    engine.close()


def test_a_socket_that_refuses_its_user_says_so() -> None:
    """As root nothing is refused, so another user asks."""
    if os.geteuid() != 0:
        pytest.skip("needs root to become somebody else")
    folder = Path(tempfile.mkdtemp(prefix="slimmer-test-connection-"))
    try:
        folder.chmod(0o755)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(folder / "engine.sock"))
            listener.listen()
            (folder / "engine.sock").chmod(0o600)
            hint = _hint_as_nobody(f"unix://{folder}/engine.sock")
        assert "docker group" in hint
    finally:
        shutil.rmtree(folder)


def _hint_as_nobody(host: str) -> str:
    program = (
        "import os\n"
        "from slimmer.engine.connection import connect\n"
        "from slimmer.errors import EngineUnreachable\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "try: connect()\n"
        "except EngineUnreachable as error: print(error.hint)\n"
    )
    environment = {**os.environ, "DOCKER_HOST": host, "HOME": "/"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    return done.stdout


def test_an_engine_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CONNECT_TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(EngineUnreachable):
            connect()


class _Engine(BaseHTTPRequestHandler):
    """Answers each question with the server's `said`, and remembers its path."""

    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, _Server)
        server.asked.append(self.path)
        answer = json.dumps(server.said).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    def __init__(self, said: dict[str, object]) -> None:
        super().__init__(("127.0.0.1", 0), _Engine)
        self.said, self.asked = said, list[str]()


@contextmanager
def engine_that_says(**said: object) -> Iterator[tuple[str, list[str]]]:
    """The address of an engine that says this of itself, and the paths that it is asked for."""
    server = _Server(said)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"tcp://127.0.0.1:{server.server_address[1]}", server.asked
    server.shutdown()
    server.server_close()


def test_an_engine_for_windows_containers_is_refused() -> None:
    with engine_that_says(ApiVersion="1.41", OSType="windows") as (url, _), pytest.raises(UnsupportedEngine) as caught:
        connect(url)
    assert "windows" in caught.value.message


@pytest.mark.parametrize(
    ("newest", "oldest", "words", "advice"),
    [("1.40", "1.12", "too old", "Docker 20.10"), ("1.99", "1.90", "too new", "Update slimmer")],
)
def test_an_engine_that_speaks_no_version_of_ours_is_refused(newest: str, oldest: str, words: str, advice: str) -> None:
    with (
        engine_that_says(ApiVersion=newest, MinAPIVersion=oldest) as (url, _),
        pytest.raises(UnsupportedEngine, match=words) as caught,
    ):
        connect(url)
    assert advice in caught.value.hint and caught.value.exit_code == 4


def test_a_newer_engine_is_asked_in_a_version_that_slimmer_knows() -> None:
    with engine_that_says(ApiVersion="1.99", MinAPIVersion="1.44", OSType="linux") as (url, asked):
        connect(url).close()
    assert asked[0] == "/version" and asked[1:] and all(path.startswith("/v1.51/") for path in asked[1:])


@pytest.mark.parametrize("said", [{"SecurityOptions": ["name=rootless"]}, {"Rootless": True}])
def test_docker_and_podman_4_say_in_their_own_ways_that_they_are_rootless(said: dict[str, object]) -> None:
    with engine_that_says(ApiVersion="1.41", **said) as (url, _):
        engine = connect(url)
        assert engine.rootless
        engine.close()


@pytest.mark.parametrize("version", ["", "one", "1.2.3", "9" * 5000 + ".1"])
def test_a_version_that_is_none_is_no_crash(version: str) -> None:
    with engine_that_says(ApiVersion=version) as (url, _), pytest.raises(EngineUnreachable) as caught:
        connect(url)
    assert "version of the API" in caught.value.message and len(caught.value.message) < 500
