"""The watcher: a small program that outlives slimmer, and removes what a slimmer that was killed has left.

slimmer starts it before it makes anything (slimmer.engine.lifeline) and tells it what it makes, a JSON object a line, through
the pipe that is its standard input. When the pipe closes, or slimmer's process is gone, without the word that all is over, it
does the work of slimmer.engine.aftermath. Nothing is imported before that, so that its start costs a few milliseconds.
"""

from __future__ import annotations

import os
import select
import sys

OVER = b'{"over": true}\n'
"""The last line of a run that has removed everything itself."""

PIECE = 1 << 16


def main() -> None:
    """Wait for the end of the process whose number is the only argument; then do what is left to do."""
    said = heard(int(sys.argv[1]))
    if not said or said.endswith(OVER):
        os._exit(0)  # at once: slimmer waits for it
    import json

    told = [json.loads(line) for line in said.splitlines()]
    sys.path[:] = told[0]["path"]
    from slimmer.engine.aftermath import clean_up, dead_run

    clean_up(dead_run(told))


def heard(parent: int) -> bytes:
    """All whole lines that slimmer said until its end.

    The pipe alone does not tell: a process that slimmer forked may hold it open for longer.
    """
    end = _pidfd(parent)
    if os.getppid() != parent:  # it has ended, and the number may be another's
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
    """A descriptor that can be read when the process has ended (pidfd_open(2)); -1 where there is no such thing."""
    try:
        return os.pidfd_open(process)
    except (AttributeError, OSError):  # no Linux, an old kernel, or no such process
        return -1


def _rest() -> bytes:
    """What is still in the pipe."""
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
