"""The sandbox of one image. Children read its files within a budget of CPU time, and files that cannot be read are noted."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from slimmer.sandbox.facts import load_facts
from slimmer.sandbox.frames import Kind, is_modest, job_head
from slimmer.sandbox.pool import POOL, Pool
from slimmer.sandbox.readers import Read, declare
from slimmer.sandbox.round import PATIENCE, Answer, Round, Work

TOTAL = 300.0
"""Seconds of CPU time for all files of an image. Parsers take a second or less for each MB of ordinary sources."""

SHARE = 1 << 19
"""Bytes of jobs that make it worth starting another child."""

CHILDREN = 8
SHOWN = 5
"""The number of files that the user is shown by name. The rest are counted."""

NAMED = 1000
"""The number of unreadable files that are remembered by name."""

F = TypeVar("F")


@dataclass(frozen=True, slots=True)
class Job:
    """A file to read. `path` is the name that the user is shown; `arguments` are the reader's arguments, in types that JSON has."""

    path: str
    content: bytes
    arguments: tuple[Any, ...] = ()


class Sandbox:
    """Reads files of one image. It starts nothing before it is needed, and is safe to use from several threads.

    `seconds` is the CPU time for all files together. After `patience` seconds without an answer, a child counts as hanging.
    """

    def __init__(self, seconds: float = TOTAL, patience: float = PATIENCE, pool: Pool = POOL) -> None:
        self._pool = pool
        self._total, self._left, self._patience = seconds, seconds, patience
        self._lock = threading.Lock()
        self._failed: dict[bytes, str] = {}
        self._unreadable: dict[str, str] = {}
        self._more = 0
        self._unread = 0
        self._told: set[str] = set()

    def warm(self) -> None:
        """Begin to start a child, so that it is ready when it is needed."""
        self._pool.warm()

    def facts(self, reader: Read, kind: type[F], jobs: Sequence[Job], share: int = SHARE) -> list[F | None]:
        """Return the facts of each file, in order, or None for a file that cannot be read. A child runs `reader`, a function of a module.

        Each `share` bytes of files are worth another child. Raises SandboxFailed if no child can be started.
        """
        found: list[F | None] = []
        for job, text in zip(jobs, self.read(reader, jobs, share), strict=True):
            facts = load_facts(kind, text) if text is not None else None
            if facts is None and text is not None:
                self.note(job.path, "its reader gave an invalid answer")
            found.append(facts)
        return found

    def read(self, reader: Read, jobs: Sequence[Job], share: int = SHARE) -> list[bytes | None]:
        """Like `facts`, but return the JSON that the child sent. Only its length was checked."""
        answers: list[bytes | None] = [None] * len(jobs)
        works: dict[int, Work] = {}
        place = declare(reader)
        for number, job in enumerate(jobs):
            head = job_head(place, job.arguments, job.content)
            if self._failed and (why := self._failed.get(_key(head, job.content))) is not None:
                self.note(job.path, why)
            else:
                works[number] = (head, job.content)
        for number, answer in zip(works, self._run(list(works.values()), share), strict=True):
            if answer is None:
                self._unread += 1
            elif answer[0] is Kind.FACTS and is_modest(answer[1]):
                answers[number] = answer[1]
            else:
                failed = answer[0] is Kind.FAILED
                why = answer[1][:200].decode("utf-8", "replace") if failed else "its facts are too large"
                self._failed[_key(*works[number])] = why
                self.note(jobs[number].path, why)
        return answers

    def note(self, path: str, why: str) -> None:
        """Remember that a file could not be read."""
        with self._lock:
            if path in self._unreadable or len(self._unreadable) < NAMED:
                self._unreadable.setdefault(path, why)
            else:
                self._more += 1

    @property
    def unreadable(self) -> dict[str, str]:
        """The files that could not be read, at most NAMED of them, each with the reason."""
        with self._lock:
            return dict(self._unreadable)

    def notes(self) -> list[str]:
        """Return notes for the user that were not returned before: some files by name, and the number of the others."""
        with self._lock:
            new = [(path, why) for path, why in self._unreadable.items() if path not in self._told]
            self._told.update(path for path, _ in new)
            more, self._more = self._more + max(0, len(new) - SHOWN), 0
            unread, self._unread = self._unread, 0
        texts = [
            f"{path} could not be read: {why}. Files that only it leads to may be missing" for path, why in new[:SHOWN]
        ]
        if more:
            texts.append(f"{more} more files could not be read")
        if unread:
            texts.append(
                f"the {self._total:.0f} s of CPU time for reading the image's files are used up. {unread} of them were"
                " not read, and files that only they lead to may be missing"
            )
        return texts

    def _run(self, works: Sequence[Work], share: int) -> Sequence[Answer | None]:
        if not works or self._left <= 0:
            return [None] * len(works)
        size = sum(len(content) for _, content in works)
        children = min(1 + size // share, len(works), CHILDREN, os.cpu_count() or 1)
        one = Round(self._pool, works, children, self._left, self._patience)
        try:
            return one.run()
        finally:
            with self._lock:
                self._left -= one.used


def _key(head: bytes, content: bytes) -> bytes:
    """Return the key of a file that could not be read: a hash of reader, arguments and content."""
    return hashlib.sha256(b"%s\0%s" % (head, hashlib.sha256(content).digest())).digest()
