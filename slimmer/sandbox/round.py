"""One round: several children share a batch of jobs, and each job is answered or given up.

A child works on its jobs in order. So if it dies, the first job without an answer killed it. That job is given up, and another child
gets the others. If something else may have killed the child (the kernel for lack of memory, or the user), the first job gets a second
try.
"""

from __future__ import annotations

import selectors
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress

from slimmer.errors import SandboxFailed
from slimmer.sandbox.child import Child
from slimmer.sandbox.frames import Kind
from slimmer.sandbox.pool import Pool

PATIENCE = 120.0
"""Seconds within which a child must take or answer something. This catches a child that hangs without using CPU time."""

_LOOK = 0.25
"""Seconds between two checks of the time limits."""

NO_READER_HINT = (
    "The process that reads the image's files finds modules only in the folders of sys.path. Install the package with "
    "this reader into one of them, and not in editable mode."
)

Work = tuple[bytes, bytes]
"""A job's head (slimmer.sandbox.frames) and content."""

Answer = tuple[Kind, bytes]
"""FACTS with JSON, or FAILED with a reason."""


class Round:
    """Runs jobs. `left` is the CPU time in seconds that they may use together; `used` is the time that they used."""

    def __init__(
        self, pool: Pool, works: Sequence[Work], children: int, left: float, patience: float = PATIENCE
    ) -> None:
        self._pool = pool
        self._works, self._left, self._patience = works, left, patience
        self._waiting = deque(range(len(works)))
        self._answers: list[Answer | None] = [None] * len(works)
        self._crew = self._pool.lend(children)
        self._before = {child: child.seconds() for child in self._crew}
        self._again: set[int] = set()
        self._dead_used = 0.0
        self.used = 0.0

    def run(self) -> list[Answer | None]:
        """Return the answers in the order of the jobs, with None for jobs that were not run because the time was used up.

        If this ends early (by an interrupt), the children that are at work are killed. Raises SandboxFailed.
        """
        try:
            looked = time.monotonic()
            while self._is_going():
                self._share_out()
                self._exchange()
                if time.monotonic() - looked >= _LOOK:
                    looked = time.monotonic()
                    self._look_at_clocks(looked)
                    if self.used > self._left:
                        break
            return self._answers
        finally:
            self._count()
            self._disband()

    def _is_going(self) -> bool:
        return bool(self._waiting) or any(child.unanswered for child in self._crew)

    def _share_out(self) -> None:
        for child in self._crew:
            while self._waiting and child.has_room:
                number = self._waiting.popleft()
                child.give(number, *self._works[number])

    def _exchange(self) -> None:
        """Wait until a child can take or has sent something, and let it."""
        with selectors.DefaultSelector() as selector:
            for child in self._crew:
                selector.register(child.output, selectors.EVENT_READ, child)
                if child.is_sending:
                    selector.register(child.input, selectors.EVENT_WRITE, child)
            events = selector.select(_LOOK)
        for key, mask in events:
            if key.data in self._crew:
                self._serve(key.data, self._hear if mask & selectors.EVENT_READ else Child.send)

    def _serve(self, child: Child, act: Callable[[Child], None]) -> None:
        try:
            act(child)
        except (BrokenPipeError, EOFError):
            with suppress(BrokenPipeError, EOFError):
                self._hear(child)  # what it had answered before
            self._bury(child)

    def _hear(self, child: Child) -> None:
        for number, kind, text in child.receive():
            if kind is Kind.NO_READER:
                raise SandboxFailed(text.decode(errors="replace"), hint=NO_READER_HINT)
            self._answers[number] = (kind, text)

    def _bury(self, child: Child, reason: str = "") -> None:
        """Give up the job that a child died of, and let another child do the rest."""
        death = child.end()
        if not child.is_ready and child.unanswered and not reason:
            raise SandboxFailed(f"the process that reads the image's files does not start ({death})")
        if child.unanswered:
            first = child.unanswered[0]
            if reason or not child.was_ended or first in self._again:
                self._answers[child.unanswered.popleft()] = (Kind.FAILED, (reason or death).encode())
            self._again.add(first)
            self._waiting.extendleft(reversed(child.unanswered))
        self._dead_used += max(0.0, child.used - self._before.pop(child))
        self._crew.remove(child)
        if self._waiting and not self._crew:
            fresh = self._pool.fresh()
            self._before[fresh] = 0.0
            self._crew.append(fresh)

    def _look_at_clocks(self, now: float) -> None:
        for child in list(self._crew):
            patience = self._patience if child.is_ready else PATIENCE  # its start does not depend on the file
            if child.unanswered and now - child.heard > patience:
                self._bury(child, f"it takes more than {patience:.0f} s")
        self._count()

    def _count(self) -> None:
        self.used = self._dead_used + sum(max(0.0, child.seconds() - self._before[child]) for child in self._crew)

    def _disband(self) -> None:
        """Give back the idle children, and end those that are in the middle of something."""
        self._pool.take_back([child for child in self._crew if not child.unanswered and not child.is_sending])
        for child in self._crew:
            if child.unanswered or child.is_sending:
                child.end()
