"""The clock of an exercise: it waits, and notices at once when the app exits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from slimmer.errors import AppFailed
from slimmer.exercise.mode import Mode
from slimmer.exercise.plan import ExercisePlan, Until
from slimmer.exercise.result import Answer
from slimmer.exercise.subject import Subject

POLL = 0.05
"""The longest time between two looks, in seconds. The subject returns earlier if something happens."""

BODIES_LIMIT = 16 << 20
"""Bytes of bodies that one exercise keeps in all."""

QUIET_SHARE = 0.2
"""An app that has done nothing new for this share of its time so far has started. Anything that it does at longer intervals is its work."""

LEAST_QUIET = 0.25
"""The shortest, in seconds: an app that has just begun may open its second port a moment after the first one."""

LONGEST_QUIET = 5.0
"""The longest that an app must have done nothing new, in seconds."""

MUST_RUN = "The app must keep running while it is exercised. If it is meant to exit: --until exit."

Say = Callable[[str], None]


class ExerciseContext:
    """What all parts of an exercise share: the subject, the plan, the mode, and the time since the exercise began.

    `environment`: the variables that the app has. Their values may be secrets.
    """

    def __init__(self, subject: Subject, mode: Mode, say: Say, environment: Mapping[str, str] | None = None) -> None:
        self.subject = subject
        self.mode = mode
        self.say = say
        self.environment = environment or {}
        self.started = time.monotonic()
        self._room = BODIES_LIMIT
        self._counting = threading.Lock()

    @property
    def plan(self) -> ExercisePlan:
        """What to ask of the app."""
        return self.mode.plan

    def _has_room_for(self, body: bytes | None) -> bool:
        """Return True, and count the body, if it fits beside the bodies that are kept already."""
        size = len(body or b"")
        with self._counting:
            if size > self._room:
                return False
            self._room -= size
            return True

    def within_room(self, answer: Answer) -> Answer:
        """Return the answer, without its body if that does not fit."""
        return answer if self._has_room_for(answer.body) else replace(answer, body=None)

    @property
    def elapsed(self) -> float:
        """Seconds since the exercise began."""
        return time.monotonic() - self.started

    @property
    def ready_in(self) -> float:
        """Seconds that the app still has to get ready. Never negative."""
        return max(0.0, self.mode.ready_timeout - self.elapsed)

    @property
    def settled(self) -> bool:
        """True if the app has nothing left to start, or if that is unknown."""
        quiet = self.subject.quiet()
        return quiet is None or quiet >= max(LEAST_QUIET, min(LONGEST_QUIET, QUIET_SHARE * self.elapsed))

    @property
    def ended(self) -> bool:
        """True if the app has exited."""
        return self.subject.exit_code() is not None

    def wait_for(self, happened: Callable[[], bool], seconds: float | None = None) -> bool:
        """Wait until `happened` returns True. Return False if the app exits or the time is up first. None: no limit."""
        end = None if seconds is None else time.monotonic() + seconds
        while not happened():
            left = POLL if end is None else end - time.monotonic()
            if left <= 0 or self.ended:
                return False
            self.subject.wait(min(left, POLL))
        return True

    def pause(self, seconds: float) -> None:
        """Wait this long, or until the app exits."""
        self.wait_for(lambda: False, seconds)

    def check_running(self, doing: str, hint: str = MUST_RUN) -> None:
        """Raise AppFailed if the app has exited, unless the plan waits for that. `doing` ends the message's first sentence."""
        code = self.subject.exit_code()
        if code is not None and self.plan.until is not Until.EXIT:
            raise AppFailed(
                f"the app exited with code {code} {doing}{last_words(self.subject)}",
                hint=hint,
            )


def last_words(subject: Subject) -> str:
    """Return the app's last lines, to append to a message."""
    lines = subject.last_log_lines().rstrip()
    return f"; its last lines:\n{lines}" if lines.strip() else "; it wrote nothing"
