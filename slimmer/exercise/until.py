"""What ends the observation besides the probes: a signal, the Enter key, an exit, or a number of seconds."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from types import FrameType, TracebackType
from typing import Any

from slimmer.errors import UsageError
from slimmer.exercise.plan import Until
from slimmer.exercise.watch import Watch


def check_possible(until: Until) -> None:
    """Raises UsageError for an end that cannot come: Enter without a terminal, a signal that this thread cannot get."""
    if until is Until.ENTER and not _is_terminal():
        raise UsageError(
            "--until enter: the standard input is no terminal, so nobody can press Enter",
            hint="Use --until signal and `kill -USR1` slimmer's process, or --until SECONDS.",
        )
    if until is Until.SIGNAL and not hasattr(signal, "SIGUSR1"):
        raise UsageError("--until signal: this system has no SIGUSR1", hint="Use --until enter.")
    if until is Until.SIGNAL and threading.current_thread() is not threading.main_thread():
        raise UsageError("--until signal: works in the main thread alone", hint="Use --until SECONDS.")


class End:
    """Knows whether the user has seen enough. A context manager: SIGUSR1 is listened to while it is open."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._until = Until.PROBES if watch.replay and watch.plan.until is not Until.EXIT else watch.plan.until
        self._came = False
        self._before: Any = None

    def __enter__(self) -> End:
        check_possible(self._until)
        if self._until is Until.SIGNAL:
            self._before = signal.signal(signal.SIGUSR1, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._until is Until.SIGNAL:
            signal.signal(signal.SIGUSR1, self._before or signal.SIG_DFL)

    def over(self) -> bool:
        """Whether the end has come; never true where an app's exit or the last probe is the end."""
        if self._until is Until.ENTER and not self._came:
            self._came = _enter_was_pressed()
        if self._until is Until.SECONDS:
            return self._watch.elapsed >= self._watch.plan.seconds
        return self._came

    def wait(self) -> None:
        """Wait for the end. Raises AppFailed if a server exits before; a worker may."""
        if self._until is Until.PROBES:
            return
        self._watch.say(_waiting_for(self._until, self._watch))
        self._watch.wait_for(self.over, self._watch.plan.exit_timeout if self._until is Until.EXIT else None)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._came = True


def _is_terminal() -> bool:
    try:
        return sys.stdin is not None and sys.stdin.isatty()
    except ValueError:  # closed
        return False


def _enter_was_pressed() -> bool:
    """Whether a line, or the end of the input (Ctrl-D), lies ready on the terminal; it is taken."""
    descriptor = sys.stdin.fileno()
    if not select.select([descriptor], [], [], 0)[0]:
        return False
    os.read(descriptor, 4096)
    return True


def _waiting_for(until: Until, watch: Watch) -> str:
    if until is Until.SIGNAL:
        return f"exercise the app now; then `kill -USR1 {os.getpid()}`"
    if until is Until.ENTER:
        return "exercise the app now; then press Enter"
    if until is Until.EXIT:
        return "waiting for the app to exit"
    return f"watching for {max(0.0, watch.plan.seconds - watch.elapsed):.0f} s more"
