"""The health of an app that is run as a user would run it, by a container that says what the test wants."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator

import pytest

from slimmer.errors import AppFailed
from slimmer.exit_codes import KILLED
from slimmer.runs import native
from slimmer.runs.native import NativeRun


class Sick:
    """A container whose health is told from a list, of which the last word stays; it `dies` after so many looks."""

    name = "x"

    def __init__(self, *words: str, dies: int = 1 << 30) -> None:
        self._words: Iterator[str] = itertools.chain(words, itertools.repeat(words[-1]))
        self._left = dies

    def health(self) -> str:
        return next(self._words)

    def wait(self, seconds: float) -> int | None:
        self._left -= 1
        return None if self._left > 0 else 3

    def exit_code(self) -> int | None:
        return None

    def kill(self, signal: str) -> None:
        assert signal == "SIGQUIT"

    def exec_run(self, argv: tuple[str, ...], timeout: float, *, user: str) -> tuple[int, str]:
        return 0, ""

    def last_log_lines(self) -> str:
        return ""

    def error_lines(self) -> tuple[str, ...]:
        return ()

    def file_errors(self, places: tuple[str, ...]) -> tuple[str, ...]:
        return ()


def run(container: Sick) -> NativeRun:
    return NativeRun(container, (), lambda port: ("", port), lambda port: False)


def test_an_app_that_used_up_its_retries_while_it_started_gets_healthy() -> None:
    assert run(Sick("starting", "unhealthy", "unhealthy", "healthy")).await_health() == "healthy"


def test_one_that_stays_unhealthy_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "SETTLING", 0.001)
    assert run(Sick("starting", "unhealthy", "unhealthy")).await_health() == "unhealthy"


def test_one_that_never_gets_to_a_verdict_is_starting() -> None:
    assert run(Sick("starting")).await_health(timeout=0.001) == "starting"


def test_an_exit_ends_the_waiting() -> None:
    with pytest.raises(AppFailed, match="exited with code 3"):
        run(Sick("unhealthy", dies=2)).await_health()


def test_how_an_app_ends_that_is_stopped() -> None:
    assert run(Sick("healthy", dies=1)).stop("SIGQUIT", 9.0) == 3
    assert run(Sick("healthy")).stop("SIGQUIT", 0.0) == KILLED


def test_ports_are_tried_side_by_side_and_not_again_once_they_have_accepted() -> None:
    met, tried = threading.Barrier(4), []

    def accepts(port: int) -> bool:
        tried.append(port)
        met.wait(30)  # until three others are being tried
        return port % 2 == 0

    native_run = NativeRun(Sick("healthy"), (1, 2, 3, 4, 5, 6, 7, 8), lambda port: ("", port), accepts)
    assert native_run.listening_ports() == (2, 4, 6, 8)
    assert native_run.listening_ports() == (2, 4, 6, 8)
    assert sorted(tried) == sorted([*range(1, 9), 1, 3, 5, 7])
