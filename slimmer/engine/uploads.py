"""Long uploads to the engine: streamed from a function that writes, interrupted only where nothing is left behind."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from os import fdopen, pipe
from types import TracebackType
from typing import IO, TypeVar

PIECE = 1 << 20
Result = TypeVar("Result")


class Upload:
    """What a function writes, as an iterator of pieces, through a pipe. The function's error is raised in the end."""

    def __init__(self, write: Callable[[IO[bytes]], None]) -> None:
        self._write = write
        self._error: BaseException | None = None
        self._cancelled = False

    def __enter__(self) -> Iterator[bytes]:
        source, target = pipe()
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
        """Do `work`, which uploads this, in a thread.

        A Ctrl-C breaks the upload off; once the engine has everything, the work goes on to its end before the interrupt
        is raised, because an engine that loses its client half-way leaves what it was about to make.
        """
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(work)
            try:
                return running.result()
            except KeyboardInterrupt:
                self._cancelled = True
                running.exception()
                raise

    def _pieces(self) -> Iterator[bytes]:
        """What was written; a writer that fails breaks the upload off, lest the engine take a half for the whole."""
        while (piece := self._source.read(PIECE)) and not self._cancelled:
            yield piece
        if self._cancelled:
            raise OSError("interrupted")
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _run(self, target: IO[bytes]) -> None:
        try:
            with target:
                self._write(target)
        except BaseException as error:
            self._error = error
