"""The access log: what a run looked at, as an immutable value that can be written to a file and read back.

The words are those of the probe's record stream (docs/probe-protocol.md). Paths are text decoded with os.fsdecode; JSON
is written in ASCII, so that names which are not UTF-8 survive as escaped surrogates.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Annotated, Any, TextIO

from msgspec import Meta, Struct

from slimmer.versioned_json import NAME_PATTERN, Format, Name, Number, Version, convert, parse, reading

LOG_LIMIT = 1 << 29
"""Characters of a log: one may come from elsewhere, and be a link to a device that never ends."""

PATH_LIMIT = 1 << 16
"""Characters of a path: what a process asks for has at most 4096 bytes (PATH_MAX, limits.h), and so has its directory."""

HINT = "`slimmer observe IMAGE --out access.json` writes one, and so does every build."

PROBE = "(slimmer-probe)"
"""In place of the probe's own path, which is another one in each run; no program of an image has such a path."""

DISTURBANCES = {
    "interrupted": "{count} system calls of the app ended with EINTR, because a signal met the probe",
    "own_filters": "{count} seccomp filters of the app's own clash with the probe's and had no effect",
}
"""Counters of the probe's that tell of changes to the app which another recorder does not make."""


CALL_RECORDERS = frozenset(("notify", "ptrace"))
"""Those that see the system calls themselves, and so what opens nothing."""

UNSEEN = (
    "what was only looked at (stat, access, readlink), the names in listed folders, and what was looked for in vain"
)
"""What fanotify alone does not show (docs/recorders.md)."""


class Operation(StrEnum):
    """What kind of access a record tells of; the words of the probe's protocol."""

    EXEC = "exec"
    OPEN = "open"
    READ_DIR = "read-dir"
    LOOK_UP = "look-up"
    READ_LINK = "read-link"
    CREATE = "create"
    WRITE = "write"
    CHANGE = "change"


class Access(Struct, frozen=True, gc=False):
    """One access. `asked` is absolute but not resolved; `resolved` is the kernel's answer, "" when nothing was found.

    A log may have millions: msgspec makes one in a tenth of the time that a dataclass takes.
    """

    operation: Operation
    asked: str
    resolved: str
    found: bool
    pid: int
    executable: str

    @property
    def by(self) -> str:
        """Who did it, in words. What the probe starts in a container is what the engine would start without it."""
        return "the engine" if self.executable == PROBE else self.executable or "an unknown process"


@dataclass(frozen=True, slots=True)
class Recorder:
    """A recorder of the probe, whether it ran, and why or why not."""

    name: Name
    active: bool
    reason: Name


@dataclass(frozen=True, slots=True)
class Listener:
    """A TCP socket on which the app listens: an IP address and a port."""

    address: Name
    port: Number


@dataclass(frozen=True, slots=True)
class AccessLog:
    """All that was seen of one image in one run (or, merged, in several).

    `starts`: where in `accesses` each run but the first begins. `fingerprint` tells how the image was observed
    (slimmer.pipeline.fingerprint), "" where that is not known.
    """

    image_id: str
    accesses: tuple[Access, ...]
    recorders: tuple[Recorder, ...] = ()
    listeners: tuple[Listener, ...] = ()
    counters: Mapping[str, int] = field(default_factory=dict)
    complete: bool = False
    probe: str = ""
    starts: tuple[int, ...] = ()
    fingerprint: str = ""

    @property
    def runs(self) -> tuple[AccessLog, ...]:
        """The log of each run alone, as far as the accesses go."""
        bounds = (0, *self.starts, len(self.accesses))
        return tuple(
            replace(self, accesses=self.accesses[start:end], starts=()) for start, end in itertools.pairwise(bounds)
        )

    @property
    def lost(self) -> int:
        """Events that the probe knows it did not see."""
        return self.counters.get("lost", 0) + self.counters.get("unreadable", 0)

    @property
    def unseen(self) -> str:
        """What no recorder could see, at least in one of the runs; "" where system calls were recorded in all of them."""
        active = {recorder.name for recorder in self.recorders if recorder.active}
        return "" if active & CALL_RECORDERS or not self.recorders else UNSEEN

    @property
    def disturbances(self) -> tuple[str, ...]:
        """In what the probe made itself felt to the app, in words, with what helps."""
        return tuple(
            f"{words.format(count=count)}; if that matters to the app: --recorder ptrace"
            for counter, words in DISTURBANCES.items()
            if (count := self.counters.get(counter, 0))
        )


