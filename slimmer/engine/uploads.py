"""Long uploads to the engine. They are streamed from a function that writes, and interrupted only when nothing is left behind."""

from __future__ import annotations

import fcntl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from os import fdopen, pipe
from types import TracebackType
from typing import IO, TypeVar

from slimmer.interrupts import finish

PIECE = 1 << 20
HELD = 1 << 16
"""The number of bytes to hold back: more than the end mark and the padding of a tar archive (10 kB)."""

Result = TypeVar("Result")


class Upload:
    """An iterator over the pieces that a function writes, through a pipe. An error of the function is raised at the end."""

    def __init__(self, write: Callable[[IO[bytes]], None]) -> None:
        self._write = write
        self._error: BaseException | None = None
        self._cancelled = False

    def __enter__(self) -> Iterator[bytes]:
        source, target = pipe()
        with suppress(OSError, AttributeError):  # no Linux, or more than the user may have in pipes
            fcntl.fcntl(target, fcntl.F_SETPIPE_SZ, PIECE)
        self._source = fdopen(source, "rb", buffering=0)
        self._thread = threading.Thread(target=self._run, args=(fdopen(target, "wb", buffering=PIECE),), daemon=True)
        self._thread.start()
        return self._pieces()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._source.close()
        self._thread.join()
        if self._error is not None and not isinstance(self._error, BrokenPipeError):
            raise self._error

    def run(self, work: Callable[[], Result]) -> Result:
        """Do `work`, which uploads this, and return its result.

        Ctrl-C cancels the upload. Once the engine has everything, the work finishes before the interrupt is raised, because an
        engine that loses its client half-way leaves what it was making.
        """
        return finish(work, self._cancel)

    def _cancel(self) -> None:
        self._cancelled = True

    def _pieces(self) -> Iterator[bytes]:
        """Yield what was written. If the writer fails or is interrupted, stop before the engine has all of it.

        The last bytes are held back until the writer has succeeded. Once an engine has seen the end of an archive, it does not wait
        for the end of the upload.
        """
        held = b""
        while piece := self._source.read(PIECE):
            self._check()
            if len(piece) < HELD:
                held, piece = b"", held + piece
            if held:
                yield held
            if len(piece) > HELD:
                yield piece[:-HELD]
            held = piece[-HELD:]
        self._thread.join()
        self._check()
        yield held

    def _check(self) -> None:
        if self._error is not None:
            raise self._error
        if self._cancelled:
            raise OSError("interrupted")

    def _run(self, target: IO[bytes]) -> None:
        try:
            with target:
                self._write(target)
        except BaseException as error:
            self._error = error
