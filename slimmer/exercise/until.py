"""What ends the observation besides the probes: a signal, the Enter key, an exit, a number of seconds, or a quiet app."""

from __future__ import annotations

import math
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

from slimmer.errors import UsageError
from slimmer.exercise.context import ExerciseContext
from slimmer.exercise.plan import LONGEST_UNTIL_QUIET, Until


def check_possible(until: Until) -> None:
    """Raise UsageError if the end cannot come: Enter without a terminal, or a signal that this thread cannot receive."""
    if until is Until.ENTER and not _is_terminal():
        raise UsageError(
            "--until enter: standard input is not a terminal, so nobody can press Enter",
            hint="Use --until signal and `kill -USR1` slimmer's process, or --until SECONDS.",
        )
    if until is Until.SIGNAL and not hasattr(signal, "SIGUSR1"):
        raise UsageError("--until signal: this system has no SIGUSR1", hint="Use --until enter.")
    if until is Until.SIGNAL and threading.current_thread() is not threading.main_thread():
        raise UsageError("--until signal: works only in the main thread", hint="Use --until SECONDS.")


class End:
    """Knows when the user has seen enough. It is a context manager, and handles signals while it is open."""

    def __init__(self, until: Until, seconds: float = 0.0, quiet: Callable[[], float | None] = lambda: None) -> None:
        """Count `seconds` from now, for Until.SECONDS. For Until.QUIET, the app must be quiet for so long.

        `quiet` returns the seconds since the app last did something new, or None if that is unknown (`Subject.quiet`).
        """
        self.until = until
        self._seconds = seconds
        self._quiet = quiet
        self._started = self._asked = time.monotonic()
        self._latest = math.inf
        self._cut = False
        self._signals = (signal.SIGUSR1,) if until is Until.SIGNAL else ()
        self._came = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> End:
        check_possible(self.until)
        for number in self._signals:
            self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler or signal.SIG_DFL)

    def over(self) -> bool:
        """Return True if the end has come. Never True for Until.EXIT and Until.PROBES."""
        if self.until is Until.ENTER and not self._came:
            self._came = _enter_was_pressed()
        if self.until is Until.QUIET:
            quiet = self._is_quiet()
            self._cut = not quiet and time.monotonic() >= self._latest
            return quiet or self._cut
        return self._came or (self.until is Until.SECONDS and self.seconds_left <= 0)

    @property
    def seconds_left(self) -> float:
        """Seconds until the end, for Until.SECONDS. Never negative."""
        return max(0.0, self._started + self._seconds - time.monotonic())

    def watch(self, *, asked: bool) -> None:
        """Begin to wait for a quiet app. `asked`: it was just asked for something, so its silence before that does not count."""
        now = time.monotonic()
        self._asked = now if asked else self._asked
        self._latest = min(self._latest, now + LONGEST_UNTIL_QUIET)

    def warnings(self) -> tuple[str, ...]:
        """Return a warning if the app was never quiet for so long."""
        what = f"the app still opened new files after {LONGEST_UNTIL_QUIET:g} s, so the watch ended"
        return (f"{what} (--until quiet:{self._seconds:g})",) if self._cut else ()

    @property
    def quiet_words(self) -> str:
        """What to wait for, for Until.QUIET."""
        return f"until the app has opened nothing new for {self._seconds:g} s, at most {LONGEST_UNTIL_QUIET:g} s"

    def _is_quiet(self) -> bool:
        since = time.monotonic() - self._asked
        quiet = self._quiet()
        return (since if quiet is None else min(since, quiet)) >= self._seconds

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._came = True


def end_of(context: ExerciseContext) -> End:
    """Return the end of an exercise."""
    return End(context.mode.until, context.mode.seconds, context.subject.quiet)


def await_end(end: End, context: ExerciseContext) -> None:
    """Wait for the end, or until the app exits."""
    if end.until is Until.PROBES or end.over():
        return
    context.say(_waiting_for(end))
    context.wait_for(end.over, context.mode.exit_timeout if end.until is Until.EXIT else None)


def _is_terminal() -> bool:
    try:
        return sys.stdin is not None and sys.stdin.isatty()
    except ValueError:  # closed
        return False


def _enter_was_pressed() -> bool:
    """Return True, and consume it, if the terminal has a line or the end of input (Ctrl-D) ready."""
    descriptor = sys.stdin.fileno()
    if not select.select([descriptor], [], [], 0)[0]:
        return False
    os.read(descriptor, 4096)
    return True


def _waiting_for(end: End) -> str:
    if end.until is Until.SIGNAL:
        return f"exercise the app now, then run `kill -USR1 {os.getpid()}`"
    if end.until is Until.ENTER:
        return "exercise the app now, then press Enter"
    if end.until is Until.EXIT:
        return "waiting for the app to exit"
    if end.until is Until.QUIET:
        return f"watching {end.quiet_words}"
    return f"watching for {end.seconds_left:.0f} more seconds"
