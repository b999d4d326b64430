"""Who may use the engine: many tests at once, or those of one worker that must be alone with it.

A worker that waits to be alone holds the gate, so that whoever comes later waits for it. It stays alone for as long as its next test
must be alone, too: each change would make all workers wait for the slowest.
"""

from __future__ import annotations

import fcntl
from contextlib import ExitStack
from pathlib import Path


class Turns:
    """One worker's use of the engine. The locks are files in `place`, which all workers share."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._held = ExitStack()
        self._alone = False

    def take(self, *, alone: bool) -> None:
        """Wait until the engine may be used."""
        if self._alone and alone:
            return
        self.give_back()
        self._place.mkdir(exist_ok=True)
        with ExitStack() as held, (self._place / "gate").open("w") as gate:
            engine = held.enter_context((self._place / "engine").open("w"))
            fcntl.flock(gate, fcntl.LOCK_EX)
            fcntl.flock(engine, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
            self._held, self._alone = held.pop_all(), alone

    def give_back(self) -> None:
        """Let others have it."""
        self._held.close()
        self._alone = False
