"""slimmer's end of the pipe to its watcher (slimmer.engine.watcher), which removes what is left of a run that was killed."""

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
"""Where this package lies, however Python found it."""

END_TIMEOUT = 1.0
"""Seconds for a watcher that is not needed to end by itself."""


class Lifeline:
    """One watcher, for one run. Several threads may tell it things.

    It has a session of its own and takes no signal that can be put off, so that what ends slimmer does not end it: Ctrl-C, a
    terminal that closes, a signal to slimmer's whole process group. It holds no descriptor of slimmer's but the pipe.
    """

    def __init__(self, run: str, settings: Mapping[str, Any]) -> None:
        """Start it. `settings` say how to reach the engine (slimmer.engine.connection.Engine). Raises EngineError."""
        reading, writing = os.pipe()
        self._pipe = os.fdopen(writing, "wb", buffering=0)
        os.set_blocking(writing, False)  # a watcher that was stopped must not stop slimmer
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
            raise EngineError(f"no process can be started that looks after the run: {error}", hint="") from error
        finally:
            os.close(reading)
        self._tell(path=[*sys.path, str(HERE)], settings=settings, run=run)

    @contextmanager
    def making(self) -> Iterator[None]:
        """While an engine makes something: it goes on when slimmer is killed, and the watcher has to look again."""
        self._tell(making=1)
        try:
            yield
        finally:
            self._tell(making=-1)

    def folder(self, path: Path, made: Iterable[Path], mark: str) -> None:
        """Tell of an output folder (slimmer.output_folder.Tell): `mark` is temporary in it, and `made` were made for it."""
        self._tell(folder=str(path.absolute()), made=[str(one.absolute()) for one in made], mark=mark)

    def image(self, identifier: str) -> None:
        """Tell of an image without a name that is a step of a build."""
        self._tell(image=identifier)

    def end(self) -> None:
        """All is removed: the watcher ends."""
        with self._lock, suppress(OSError, ValueError):
            self._pipe.write(watcher.OVER)
        self._pipe.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(END_TIMEOUT)
            return
        self._process.kill()
        self._process.wait()

    def abandon(self) -> None:
        """Leave what is left to the watcher, which may outlive this process."""
        self._pipe.close()
        self._process.returncode = 0  # else Python warns, at its end, that nobody has waited for it

    def _tell(self, **words: Any) -> None:
        with self._lock, suppress(OSError, ValueError):  # it was killed; or the run is over
            self._pipe.write(json.dumps(words).encode("ascii") + b"\n")
