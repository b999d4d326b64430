"""Run the command line: `python -m slimmer` is the same as `slimmer`."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import NoReturn

FIRST = 1
"""The process ID of the first process of a container."""


def main() -> None:
    """Run the command line. File names are UTF-8 whatever the locale says, because artifacts are also read on other machines.

    Until the command line is imported and handles interrupts itself, they just end the process. There is nothing to clean up yet, and
    Python would show a traceback.
    """
    if os.getpid() == FIRST:
        _end_by_signals()
    if sys.getfilesystemencoding() != "utf-8":
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from slimmer.cli.main import run

    run()


def _end_by_signals() -> None:
    """Let signals end the first process of a container. The kernel drops those without a handler (pid_namespaces(7))."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end)


def _end(number: int, frame: FrameType | None) -> NoReturn:
    os._exit(128 + number)


if __name__ == "__main__":
    main()
