"""slimmer's end of the pipe to its watcher (slimmer.engine.watcher). The watcher removes what a killed run leaves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from slimmer.engine import watcher
from slimmer.errors import EngineError
from slimmer.interrupts import without_interrupts

HERE = Path(watcher.__file__).parents[2]
"""The folder that this package is in, however Python found it."""

END_TIMEOUT = 1.0
"""Seconds to wait until a watcher that is no longer needed exits."""

INIT = 1
"""The process ID of the first process of a container. All others end with it."""

REST_TIMEOUT = 60.0
"""Seconds that the watcher may take if it cannot outlive this process."""


class Lifeline:
    """The watcher of one run. Several threads may send to it.

    It has its own session and blocks signals, so that it survives what ends slimmer: Ctrl-C, a closed terminal, a signal to
    slimmer's process group. It shares no file descriptor with slimmer except the pipe.
    """

    def __init__(self, run: str, settings: Mapping[str, Any]) -> None:
        """Start it. `settings` say how to reach the engine (slimmer.engine.connection.Engine). Raise EngineError if that fails."""
        reading, writing = os.pipe()
        self._pipe = os.fdopen(writing, "wb", buffering=0)
        os.set_blocking(writing, False)  # a stopped watcher must not block slimmer
        self._lock = threading.Lock()
        command = [sys.executable, "-I", "-S", watcher.__file__, str(os.getpid())]
        try:
            with without_interrupts():  # which the new process inherits
                self._process = subprocess.Popen(
                    command,
                    stdin=reading,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
        except OSError as error:
            self._pipe.close()
            raise EngineError(f"cannot start the process that cleans up after the run: {error}", hint="") from error
        finally:
            os.close(reading)
        self._tell(path=[*sys.path, str(HERE)], settings=settings, run=run)

    @contextmanager
    def making(self) -> Iterator[None]:
        """Tell the watcher that the engine is making something. The engine would go on if slimmer were killed, so the watcher must look again."""
        self._tell(making=1)
        try:
            yield
        finally:
            self._tell(making=-1)

    def folder(self, path: Path, made: Iterable[Path], mark: str) -> None:
        """Tell the watcher about an output folder (slimmer.output_folder.Tell). `mark` is its temporary folder; `made` were made for it."""
        self._tell(folder=str(path.absolute()), made=[str(one.absolute()) for one in made], mark=mark)

    def image(self, identifier: str) -> None:
        """Tell the watcher about the nameless image of a build step."""
        self._tell(image=identifier)

    def end(self) -> None:
        """End the watcher, after everything was removed."""
        with self._lock, suppress(OSError, ValueError):
            self._pipe.write(watcher.OVER)
        self._pipe.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(END_TIMEOUT)
            return
        self._process.kill()
        self._process.wait()

    def abandon(self) -> None:
        """Leave the rest to the watcher, which may outlive this process. If this process is a container's first, wait for it."""
        self._pipe.close()
        if os.getpid() == INIT:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(REST_TIMEOUT)
        self._process.returncode = 0  # otherwise Python warns at exit that nobody waited for it

    def _tell(self, **words: Any) -> None:
        with self._lock, suppress(OSError, ValueError):  # it was killed; or the run is over
            self._pipe.write(json.dumps(words).encode("ascii") + b"\n")
