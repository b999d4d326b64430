"""The progress of a command, as typed events for a callback. Nothing here prints."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StageStarted:
    """A stage has begun: "start", "observe", "keep", "rebuild", "verify", "write" …"""

    name: str


@dataclass(frozen=True, slots=True)
class StageEnded:
    """A stage has ended after this many seconds. `failed`: an error or an interrupt ended it."""

    name: str
    seconds: float
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """Information that needs no action. The text may quote an image: escape it for a terminal."""

    text: str


@dataclass(frozen=True, slots=True)
class Warned:
    """A warning that may need action. The text may quote an image: escape it for a terminal."""

    text: str


@dataclass(frozen=True, slots=True)
class BytesRead:
    """`done` of about `total` bytes of images were read."""

    done: int
    total: int


Event = StageStarted | StageEnded | Note | Warned | BytesRead
OnEvent = Callable[[Event], object]
"""Called with each event, one at a time, but not always in the caller's thread. An exception from it ends the command."""

Say = Callable[[str], None]


class Progress:
    """Calls `on_event` with the progress of a command, and remembers the stages and warnings for the result.

    A stage's time counts from the end of the one before, the first one's from the making of this object. So the times add up.
    """

    def __init__(self, on_event: OnEvent | None = None) -> None:
        self._on_event = on_event
        self._lock = threading.RLock()
        self._stages: list[tuple[str, float]] = []
        self._warnings: list[str] = []
        self._read = 0
        self._ended = time.monotonic()

    @property
    def stages(self) -> tuple[tuple[str, float], ...]:
        """The name and seconds of each stage that has ended, in order."""
        return tuple(self._stages)

    @property
    def warnings(self) -> tuple[str, ...]:
        """The texts of all warnings so far."""
        return tuple(self._warnings)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Report the beginning and the end of a stage, and remember its time. What happened since the last stage counts, too."""
        failed = True
        try:
            self._tell(StageStarted(name))
            yield
            failed = False
        finally:
            ended = time.monotonic()
            seconds, self._ended = ended - self._ended, ended
            logger.info("stage %s: %.2f s%s", name, seconds, " (failed)" if failed else "")
            self._stages.append((name, seconds))
            self._tell(StageEnded(name, seconds, failed))

    def note(self, text: str) -> None:
        """Report something that the user should know."""
        self._tell(Note(text))

    def warn(self, text: str) -> None:
        """Report something that the user may have to act upon."""
        self._warnings.append(text)
        self._tell(Warned(text))

    def read(self, size: int, total: int) -> None:
        """Report that `size` more bytes of `total` were read."""
        with self._lock:
            self._read += size
            self._tell(BytesRead(self._read, total))

    def _tell(self, event: Event) -> None:
        if self._on_event is not None:
            with self._lock:
                self._on_event(event)
