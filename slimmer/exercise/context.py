"""A subject and the clock: waiting without sleeping, and noticing at once that the app is gone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from slimmer.errors import AppFailed
from slimmer.exercise.plan import Plan, Subject, Until

POLL = 0.05
"""Seconds at most between two looks; the subject itself returns earlier when something happened."""

BODIES_LIMIT = 16 << 20
"""Bytes of bodies that one exercise holds together."""

Say = Callable[[str], None]


class ExerciseContext:
    """What all parts of an exercise share: the subject, the plan, and the time since the exercise began."""

    def __init__(self, subject: Subject, plan: Plan, *, replay: bool, say: Say) -> None:
        self.subject = subject
        self.plan = plan
        self.replay = replay
        self.say = say
        self.started = time.monotonic()
        self._room = BODIES_LIMIT
        self._counting = threading.Lock()

    def has_room_for(self, body: bytes | None) -> bool:
        """Whether a body may be held beside those before it, which is then counted."""
        size = len(body or b"")
        with self._counting:
            if size > self._room:
                return False
            self._room -= size
            return True

    @property
    def elapsed(self) -> float:
        """Seconds since the exercise began."""
        return time.monotonic() - self.started

    @property
    def ready_in(self) -> float:
        """Seconds that are left for the app to get ready; never negative."""
        return max(0.0, self.plan.ready_timeout - self.elapsed)

    @property
    def ended(self) -> bool:
        """Whether the app has exited."""
        return self.subject.exit_code() is not None

    def wait_for(self, happened: Callable[[], bool], seconds: float | None = None) -> bool:
        """Wait until it happened (True), the app exited or the time is over (False). None: no limit."""
        end = None if seconds is None else time.monotonic() + seconds
        while not happened():
            left = POLL if end is None else end - time.monotonic()
            if left <= 0 or self.ended:
                return False
            self.subject.wait(min(left, POLL))
        return True

    def pause(self, seconds: float) -> None:
        """Let time pass, for as long as the app runs."""
        self.wait_for(lambda: False, seconds)

    def check_running(self, doing: str) -> None:
        """Raises AppFailed if the app is gone, though nothing said that it may go."""
        code = self.subject.exit_code()
        if code is not None and self.plan.until is not Until.EXIT:
            raise AppFailed(
                f"the app exited with code {code} {doing}{last_words(self.subject)}",
                hint="It must survive its own exercise. An app that is meant to end: --until exit.",
            )


def last_words(subject: Subject) -> str:
    """What the app wrote last, to end a message with."""
    lines = subject.last_log_lines().rstrip()
    return f"; its last lines:\n{lines}" if lines.strip() else ", without a word"
