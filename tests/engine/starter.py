"""Starts `slimmer` many times, but imports it once: a process that forks for each start.

Python needs most of a second to import all of slimmer and what it uses, which is longer than many commands run. So each
worker of the tests has one process that imports everything. For a start it forks a child with the words, environment,
folder and streams that it is given; the child runs the command line as `python -m slimmer` does, and is a process of its
own with its own signals and exit code.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import NoReturn, TextIO

import slimmer
from slimmer.cli.main import run

ROOT = Path(__file__).parents[2]
READ_WHEN_USED = frozenset({"DOCKER_HOST", "PYTEST_CURRENT_TEST", "SOURCE_DATE_EPOCH", "TMPDIR", "XDG_CACHE_HOME"})
"""Environment variables that may differ between a child and its parent. Python or an import may have used any other one."""

LAZY = ("jinja2", "pathspec", "typer._adapters")
"""What slimmer and typer import only when they use it."""

Environment = tuple[tuple[str, str], ...]


def fixed(environment: Mapping[str, str]) -> Environment:
    """The part of an environment that must be there when Python starts."""
    return tuple(sorted((name, value) for name, value in environment.items() if name not in READ_WHEN_USED))


class Starter:
    """The process that forks, as the tests see it."""

    def __init__(self) -> None:
        self.environment = fixed(os.environ)
        self._control, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-m", "tests.engine.starter", str(theirs.fileno())]
            descriptors = (theirs.fileno(),)
            self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, pass_fds=descriptors)
        atexit.register(self.close)

    def close(self) -> None:
        """End the process."""
        self._control.close()
        self._process.wait()

    def begin(self, words: Sequence[str], cwd: Path | None = None) -> Program:
        """Start `slimmer WORDS…` with pipes for stdout and stderr."""
        ours, theirs = socket.socketpair()
        (out, their_out), (err, their_err) = os.pipe(), os.pipe()
        try:
            socket.send_fds(self._control, [b"\n"], [theirs.fileno(), their_out, their_err])
        finally:
            theirs.close()
            os.close(their_out)
            os.close(their_err)
        request = {"words": words, "environment": dict(os.environ), "cwd": str(cwd or Path.cwd())}
        ours.sendall(json.dumps(request).encode())
        ours.shutdown(socket.SHUT_WR)
        return Program(words, ours, os.fdopen(out, encoding="utf-8"), os.fdopen(err, encoding="utf-8"))

    def run(self, words: Sequence[str], cwd: Path | None, timeout: float) -> subprocess.CompletedProcess[str]:
        """Run `slimmer WORDS…` to its end. Raises subprocess.TimeoutExpired, as subprocess.run does."""
        with self.begin(words, cwd) as program, ThreadPoolExecutor(2) as pool:
            heard = [pool.submit(stream.read) for stream in (program.stdout, program.stderr)]
            try:
                code = program.wait(timeout)
            except subprocess.TimeoutExpired:
                program.kill()
                raise
            return subprocess.CompletedProcess(["slimmer", *words], code, *(text.result() for text in heard))


class Program:
    """A child that runs `slimmer`, with the words of subprocess.Popen."""

    def __init__(self, words: Sequence[str], reply: socket.socket, stdout: TextIO, stderr: TextIO) -> None:
        self.stdout, self.stderr = stdout, stderr
        self.returncode: int | None = None
        self._words, self._reply, self._heard = words, reply, b""
        self.pid = self._number(None)

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_: object) -> None:
        self.wait(None)
        self.stdout.close()
        self.stderr.close()

    def poll(self) -> int | None:
        """The exit code, or None if it runs."""
        try:
            return self.wait(0.0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout: float | None) -> int:
        """The exit code, once it has ended. Raises subprocess.TimeoutExpired."""
        if self.returncode is None:
            self.returncode = self._number(timeout)
            self._reply.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, if it runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def _number(self, timeout: float | None) -> int:
        """The next number that the process that forks says."""
        self._reply.settimeout(timeout)
        while b"\n" not in self._heard:
            try:
                data = self._reply.recv(64)
            except (TimeoutError, BlockingIOError) as error:
                raise subprocess.TimeoutExpired(["slimmer", *self._words], timeout or 0.0) from error
            if not data:
                raise RuntimeError("the process that starts slimmer has ended")
            self._heard += data
        number, _, self._heard = self._heard.partition(b"\n")
        return int(number)


@cache
def starter() -> Starter:
    """This worker's process, started when it is first needed."""
    return Starter()


# ---------------------------------------------------------------------- in the process


def serve(control: socket.socket) -> None:
    """Fork for each request until the tests end. Returns in children, with their words in sys.argv."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C concerns the children
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the children that answer are not waited for
    while True:
        data, descriptors, _, _ = socket.recv_fds(control, 1, 3)
        if not data:
            os._exit(0)
        if os.fork() == 0:
            control.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            with socket.socket(fileno=descriptors[0]) as reply:
                start(reply, *descriptors[1:])
            return
        for descriptor in descriptors:
            os.close(descriptor)


def start(reply: socket.socket, out: int, err: int) -> None:
    """Fork once more. The parent tells the child's process ID and exit code, and ends; the child gets ready and returns."""
    with reply.makefile("rb") as request_file:
        request = json.loads(request_file.read())
    child = os.fork()
    if child:
        os.close(out)
        os.close(err)
        reply.sendall(b"%d\n" % child)
        reply.sendall(b"%d\n" % os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        os._exit(0)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["cwd"])
    for descriptor, number in ((out, 1), (err, 2)):
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.argv = ["slimmer", *request["words"]]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # `nohup make test` is not about the programs that the tests start


def main() -> NoReturn:
    """Import everything, then serve, then be slimmer."""
    for module in pkgutil.walk_packages(slimmer.__path__, "slimmer."):
        import_module(module.name)
    for name in LAZY:
        import_module(name)
    gc.collect()
    gc.freeze()  # a child that collects garbage would copy all of that memory
    serve(socket.socket(fileno=int(sys.argv[1])))
    run()


if __name__ == "__main__":
    main()
