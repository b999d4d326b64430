"""The access log: all file accesses of a run, as an immutable value that can be written to a file and read back.

The terms are those of the probe's record stream (docs/probe-protocol.md). Paths are text decoded with os.fsdecode. JSON is written
in ASCII, so that names that are not UTF-8 survive as escaped surrogates.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Annotated, Any, Literal, TextIO

from msgspec import Meta, Struct

from slimmer.versioned_json import NAME_PATTERN, Format, Name, Number, Version, convert, parse, reading

LOG_LIMIT = 1 << 29
"""The most characters of a log. A log from elsewhere could be a link to an endless device."""

PATH_LIMIT = 1 << 16
"""The most characters of a path. A process passes at most 4096 bytes (PATH_MAX, limits.h), relative to a directory of at most as many."""

HINT = "`slimmer observe IMAGE --out access.json` and every build write an access log."

PROBE = "(slimmer-probe)"
"""Stands for the probe's own path, which differs in each run. No program of an image has such a path."""

DISTURBANCES = {
    "interrupted": "{count} system calls of the app ended with EINTR, because a signal met the probe",
    "own_filters": "{count} seccomp filters of the app clash with the probe's and had no effect",
}
"""Counters of the probe that report changes to the app. Another recorder does not cause them."""


CALL_RECORDERS = frozenset(("notify", "ptrace", "bpf"))
"""The recorders that see the system calls, including those that open nothing."""

COUNTS_CALLS = "counts system calls"
"""The reason of the recorder `bpf` if it records no accesses, but only which system calls are made (docs/probe-protocol.md)."""

UNSEEN = "what was only looked at (stat, access, readlink), the names in listed folders, and failed look-ups"
"""The accesses that fanotify alone does not show (docs/recorders.md)."""


class Operation(StrEnum):
    """The kind of an access, in the terms of the probe's protocol."""

    EXEC = "exec"
    OPEN = "open"
    READ_DIR = "read-dir"
    LOOK_UP = "look-up"
    READ_LINK = "read-link"
    CREATE = "create"
    WRITE = "write"
    CHANGE = "change"


class Access(Struct, frozen=True, gc=False):
    """One access. `asked` is absolute but not resolved; `resolved` is the path that the kernel found, or "" if it found nothing.

    A log may have millions of them. msgspec makes one in a tenth of the time that a dataclass takes.
    """

    operation: Operation
    asked: str
    resolved: str
    found: bool
    pid: int
    executable: str

    @property
    def by(self) -> str:
        """The program that did it, in words. The probe starts only what the engine would start without it."""
        return "the engine" if self.executable == PROBE else self.executable or "an unknown process"


@dataclass(frozen=True, slots=True)
class Recorder:
    """A recorder of the probe. `active` is True if it ran; `reason` says why or why not."""

    name: Name
    active: bool
    reason: Name


@dataclass(frozen=True, slots=True)
class Listener:
    """A socket that the app listens on: an IP address, a port and a protocol. Logs of early versions have only TCP sockets.

    The address of a Unix socket is its name, as the app gave it; with '@', it is abstract. Its port is 0.
    """

    address: Name
    port: Number
    protocol: Literal["tcp", "udp", "unix"] = "tcp"


def ports_of(listeners: Iterable[Listener], protocol: str) -> tuple[int, ...]:
    """Return the ports of one protocol, each once, in the order of their appearance."""
    return tuple(dict.fromkeys(listener.port for listener in listeners if listener.protocol == protocol))


def names_of(listeners: Iterable[Listener]) -> tuple[str, ...]:
    """Return the names of the Unix sockets, each once, in the order of their appearance."""
    return tuple(dict.fromkeys(listener.address for listener in listeners if listener.protocol == "unix"))


