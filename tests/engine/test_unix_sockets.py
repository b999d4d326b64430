"""Unix sockets of containers, through the probe's relay: who connects, what is reached, and a build of an app that has one."""

from __future__ import annotations

import json
import os
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
import pytest

from slimmer.engine import description
from slimmer.engine.connection import Engine, connect
from slimmer.engine.containers import Container
from slimmer.engine.options import RunOptions
from slimmer.engine.resources import EngineResources
from slimmer.engine.unix_sockets import UnixSockets
from slimmer.image.config import ImageConfig
from slimmer.runs.relays import SocketRelays
from slimmer.runs.start import ask_identity
from tests.engine.command import slimmer
from tests.engine.names import OWN, untag

pytestmark = pytest.mark.usefixtures("leftovers")

IMAGE = "debian:bookworm-slim"
SERVER = """
use IO::Socket::UNIX; use Socket;
$SIG{CHLD} = 'IGNORE';
sub listening { IO::Socket::UNIX->new(Local => $_[0], Listen => $_[1]) or die "$_[0]: $!" }
my $server = listening($ARGV[0] =~ s/^@/\\0/r, 50);
my $strict = listening('/tmp/strict.sock', 1); chmod 0, '/tmp/strict.sock';
my $full = listening('/tmp/full.sock', 1);
my @waiting = map { IO::Socket::UNIX->new(Peer => '/tmp/full.sock') } 1 .. 2;
my $datagrams = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => '/tmp/datagrams.sock') or die $!;
listening('/tmp/left.sock', 1)->close;
open my $file, '>', '/tmp/file.sock';
symlink '/tmp/echo.sock', '/tmp/link.sock';
symlink '/tmp/loop.sock', '/tmp/loop.sock';
symlink $ARGV[1], '/tmp/out.sock'; symlink "../../../../..$ARGV[1]", '/tmp/up.sock';
print "ready\\n"; STDOUT->flush;
while (my $client = $server->accept) {
    next if fork;
    my ($process, $user, $group) = unpack 'lll', getsockopt($client, SOL_SOCKET, SO_PEERCRED);
    syswrite $client, "$user:$group\\n";
    while (sysread $client, my $data, 65536) {
        for (my $sent = 0; $sent < length $data; ) { $sent += syswrite($client, $data, length($data) - $sent, $sent) }
    }
    exit;
}
"""
"""Says to whom it speaks, echoes everything, and closes when the other side has nothing more to say. Beside it: sockets that do not work."""


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = connect()
    yield engine
    engine.close()


@contextmanager
def sockets_of(
    scope: EngineResources, probe: Path, options: RunOptions, name: str = "/tmp/echo.sock", outside: str = "/none"
) -> Iterator[UnixSockets]:
    """The sockets of a container that runs the server. `outside` is a path of this machine, to which links of the container lead."""
    config = ImageConfig(image_id=IMAGE, architecture="", os="linux")
    identity = ask_identity(scope, config, options, probe)
    asked = description.native(config, options, IMAGE)
    asked |= {"Entrypoint": ["perl", "-e", SERVER], "Cmd": [name, outside]}
    container: Container = scope.create(asked, "server")
    container.start()
    while "ready" not in container.last_log_lines():
        assert container.wait(0.02) is None, container.last_log_lines()
    relays = SocketRelays(scope, probe, container, options.network)
    with UnixSockets(relays, identity) as sockets:
        yield sockets
    relays.close()


def echoed(endpoint: tuple[str, int], data: bytes) -> tuple[str, bytes]:
    """To whom the server says that it speaks, and what comes back for `data`."""
    with socket.create_connection(endpoint, timeout=30) as connection:
        sender = threading.Thread(target=_send, args=(connection, data))
        sender.start()
        answer = b"".join(iter(lambda: connection.recv(1 << 16), b""))
        sender.join()
    user, _, rest = answer.partition(b"\n")
    return user.decode(), rest


def _send(connection: socket.socket, data: bytes) -> None:
    connection.sendall(data)
    connection.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize(("user", "seen"), [("", "0:0"), ("1234:56", "1234:56")])
def test_the_relay_connects_as_the_apps_user(scope: EngineResources, probe: Path, user: str, seen: str) -> None:
    data = os.urandom(3 << 20)
    with sockets_of(scope, probe, RunOptions(user=user)) as sockets:
        assert sockets.problem("/tmp/echo.sock", 30) == ""
        assert echoed(sockets.endpoint("/tmp/echo.sock"), data) == (seen, data)
        assert echoed(sockets.endpoint("/tmp/link.sock"), b"through a link") == (seen, b"through a link")
        strict = sockets.problem("/tmp/strict.sock", 0)
        assert strict == ("the app's user may not connect to it" if user else "")


