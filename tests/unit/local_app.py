"""A Subject that is a process of this machine: real sockets, a real exit code, and its listeners as the kernel knows them."""

from __future__ import annotations

import contextlib
import shlex
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType

import psutil

from slimmer.engine.error_lines import ErrorLines
from slimmer.exercise.process import run_shell
from tests.unit.socket_bridge import SocketBridge, socket_problem

CERTIFICATE = Path(__file__).with_name("certificate.pem")

SERVER = """
import http.server, os, socket, ssl, sys, threading, time

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    asked = {}

    def do_GET(self):
        action = getattr(self, "get" + self.path.partition("?")[0].replace("/", "_").replace("-", "_"), None)
        if action:
            action()
        else:
            self.answer(404, b"nothing here")

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.answer(201, body, self.headers.get("Content-Type") or "none/none")

    def do_HEAD(self):
        self.answer(200, b"")

    def answer(self, status, body, kind="text/html; charset=utf-8"):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def get_(self):
        self.answer(200, b"<h1>hello</h1>")

    def get_broken(self):
        self.answer(500, b"oh")

    def get_hang(self):
        time.sleep(600)

    def get_crash(self):
        print("about to crash", flush=True)
        os._exit(3)

    def get_leave(self):
        os._exit(0)

    def get_warm(self):
        count = self.asked[self.path] = self.asked.get(self.path, 0) + 1
        self.answer(200 if count > 2 else 503, b"warm")

    def get_unavailable(self):
        self.answer(503, b"never")

    def get_more(self):
        serve()
        self.answer(200, b"a further port is open")

    def get_more_once(self):
        if not self.asked.setdefault(self.path, 0):
            self.asked[self.path] = 1
            serve()
        self.answer(200, b"a second port is open")

    def log_message(self, *words):
        pass

def serve(port=0, tls=None, handler=Handler):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
    server.daemon_threads = True
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()

def raw(talk, port=0):
    listener = socket.create_server(("127.0.0.1", port))
    def accept():
        while True:
            client, _ = listener.accept()
            threading.Thread(target=talk, args=(client,), daemon=True).start()
    threading.Thread(target=accept, daemon=True).start()

def forever():
    open(os.path.splitext(__file__)[0] + ".begun", "w").close()
    while True:
        time.sleep(600)
"""


class LocalApp:
    """An app written in a few lines of Python, which may use what SERVER defines. A context manager that kills it.

    With `begun`, the app has come to its `forever()` when the block begins: a short time to get ready need not hold Python's start.
    `watched`: the app does something new, and opens one more file, whenever it prints a line. Otherwise, nobody knows what it does.
    """

    def __init__(self, folder: Path, source: str, *, begun: bool = False, watched: bool = False) -> None:
        self._begun, self._watched = begun, watched
        self._script = folder / "app.py"
        self._script.with_suffix(".begun").unlink(missing_ok=True)
        self._script.write_text(SERVER + textwrap.dedent(source))
        self._log = folder / "app.log"
        self._bridges: dict[str, SocketBridge] = {}

    def __enter__(self) -> LocalApp:
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-I", self._script], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        while self._begun and not self._script.with_suffix(".begun").exists():
            assert self.exit_code() is None, self.last_log_lines()
            self.wait(0.02)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()
        for bridge in self._bridges.values():
            bridge.close()

    def listening_ports(self) -> tuple[int, ...]:
        with contextlib.suppress(psutil.Error):
            connections = psutil.Process(self.process.pid).net_connections("tcp")
            return tuple(c.laddr.port for c in connections if c.status == psutil.CONN_LISTEN)
        return ()

    def bound_ports(self) -> tuple[int, ...]:
        with contextlib.suppress(psutil.Error):
            connections = psutil.Process(self.process.pid).net_connections("udp")
            return tuple(c.laddr.port for c in connections if not c.raddr)
        return ()

    def listening_sockets(self) -> tuple[str, ...]:
        with contextlib.suppress(OSError):  # it has ended
            folder, held = Path(f"/proc/{self.process.pid}/fd"), set()
            for fd in folder.iterdir():
                with contextlib.suppress(FileNotFoundError):  # it was closed meanwhile
                    held.add(str(fd.readlink()))
            rows = [line.split(maxsplit=7) for line in Path("/proc/net/unix").read_text().splitlines()[1:]]
            listening = [row for row in rows if len(row) == 8 and row[3] == "00010000"]
            return tuple(row[7] for row in listening if f"socket:[{row[6]}]" in held)
        return ()

    def socket_endpoint(self, path: str) -> tuple[str, int]:
        if path not in self._bridges:
            self._bridges[path] = SocketBridge(path)
        return self._bridges[path].endpoint

    def socket_problem(self, path: str, seconds: float) -> str:
        return socket_problem(path, seconds)

    def accepts(self, port: int) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 2.0):
            return True
        return False

    def quiet(self) -> float | None:
        return time.time() - self._log.stat().st_mtime if self._watched else None

    def opened(self) -> int | None:
        return len(self._log.read_bytes().splitlines()) if self._watched else None

    def endpoint(self, port: int) -> tuple[str, int]:
        return "127.0.0.1", port

    def datagram_endpoint(self, port: int) -> tuple[str, int] | None:
        return self.endpoint(port)

    def exit_code(self) -> int | None:
        return self.process.poll()

    def wait(self, seconds: float) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(min(seconds, 0.02))

    def check_observed(self) -> None:
        pass

    def execute(self, command: tuple[str, ...], timeout: float) -> tuple[int, str]:
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
        except subprocess.TimeoutExpired:
            return 124, "no end"
        return done.returncode, (done.stdout + done.stderr)[-4096:]

    def host_beside(self, port: int) -> str:
        return "127.0.0.1"

    def run_beside(
        self,
        image: str,
        command: tuple[str, ...],
        environment: Mapping[str, str],
        timeout: float,
        abandon: Callable[[], bool],
    ) -> tuple[int, str]:
        """Run the command on this machine: its image is nothing but a name here."""
        return run_shell(shlex.join(command), environment, timeout, abandon)

    def container_name(self) -> str:
        return "the-container"

    def last_log_lines(self) -> str:
        return self._log.read_text()

    def error_lines(self) -> tuple[str, ...]:
        errors = ErrorLines()
        errors.add(self._log.read_bytes())
        return errors.lines()


def free_port() -> int:
    """A port on which nobody listens at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