@dataclass(frozen=True, slots=True)
class AccessLog:
    """Everything that was observed of one image in one run, or in several runs if logs were joined.

    `starts`: the positions in `accesses` where each run after the first begins. `fingerprint` identifies how the image was observed
    (slimmer.pipeline.fingerprint); "" means unknown. `system_calls` are the names of the calls that were made, sorted, by architecture
    (slimmer.observe.system_calls); there are none if the probe could not see them.
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
    system_calls: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def runs(self) -> tuple[AccessLog, ...]:
        """One log for each run. Only the accesses are split up."""
        bounds = (0, *self.starts, len(self.accesses))
        return tuple(
            replace(self, accesses=self.accesses[start:end], starts=()) for start, end in itertools.pairwise(bounds)
        )

    @property
    def lost(self) -> int:
        """The number of events that the probe knows it missed."""
        return self.counters.get("lost", 0) + self.counters.get("unreadable", 0)

    @property
    def tcp_ports(self) -> tuple[int, ...]:
        """The TCP ports that the app listened on, each once, in the order of their appearance."""
        return ports_of(self.listeners, "tcp")

    @property
    def udp_ports(self) -> tuple[int, ...]:
        """The UDP ports that the app had bound, in the same way."""
        return ports_of(self.listeners, "udp")

    @property
    def unix_sockets(self) -> tuple[str, ...]:
        """The names of the Unix sockets that the app listened on, in the same way."""
        return names_of(self.listeners)

    @property
    def serves(self) -> bool:
        """True if the app listened on a port, or on a Unix socket with a path."""
        ports = self.tcp_ports or self.udp_ports
        return bool(ports) or any(name.startswith("/") for name in self.unix_sockets)

    @property
    def unseen(self) -> str:
        """The accesses that no recorder could see in at least one run, in words; "" if all runs recorded system calls."""
        active = {recorder.name for recorder in self.recorders if recorder.active and recorder.reason != COUNTS_CALLS}
        return "" if active & CALL_RECORDERS or not self.recorders else UNSEEN

    @property
    def disturbances(self) -> tuple[str, ...]:
        """Warnings about effects of the probe that the app may have noticed, with a remedy."""
        return tuple(
            f"{words.format(count=count)}. If that matters to the app, use --recorder ptrace"
            for counter, words in DISTURBANCES.items()
            if (count := self.counters.get(counter, 0))
        )


AccessPath = Annotated[str, Meta(pattern=NAME_PATTERN, max_length=PATH_LIMIT)]


class AccessRow(Struct, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """One access, as an array: the operation, true if something was found, the path asked for, the path found, the process ID, its program."""

    operation: Operation
    found: bool
    asked: AccessPath
    resolved: AccessPath
    pid: Number
    executable: Name


CallName = Annotated[str, Meta(pattern=r"^[a-z_0-9-]*$", max_length=64)]


class LogHead(Struct, frozen=True, kw_only=True):
    """An access log without its accesses. Logs of early versions have no `starts`, no `fingerprint` and no `system_calls`."""

    image: Name
    probe: Name
    complete: bool
    recorders: tuple[Recorder, ...]
    listeners: tuple[Listener, ...]
    counters: dict[Name, Number]
    starts: tuple[Number, ...] = ()
    fingerprint: Name = ""
    system_calls: dict[Name, tuple[CallName, ...]] = {}


class LogDocument(LogHead, frozen=True, kw_only=True):
    """The file accesses of an app while it was observed."""

    accesses: list[AccessRow]


FORMAT = Format("slimmer-access-log", Version(1, 3), LogDocument)
_HEAD = Format(FORMAT.name, FORMAT.version, LogHead)


def write_log(log: AccessLog, file: TextIO) -> None:
    """Write `log` as versioned JSON, one access per line, in a fixed order. No second copy of it is held in memory."""
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
        "system_calls": {name: list(calls) for name, calls in sorted(log.system_calls.items())},
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

    Raises UsageError if it is not an access log, or has a version that this slimmer does not read.
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
            system_calls=head.system_calls,
        )


def _parsed(file: TextIO) -> Any:
    text = file.read(LOG_LIMIT + 1)
    if len(text) > LOG_LIMIT:
        raise ValueError(f"it is larger than {LOG_LIMIT >> 20} MiB")
    return parse(text)


def _check_starts(starts: tuple[int, ...], length: int) -> None:
    if list(starts) != sorted(starts) or any(not 0 <= start <= length for start in starts):
        raise ValueError("$.starts: a run begins outside of the accesses")


def _accesses(rows: Any) -> Iterator[Access]:
    """Yield the accesses. There may be millions, so each row is freed once it is read, and equal texts share one object."""
    if not isinstance(rows, list):
        raise ValueError("$.accesses: expected an array")
    executables: dict[str, str] = {}
    for place, data in enumerate(rows):
        rows[place] = None
        row = convert(data, AccessRow, f"$.accesses[{place}]")
        resolved = row.asked if row.resolved == row.asked else row.resolved
        by = executables.setdefault(row.executable, row.executable)
        yield Access(row.operation, row.asked, resolved, row.found, row.pid, by)