def test_root_without_capabilities_may_not_pass_by_permissions(scope: EngineResources, probe: Path) -> None:
    with sockets_of(scope, probe, RunOptions(cap_drop=("ALL",))) as sockets:
        assert sockets.problem("/tmp/strict.sock", 0) == "the app's user may not connect to it"
        assert echoed(sockets.endpoint("/tmp/echo.sock"), b"x") == ("0:0", b"x")


def test_what_takes_no_connection_is_told_in_a_few_words(scope: EngineResources, probe: Path) -> None:
    with sockets_of(scope, probe, RunOptions()) as sockets:
        found = {
            name: sockets.problem(f"/tmp/{name}.sock", 0) for name in ("none", "file", "left", "datagrams", "loop")
        }
        assert found == {
            "none": "there is no such socket",
            "file": "it is not a socket",
            "left": "nobody listens on it",
            "datagrams": "it is a socket for datagrams, not for a stream",
            "loop": "Symbolic link loop",
        }
        assert sockets.problem("/tmp", 0) == "it is not a socket"
        assert sockets.problem("/tmp/file.sock/x", 0) == "there is no such socket"
        assert sockets.problem("/tmp/full.sock", 0) == ""  # the app has not come to it yet
        assert sockets.problem("@slimmer-none", 0) == "nobody listens on it"
        with socket.create_connection(sockets.endpoint("/tmp/none.sock"), timeout=30) as connection:
            connection.sendall(b"x")
            assert connection.recv(1) == b""


def test_an_abstract_socket_is_reached_by_its_name(scope: EngineResources, probe: Path) -> None:
    with sockets_of(scope, probe, RunOptions(user="77"), "@slimmer-echo") as sockets:
        assert sockets.problem("@slimmer-echo", 30) == ""
        assert echoed(sockets.endpoint("@slimmer-echo"), b"abstract") == ("77:0", b"abstract")


def test_a_link_leads_nowhere_else_than_for_the_app(scope: EngineResources, probe: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="sock-", dir="/tmp") as folder, socket.socket(socket.AF_UNIX) as listener:
        outside = f"{folder}/host.sock"
        listener.bind(outside)
        listener.listen()
        with sockets_of(scope, probe, RunOptions(), outside=outside) as sockets:
            for name in ("/tmp/out.sock", "/tmp/up.sock", outside, f"/../..{outside}", f"/proc/self/root{outside}"):
                assert sockets.problem(name, 0) == "there is no such socket", name
            assert sockets.problem("/proc/self/root/tmp/echo.sock", 0) == ""  # the app's own root
            assert sockets.problem(f"/proc/1/root{outside}", 0) == "the app's user may not connect to it"


def test_an_app_that_has_ended_has_no_sockets(scope: EngineResources, probe: Path) -> None:
    config, options = ImageConfig(image_id=IMAGE, architecture="", os="linux"), RunOptions()
    container = scope.create(description.native(config, options, IMAGE) | {"Cmd": ["sleep", "600"]}, "server")
    container.start()
    relays = SocketRelays(scope, probe, container, "")
    with UnixSockets(relays, ask_identity(scope, config, options, probe)) as sockets:
        assert sockets.problem("/tmp/echo.sock", 0) == "there is no such socket"
        container.kill("SIGKILL")
        assert container.wait(30) is not None
        assert sockets.problem("/tmp/echo.sock", 0) != ""
    relays.close()
    late = SocketRelays(scope, probe, container, "")
    with UnixSockets(late, "") as sockets:
        assert sockets.problem("/tmp/echo.sock", 0).startswith("it cannot be reached: ")
    late.close()


# ---------------------------------------------------------------------- a build

APP = r"""
import http.server, os, socketserver, threading

class Front(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(200, b"front")

    def answer(self, status, text):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *words):
        pass

class Admin(Front):
    def do_GET(self):
        if self.path != "/report":
            return self.answer(404, b"nothing here")
        import xml.dom.minidom  # what only the socket needs
        self.answer(200, xml.dom.minidom.parseString("<report/>").documentElement.tagName.encode())

class Local(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    def get_request(self):
        return super().get_request()[0], ("local", 0)

class Lines(socketserver.StreamRequestHandler):
    def handle(self):
        import wave  # what only an exchange needs
        self.wfile.write(wave.__name__.encode() + b" " + self.rfile.readline())

servers = [http.server.ThreadingHTTPServer(("", 8000), Front)] if os.environ.get("FRONT") else []
servers += [Local("/tmp/admin.sock", Admin), Local("/tmp/lines.sock", Lines)]
for server in servers[1:]:
    threading.Thread(target=server.serve_forever, daemon=True).start()
servers[0].serve_forever()
"""


@pytest.fixture
def tag(engine: Engine) -> Iterator[str]:
    """The name of a slim image, which is removed at the end."""
    name = f"{OWN}:sockets"
    yield name
    untag(engine, name)


