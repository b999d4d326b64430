"""A browser, as slimmer sees it: it opens a page, asks for what the page asks for, and says what the page is made of.

The worker process and everything below it go with `close`, and by themselves if slimmer is killed.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import psutil

from slimmer.exercise.browser.messages import SIZES, Garbled, packed, read_head, sizes
from slimmer.interrupts import finish

STARTING = 90.0
"""Seconds for the worker and its browser to start, on a busy machine."""

GRACE = 15.0
"""Seconds that the worker may take for a page beyond the page's own time."""

LEAVING = 4.0
"""Seconds for the worker to end, after which it is killed."""

KILLING = 2.0
"""Seconds to wait until what was killed is gone."""

PIECE = 1 << 16

_MAIN = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from slimmer.exercise.browser.worker import main; main(json.loads(sys.argv[2]))"
_PASSED = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "FONTCONFIG_FILE", "FONTCONFIG_PATH")
"""The variables that the browser gets. Others may hold secrets."""


class BrowserFailed(Exception):
    """The browser did not start, or its worker ended."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request of a page. `kind` is Chromium's word for it: document, script, fetch.

    `main`: it is for a whole page, `first`: for the page that was to be opened.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    kind: str
    main: bool = False
    first: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """The answer that a page gets."""

    status: int
    headers: Sequence[tuple[str, str]] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Opened:
    """What became of a page: its URL and elements when it had come to rest.

    `trouble`: "" or why there is less: "restless" (it never came to rest), "hung", "crashed" or "memory". `told` counts what was refused: dialog,
    download, popup, stream, unasked (requests beyond the bounds).
    """

    url: str
    html: bytes = field(repr=False)
    trouble: str = ""
    told: Mapping[str, int] = field(default_factory=dict)


Serve = Callable[[Asked], Shown | None]
"""Answers a request of a page. None refuses it."""


class Browser:
    """A Chromium of its own. It is started by the first page, and again after a page that broke it. A context manager that ends it.

    `program`: the path of Chromium. `ports`: those of the app. `mark`: the name of the app's container, by which the run's watcher
    (slimmer.engine.aftermath) knows the processes and the folder. `apart`: give it no network where the system allows that.
    """

    def __init__(self, program: str, ports: Sequence[int], mark: str = "slimmer", *, apart: bool = True) -> None:
        self._program, self._ports, self._mark, self._apart = program, tuple(ports), mark, apart
        self._worker: subprocess.Popen[bytes] | None = None
        self._folder: Path | None = None
        self.confined: Mapping[str, Any] = {}
        """Whether it is `apart` from the network, and `sandboxed`. Known once it has started."""
        self.starts = 0

    def __enter__(self) -> Browser:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        finish(self.close)

    def open(self, url: str, seconds: float, serve: Serve) -> Opened:
        """Open a page, and wait until it has come to rest, at most this long. Raise BrowserFailed, and what `serve` raises."""
        if self._worker is None or self._worker.poll() is not None:
            self.close()
            self._start()
        self._send(packed({"visit": url, "seconds": seconds}), GRACE)
        end = time.monotonic() + seconds + GRACE
        while True:
            head, body = self._receive(end)
            if "ask" in head:
                begun = time.monotonic()
                self._answer(head["ask"], serve(_asked(head, body)))
                end += time.monotonic() - begun  # the app's time is not the browser's
            elif "visited" in head:
                opened = Opened(str(head["url"]), body, str(head["trouble"]), dict(head["told"]))
                if opened.trouble not in ("", "restless"):
                    self.close()
                return opened
            else:
                raise BrowserFailed(str(head.get("failed", "its worker says what nobody expects"))[:500])

    def close(self) -> None:
        """End the worker, the browser and all that they started, and remove their folder."""
        worker, self._worker = self._worker, None
        if worker is not None:
            assert worker.stdin is not None and worker.stdout is not None
            with suppress(OSError):
                worker.stdin.close()
            try:
                code = worker.wait(LEAVING)
            except subprocess.TimeoutExpired:
                code = -1
            worker.stdout.close()
            if code:
                _kill_all(worker, self._folder)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    # ------------------------------------------------------------------ the worker

    def _start(self) -> None:
        """Start the worker, and wait until its browser is ready."""
        self.starts += 1
        finish(self._run)
        head, _ = self._receive(time.monotonic() + STARTING)
        if "ready" not in head:
            raise BrowserFailed(str(head.get("failed", "no answer"))[:500])
        self.confined = head

    def _run(self) -> None:
        self._folder = _folder(self._mark)
        path = json.dumps([os.path.abspath(entry) for entry in sys.path])  # noqa: PTH100 (entries need not exist)
        settings = {"folder": str(self._folder), "apart": self._apart, "program": self._program, "ports": self._ports}
        own = {"HOME": str(self._folder / "home"), "TMPDIR": str(self._folder), "SLIMMER_CONTAINER": self._mark}
        try:
            self._worker = subprocess.Popen(
                [sys.executable, "-X", "utf8", "-c", _MAIN, path, json.dumps(settings)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                cwd="/",
                env={name: os.environ[name] for name in _PASSED if name in os.environ} | own,
                start_new_session=True,  # only slimmer gets Ctrl-C, and it ends the worker
            )
        except OSError as error:
            raise BrowserFailed(f"its worker does not start: {error}") from error
        for stream in (self._worker.stdin, self._worker.stdout):
            assert stream is not None
            os.set_blocking(stream.fileno(), False)

    def _answer(self, number: int, shown: Shown | None) -> None:
        if shown is None:
            self._send(packed({"refuse": number}), GRACE)
        else:
            self._send(
                packed({"answer": number, "status": shown.status, "headers": [*shown.headers]}, shown.body), GRACE
            )

    def _send(self, data: bytes, seconds: float) -> None:
        end, rest, stream = time.monotonic() + seconds, memoryview(data), self._stream("stdin")
        while rest:
            _await([], [stream], end)
            try:
                rest = rest[os.write(stream.fileno(), rest[:PIECE]) :]
            except BlockingIOError:
                continue
            except OSError as error:
                raise BrowserFailed("its worker ended") from error

    def _receive(self, end: float) -> tuple[dict[str, Any], bytes]:
        """Return the next message. Raise BrowserFailed if none comes in time."""
        try:
            head, body = sizes(self._read(SIZES.size, end))
            return read_head(self._read(head, end)), self._read(body, end)
        except Garbled as error:
            raise BrowserFailed(str(error)) from error

    def _read(self, size: int, end: float) -> bytes:
        stream, data = self._stream("stdout"), bytearray()
        while len(data) < size:
            _await([stream], [], end)
            try:
                piece = os.read(stream.fileno(), min(PIECE, size - len(data)))
            except BlockingIOError:
                continue
            if not piece:
                raise BrowserFailed("its worker ended")
            data += piece
        return bytes(data)

    def _stream(self, name: str) -> IO[bytes]:
        stream: IO[bytes] | None = getattr(self._worker, name)
        assert stream is not None
        return stream


def _asked(head: Mapping[str, Any], body: bytes) -> Asked:
    return Asked(
        str(head["method"]),
        str(head["url"]),
        dict(head["headers"]),
        body,
        str(head["kind"]),
        head["main"],
        head["first"],
    )


def _await(readable: Sequence[IO[bytes]], writable: Sequence[IO[bytes]], end: float) -> None:
    left = end - time.monotonic()
    if left <= 0 or not any(select.select(readable, writable, [], left)):
        raise BrowserFailed("it does not answer")


def _folder(mark: str) -> Path:
    """Make the folder for the browser's home. Another user (slimmer.exercise.browser.launch) can go through it, and read only the home."""
    places = [place for place in (Path(tempfile.gettempdir()), Path("/tmp")) if os.getuid() != 0 or _is_open(place)]
    folder = Path(tempfile.mkdtemp(prefix=f"{mark}-browser-", dir=places[0] if places else None))
    folder.chmod(0o711)
    (folder / "home").mkdir(mode=0o700)
    return folder


def _is_open(place: Path) -> bool:
    """Return True if every user can go to this folder."""
    return all(one.stat().st_mode & 0o001 for one in (place, *place.resolve().parents))


def _kill_all(worker: subprocess.Popen[bytes], folder: Path | None) -> None:
    """Kill a worker that does not end by itself, and all that it started: what is below it, and what has its folder as its home."""
    found = []
    with suppress(psutil.Error):
        found = psutil.Process(worker.pid).children(recursive=True)
    worker.kill()
    worker.wait()
    found += [process for process in psutil.process_iter() if folder is not None and _lives_in(process, folder)]
    for process in found:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(found, KILLING)


def _lives_in(process: psutil.Process, folder: Path) -> bool:
    with suppress(psutil.Error, OSError):
        return process.environ().get("HOME") == str(folder / "home")
    return False
