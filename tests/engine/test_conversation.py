"""Requests that build on each other: a session, a token that differs in each run, a login and an upload, kept in the slim image."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import docker
import pytest
from docker.errors import ImageNotFound

from slimmer.engine.connection import connect
from tests.engine.command import slimmer
from tests.engine.names import OWN

pytestmark = pytest.mark.usefixtures("leftovers")

APP = r"""
import http.server, json, secrets, socket, threading

sessions = {}

class Handler(http.server.BaseHTTPRequestHandler):
    def token(self):
        return sessions.get((self.headers.get("Cookie") or "").partition("=")[2])

    def do_GET(self):
        if self.path == "/login":
            sid = secrets.token_hex(16)
            sessions[sid] = secrets.token_hex(16)
            return self.answer(200, json.dumps({"csrf": sessions[sid]}), sid)
        if self.path == "/admin" and self.headers.get("Authorization") == "Basic YW5uOmh1c2ghaHVzaA==":
            import sqlite3
            return self.answer(200, sqlite3.connect(":memory:").execute("select 'for admins'").fetchone()[0])
        self.answer(200 if self.path == "/health" else 404, "fine")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if not self.token() or self.headers.get("X-CSRF") != self.token():
            return self.answer(403, "forged")
        import xml.dom.minidom  # what only a request with the token needs
        part = body[body.index("<"):body.rindex(">") + 1]
        self.answer(200, xml.dom.minidom.parseString(part).documentElement.tagName + " with " + self.token())

    def answer(self, status, text, sid=""):
        self.send_response(status)
        if sid:
            self.send_header("Set-Cookie", "sid=" + sid + "; Path=/; HttpOnly")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *words):
        pass

def answer():
    while True:
        data, client = udp.recvfrom(512)
        import colorsys  # what only a datagram needs
        udp.sendto(data + colorsys.__name__.encode(), client)

def lines():
    while True:
        client, _ = tcp.accept()
        with client:
            import wave  # what only a connection needs
            client.sendall(client.recv(512) + wave.__name__.encode() + b"\r\n" + secrets.token_hex(8).encode())

udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("0.0.0.0", 5353))
tcp = socket.create_server(("0.0.0.0", 7000))
for work in (answer, lines):
    threading.Thread(target=work, daemon=True).start()

http.server.ThreadingHTTPServer(("", 8000), Handler).serve_forever()
"""

PROBES = """
requests:
  - {path: /login, capture: {csrf: {json: $.csrf}}, expect: {status: 200}}
  - method: POST
    path: /upload
    headers: {X-CSRF: "${csrf}"}
    multipart: {note: x, page: {file: page.xml}}
    repeat: 2
    expect: {status: 200, contains: page with}
  - {path: /admin, auth: {basic: {user: ann, password: "${PASSWORD}"}}, expect: {status: 200, contains: for admins}}
  - {tcp: [{send: "PING\\r\\n"}, {expect: "wave\\r\\n"}], port: 7000}
"""


@pytest.fixture
def tag(engine: docker.DockerClient) -> Iterator[str]:
    """The name of a slim image, which is removed at the end."""
    name = f"{OWN}:conversation"
    yield name
    with suppress(ImageNotFound):
        engine.images.remove(name)


def built(image: str, tag: str, folder: Path, probes: str) -> subprocess.CompletedProcess[str]:
    (folder / "page.xml").write_text("<page/>")
    (folder / "probes.yaml").write_text(probes)
    return slimmer(
        "build", image, "--tag", tag, "--out", folder / "out", "--entrypoint", json.dumps(["python3", "-u", "-c", APP]),
        "--probe-file", folder / "probes.yaml", "--policy", "observed",
    )  # fmt: skip


def test_datagrams_reach_an_image_or_slimmer_says_why_not(
    sample: Callable[[str], str], tag: str, tmp_path: Path
) -> None:
    done = built(
        sample("flask"), tag, tmp_path, "[{path: /health}, {udp: [{send: a}, {expect: acolorsys}], port: 5353}]"
    )
    with closing(connect()) as reached:
        if reached.local:
            assert done.returncode == 0, done.stderr
        else:
            assert done.returncode == 6
            assert "UDP needs a container whose address this machine can reach" in done.stderr


def test_a_scenario_works_in_the_slim_image(
    sample: Callable[[str], str], tag: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASSWORD", "hush!hush")
    done = built(sample("flask"), tag, tmp_path, PROBES)
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr
    for file in (tmp_path / "out").glob("*.json*"):
        assert b"hush!hush" not in file.read_bytes() and b"YW5uOm" not in file.read_bytes()
