"""When an app that was asked to stop counts as one that ignores it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from slimmer.observe.records import ALL_SIGNALS, AppState
from slimmer.runs.shutdown import IDLE_TICKS, ignores, reaches, signal_number

TERM = 1 << 14
BEFORE = AppState(signals=TERM, listening=2, ticks=100, events=50)
DEAF = replace(BEFORE, signals=0)


@pytest.mark.parametrize(
    ("last", "now", "ignored"),
    [
        (DEAF, DEAF, True),
        (DEAF, replace(DEAF, ticks=DEAF.ticks + IDLE_TICKS), True),
        (BEFORE, BEFORE, False),  # it still catches the signal
        (replace(DEAF, listening=1), replace(DEAF, listening=1), False),  # it has closed a socket
        (DEAF, replace(DEAF, events=51), False),  # it opens files
        (DEAF, replace(DEAF, ticks=DEAF.ticks + IDLE_TICKS + 1), False),  # it works
    ],
)
def test_only_an_idle_server_without_a_handler_ignores_its_signal(last: AppState, now: AppState, ignored: bool) -> None:
    assert ignores("SIGTERM", BEFORE, last, now) is ignored


def test_an_app_without_sockets_has_its_time() -> None:
    """It may wait for a job to end."""
    before, now = replace(BEFORE, listening=0), replace(DEAF, listening=0)
    assert not ignores("SIGTERM", before, now, now)


def test_an_app_that_never_caught_the_signal_does_not_lose_it() -> None:
    assert not reaches("TERM", DEAF)
    assert not ignores("SIGTERM", DEAF, DEAF, DEAF)


@pytest.mark.parametrize(
    ("signal", "number"), [("15", 15), ("SIGTERM", 15), ("quit", 3), ("0", None), ("SIGNOTHING", None), ("²", None)]
)
def test_signals_have_names_and_numbers(signal: str, number: int | None) -> None:
    assert signal_number(signal) == number
    assert reaches(signal, AppState(ALL_SIGNALS))
