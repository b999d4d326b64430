"""Tells an app that ignores its stop signal from one that is shutting down."""

from __future__ import annotations

import signal as signals
import sys

from slimmer.observe.records import AppState

LOOK = 1.0
"""Seconds between two looks at an app that was asked to stop."""

IDLE_TICKS = 2
"""The clock ticks (hundredths of a second) of processor time that an idle app takes between two looks, at most."""


def signal_number(signal: str) -> int | None:
    """Return the number of a signal, given by its Linux name or number, or None if this system does not know the name."""
    if signal.isascii() and signal.isdigit():
        return int(signal) or None
    name = signal.upper() if signal.upper().startswith("SIG") else f"SIG{signal.upper()}"
    known = signals.Signals.__members__.get(name) if sys.platform == "linux" else None
    return None if known is None else int(known)


def reaches(signal: str, state: AppState) -> bool:
    """Return True if PID 1 catches or blocks the signal, or if that is unknown."""
    number = signal_number(signal)
    return number is None or bool(state.signals >> (number - 1) & 1)


def ignores(signal: str, before: AppState, last: AppState, now: AppState) -> bool:
    """Return True if an app goes on as if it had not got the signal: it would do so until it is killed.

    Node.js catches SIGTERM, resets the handler and raises the signal again. PID 1 of a namespace does not get that (pid_namespaces(7)). Servers
    that do shut down may reset their handler, too, so that a second signal ends them at once. But they close their sockets or work. `before`
    is the app's state before the signal, and `last` and `now` are those of the last two looks.
    """
    served = before.listening > 0 and now.listening == before.listening
    idle = now.events == last.events and now.ticks - last.ticks <= IDLE_TICKS
    return reaches(signal, before) and not reaches(signal, now) and served and idle
