"""The child process. It reads jobs from its standard input and answers them one by one, until the input ends."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import BinaryIO

from slimmer.sandbox.facts import dump_facts
from slimmer.sandbox.frames import ANSWER_LIMIT, JOB, Kind, answer
from slimmer.sandbox.limits import confine, start_timer, stop_timer
from slimmer.sandbox.readers import LoadFailure, Read, load_readers


def main(places: Sequence[str]) -> None:
    """Load the readers at these places (slimmer.sandbox.readers), give up all rights, and answer jobs."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())  # it inherits the mask of the thread that started it
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    readers = load_readers(places)
    confine()
    jobs = sys.stdin.buffer
    _write(answer(Kind.READY))
    while _serve(jobs, readers):
        pass


def _serve(jobs: BinaryIO, readers: Mapping[str, Read | LoadFailure]) -> bool:
    """Answer one job. Return False if there are no more."""
    lengths = jobs.read(JOB.size)
    if len(lengths) < JOB.size:
        return False
    head_length, content_length = JOB.unpack(lengths)
    head, content = jobs.read(head_length), jobs.read(content_length)
    if len(content) < content_length:
        return False
    _write(_answer(readers, head, content))
    return True


def _answer(readers: Mapping[str, Read | LoadFailure], head: bytes, content: bytes) -> bytes:
    start_timer()
    try:
        name, *arguments = json.loads(head)
        read = readers[name]
        if isinstance(read, LoadFailure):
            return answer(Kind.NO_READER, read.reason.encode())
        facts = dump_facts(read(content, *arguments))
    except MemoryError:
        return answer(Kind.FAILED, b"it takes too much memory")
    except RecursionError:
        return answer(Kind.FAILED, b"it is nested too deeply")
    except Exception as error:  # no content may end the child, which has more to read
        return answer(Kind.FAILED, f"its reader failed ({type(error).__name__})".encode())
    finally:
        stop_timer()
    if len(facts) > ANSWER_LIMIT:
        return answer(Kind.FAILED, b"its facts are too large")
    return answer(Kind.FACTS, facts)


def _write(data: bytes) -> None:
    """Write all of the data to the standard output. A pipe takes a piece at a time."""
    left = memoryview(data)
    while left:
        left = left[os.write(1, left) :]