def test_a_route_that_only_a_socket_serves_works_in_the_slim_image(
    sample: Callable[[str], str], tag: str, tmp_path: Path
) -> None:
    (tmp_path / "probes.yaml").write_text(
        "unix_socket: /tmp/admin.sock\n"
        "requests:\n"
        "  - {path: /health, port: 8000}\n"
        "  - {path: /report, expect: {status: 200, contains: report}}\n"
        '  - {unix: [{send: "one\\n"}, {expect: "wave one"}], unix_socket: /tmp/lines.sock}\n'
    )
    done = slimmer(
        "build", sample("flask"), "--tag", tag, "--out", tmp_path / "out", "--env", "FRONT=yes",
        "--entrypoint", json.dumps(["python3", "-c", APP]), "--probe-file", tmp_path / "probes.yaml", "--policy", "observed",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "  /tmp/admin.sock speaks HTTP: 1 request\n  /tmp/lines.sock: 1 exchange\n" in done.stderr
    assert "on 1 of 1 port and 2 of 2 Unix sockets" in done.stderr
    report = json.loads((tmp_path / "out/report.json").read_text())
    assert report["verification"]["verified"]
    assert report["exercise"]["http_sockets"] == ["/tmp/admin.sock"]
    assert {(one["path"], one["use"]) for one in report["exercised"]["ports"]} == {
        ("", "answered"), ("/tmp/admin.sock", "answered"), ("/tmp/lines.sock", "spoken"),
    }  # fmt: skip
    log = json.loads((tmp_path / "out/access.json").read_text())
    assert not [row for row in log["accesses"] if row[2].endswith(".sock") and row[0] not in ("create", "look-up")]
    client = docker.from_env(timeout=120)
    try:
        container = client.containers.run(
            tag, ["-c", APP], entrypoint="python3", environment={"FRONT": "yes"}, detach=True, name=f"{OWN}-sockets"
        )
        try:
            curl = ["curl", "-fsS", "--retry", "20", "--retry-all-errors", "--retry-delay", "1", "--unix-socket"]
            code, said = container.exec_run([*curl, "/tmp/admin.sock", "http://localhost/report"], stderr=False)
            assert (code, said) == (0, b"report")
        finally:
            container.remove(force=True)
    finally:
        client.close()


ALONE = r"""
use IO::Socket::UNIX; use Socket;
sleep 1;
my $internal = IO::Socket::UNIX->new(Local => "\0internal", Listen => 5) or die $!;
my $server = IO::Socket::UNIX->new(Local => '/run/own.sock', Listen => 5) or die $!;
while (my $client = $server->accept) {
    my $request = <$client>;
    require Text::ParseWords;
    print $client "HTTP/1.0 200 OK\r\n\r\n" . join('-', Text::ParseWords::shellwords($request)) . "\n";
    close $client;
}
"""


def test_an_app_that_has_nothing_but_a_socket_is_asked_there_without_options(tag: str, tmp_path: Path) -> None:
    done = slimmer(
        "build", IMAGE, "--tag", tag, "--out", tmp_path / "out", "--entrypoint", json.dumps(["perl", "-e", ALONE]),
        "--policy", "observed",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "  /run/own.sock speaks HTTP: 1 request\n" in done.stderr
    report = json.loads((tmp_path / "out/report.json").read_text())
    assert [(one["path"], one["unix_socket"], one["status"]) for one in report["exercise"]["requests"]] == [
        ("/", "/run/own.sock", 200)
    ]
    assert {(one["path"], one["use"]) for one in report["exercised"]["ports"]} == {
        ("/run/own.sock", "answered"), ("@internal", "silent"),
    }  # fmt: skip
    told = slimmer("explain", "--unexercised", tmp_path / "out").stdout
    assert "Unix socket /run/own.sock: answered requests\nUnix socket @internal: no request was answered\n" in told


def test_a_socket_that_never_listens_ends_the_build(sample: Callable[[str], str], tag: str, tmp_path: Path) -> None:
    done = slimmer(
        "build", sample("flask"), "--tag", tag, "--out", tmp_path / "out", "--unix-socket", "/run/none.sock",
        "--ready-timeout", "5",
    )  # fmt: skip
    assert done.returncode == 5, done.stderr
    words = "the app was not ready within 5 s: /run/none.sock did not open: there is no such socket; it listens on port 8000"
    assert words in done.stderr


def test_unix_sockets_need_processes_of_their_own(sample: Callable[[str], str], tmp_path: Path) -> None:
    done = slimmer("build", sample("flask"), "--unix-socket", "/run/app.sock", "--pid", "host", cwd=tmp_path)
    assert done.returncode == 2 and "/run/app.sock cannot be reached with --pid host" in done.stderr
    done = slimmer("build", sample("flask"), "--unix-socket", f"/{'a' * 107}", cwd=tmp_path)
    assert done.returncode == 2 and "is longer than 107 bytes" in done.stderr