AccessPath = Annotated[str, Meta(pattern=NAME_PATTERN, max_length=PATH_LIMIT)]


class AccessRow(Struct, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """One access, as an array: what kind, whether something was found, the path asked for, the path found, the process, its program."""

    operation: Operation
    found: bool
    asked: AccessPath
    resolved: AccessPath
    pid: Number
    executable: Name


class LogHead(Struct, frozen=True, kw_only=True):
    """All of an access log but the accesses. Logs of a slimmer that joined none have no `starts` and no `fingerprint`."""

    image: Name
    probe: Name
    complete: bool
    recorders: tuple[Recorder, ...]
    listeners: tuple[Listener, ...]
    counters: dict[Name, Number]
    starts: tuple[Number, ...] = ()
    fingerprint: Name = ""


class LogDocument(LogHead, frozen=True, kw_only=True):
    """What an app looked at while it was observed."""

    accesses: list[AccessRow]


FORMAT = Format("slimmer-access-log", Version(1, 0), LogDocument)
_HEAD = Format(FORMAT.name, FORMAT.version, LogHead)


def write_log(log: AccessLog, file: TextIO) -> None:
    """Write `log` as versioned JSON, one access a line, in a fixed order, without holding a second copy of it."""
    head = {
        **FORMAT.head,
        "image": log.image_id,
        "probe": log.probe,
        "complete": log.complete,
        "recorders": [asdict(recorder) for recorder in log.recorders],
        "listeners": [asdict(listener) for listener in log.listeners],
        "counters": dict(sorted(log.counters.items())),
        "starts": list(log.starts),
        "fingerprint": log.fingerprint,
    }
    file.write(json.dumps(head, indent=1)[:-2] + ',\n "accesses": [')
    separator = "\n"
    for access in log.accesses:
        row = [access.operation, access.found, access.asked, access.resolved, access.pid, access.executable]
        file.write(separator + "  " + json.dumps(row))
        separator = ",\n"
    file.write("\n ]\n}\n")


def read_log(file: TextIO) -> AccessLog:
    """Read what write_log wrote.

    Raises UsageError when it is not an access log, or of a version that this slimmer does not read.
    """
    with reading(str(getattr(file, "name", "the log")), "an access log", HINT):
        document = _parsed(file)
        head = _HEAD.read(document)
        accesses = tuple(_accesses(document.get("accesses")))
        _check_starts(head.starts, len(accesses))
        return AccessLog(
            image_id=head.image,
            accesses=accesses,
            recorders=head.recorders,
            listeners=head.listeners,
            counters=head.counters,
            complete=head.complete,
            probe=head.probe,
            starts=head.starts,
            fingerprint=head.fingerprint,
        )


def _parsed(file: TextIO) -> Any:
    text = file.read(LOG_LIMIT + 1)
    if len(text) > LOG_LIMIT:
        raise ValueError(f"it is larger than {LOG_LIMIT >> 20} MiB")
    return parse(text)


def _check_starts(starts: tuple[int, ...], length: int) -> None:
    if list(starts) != sorted(starts) or any(not 0 <= start <= length for start in starts):
        raise ValueError("$.starts: runs begin where no access is")


def _accesses(rows: Any) -> Iterator[Access]:
    """There may be millions: a row is given up once it is read, and what is the same text becomes one object."""
    if not isinstance(rows, list):
        raise ValueError("$.accesses: an array is expected")
    executables: dict[str, str] = {}
    for place, data in enumerate(rows):
        rows[place] = None
        row = convert(data, AccessRow, f"$.accesses[{place}]")
        resolved = row.asked if row.resolved == row.asked else row.resolved
        by = executables.setdefault(row.executable, row.executable)
        yield Access(row.operation, row.asked, resolved, row.found, row.pid, by)
