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


class _WindowsEngine(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        answer = json.dumps({"ApiVersion": "1.41", "OSType": "windows"}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def windows_engine() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _WindowsEngine)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"tcp://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_an_engine_for_windows_containers_is_refused(windows_engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", windows_engine)
    with pytest.raises(UnsupportedEngine, match="windows"):
        connect()
