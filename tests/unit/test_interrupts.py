"""Work that is to come to its end meets a user who has no patience."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from slimmer.interrupts import INTERRUPTS, finish

PATIENCE = 5.0


class Work:
    """Presses Ctrl-C so many times, each once the one before has come through, and then ends."""

    def __init__(self, presses: int) -> None:
        self.presses = presses
        self.cancelled = threading.Semaphore(0)
        self.ended = False

    def __call__(self) -> str:
        for _ in range(self.presses):
            os.kill(os.getpid(), signal.SIGINT)
            self.cancelled.acquire(timeout=PATIENCE)
        self.ended = True
        return "done"


def test_work_without_an_interrupt_gives_its_result() -> None:
    assert finish(Work(0)) == "done"


@pytest.mark.parametrize("presses", [1, 2, 5])
def test_interrupts_are_raised_when_the_work_has_ended(presses: int) -> None:
    work = Work(presses)
    with pytest.raises(KeyboardInterrupt):
        finish(work, work.cancelled.release)
    assert work.ended


def test_a_user_who_does_not_give_up_is_let_go() -> None:
    stuck = threading.Event()
    pressed: list[None] = []

    def press() -> None:
        pressed.append(None)
        os.kill(os.getpid(), signal.SIGINT)

    def work() -> bool:
        press()
        return stuck.wait(PATIENCE * 2)

    with pytest.raises(KeyboardInterrupt):
        finish(work, press)
    assert not stuck.is_set()
    assert len(pressed) == INTERRUPTS + 1
    stuck.set()
