"""The watcher: a small program that outlives slimmer, and removes what a killed slimmer left.

slimmer starts it before it makes anything (slimmer.engine.lifeline). It tells the watcher what it makes through a pipe to the
watcher's standard input, one JSON object per line. If the pipe closes or slimmer's process ends without the last line, OVER, the
watcher does the work of slimmer.engine.aftermath. It imports nothing before that, so that it starts within a few milliseconds.
"""

from __future__ import annotations

import os
import select
import sys

OVER = b'{"over": true}\n'
"""The last line of a run that has removed everything itself."""

PIECE = 1 << 16


def main() -> None:
    """Wait for the end of the process whose ID is the only argument. Then clean up, if necessary."""
    said = heard(int(sys.argv[1]))
    if not said or said.endswith(OVER):
        os._exit(0)  # at once: slimmer waits for it
    import json

    told = [json.loads(line) for line in said.splitlines()]
    sys.path[:] = told[0]["path"]
    from slimmer.engine.aftermath import clean_up, dead_run

    clean_up(dead_run(told))


def heard(parent: int) -> bytes:
    """Return all complete lines that slimmer sent until its end.

    Waiting for the end of the pipe is not enough, because a process that slimmer forked may keep it open.
    """
    end = _pidfd(parent)
    if os.getppid() != parent:  # it has ended, and another process may have its ID
        return _whole(_rest())
    poll = select.poll()
    for descriptor in (0, end):
        if descriptor >= 0:
            poll.register(descriptor, select.POLLIN)
    said = b""
    while end not in (ready := [descriptor for descriptor, _ in poll.poll()]):
        piece = os.read(0, PIECE) if 0 in ready else b""
        if not piece:
            return _whole(said)
        said += piece
    return _whole(said + _rest())


def _pidfd(process: int) -> int:
    """Return a file descriptor that becomes readable when the process ends (pidfd_open(2)), or -1 if that is not supported."""
    try:
        return os.pidfd_open(process)
    except (AttributeError, OSError):  # no Linux, an old kernel, or no such process
        return -1


def _rest() -> bytes:
    """Return what is still in the pipe."""
    os.set_blocking(0, False)
    said = b""
    try:
        while piece := os.read(0, PIECE):
            said += piece
    except BlockingIOError:
        pass
    return said


def _whole(said: bytes) -> bytes:
    return said[: said.rfind(b"\n") + 1]


if __name__ == "__main__":
    main()
