"""Read the probe's record stream as it arrives (docs/probe-protocol.md, "Record stream").

`RecordReader` takes bytes in pieces of any size. It keeps the accesses, but not the bytes. The stream comes from slimmer's probe, but
from within an untrusted container. So anything that does not follow the protocol is an error, and the sizes of fields and the
number of records are bounded.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from slimmer.errors import ObservationIncomplete
from slimmer.formatting import output_text
from slimmer.observe.identity import FOREIGN, FOREIGN_HINT
from slimmer.observe.log import PROBE, Access, AccessLog, Listener, Operation, Recorder
from slimmer.observe.system_calls import architecture_of, call_names
from slimmer.probe_mount import ProbeMount
from slimmer.versioned_json import LARGEST

PROTOCOL_VERSION = "1"
FIELD_LIMIT = 1 << 16
RECORD_LIMIT = 4_000_000
TEXT_LIMIT = 1 << 28
"""The most bytes of memory for all names together: 64 for each of RECORD_LIMIT records. An app may ask for different paths of
4 kB endlessly, and there may be two such runs at once (of the original and of the slim image)."""

LAST_PORT = (1 << 16) - 1

LESS = "Exercise the app less, with fewer requests or a shorter --until."

ALL_SIGNALS = (1 << 64) - 1
"""The mask to use if the probe cannot tell which signals reach PID 1."""

_OPERATIONS = {operation.value: operation for operation in Operation}
_PROTOCOLS: dict[str, Literal["tcp", "udp", "unix"]] = {"tcp": "tcp", "udp": "udp", "unix": "unix"}
_STARTING = (Operation.OPEN, Operation.EXEC)
_MAKING = (Operation.CREATE, Operation.WRITE)
_KERNELS = ("/proc/", "/sys/", "/dev/")


@dataclass(frozen=True, slots=True)
class CommandResult:
    """A command that slimmer ordered: its exit code, or None while it runs, and the end of its output."""

    code: int | None
    output: str


@dataclass(frozen=True, slots=True)
class AppState:
    """What the supervisor says about the app when it has drained the log."""

    signals: int = ALL_SIGNALS
    """The signals that PID 1 catches or blocks. Bit 0 is signal 1."""
    listening: int = 0
    """The number of TCP and Unix sockets on which the app listens."""
    ticks: int = 0
    """The processor time of the app's processes, in clock ticks."""
    events: int = 0
    """The number of events that the recorders have seen."""


class RecordReader:
    """Turns the stream into an AccessLog. Its attributes may be read between two calls of `feed`."""

    def __init__(self) -> None:
        self.probe = ""
        self.recorders: list[Recorder] = []
        self.listeners: list[Listener] = []
        self.accesses: list[Access] = []
        self.counters: dict[str, int] = {}
        self.attached: list[int] = []
        self.drained = 0
        self.pongs = 0
        self.news = 0
        """The number of new things: files of the image that were opened or run for the first time, new ports and new processes. A starting
        app causes them."""
        self.files: set[str] = set()
        """The files and folders of the image that were opened or run, by the paths to which the kernel resolved them."""
        self.state = AppState()
        self.ended = False
        self.fatal = ""
        self.results: dict[int, CommandResult] = {}
        self.system_calls: dict[str, tuple[str, ...]] = {}
        """The names of the system calls that were made so far, by architecture."""
        self._machine = ""
        self._mount: ProbeMount | None = None
        self._executables: dict[int, str] = {0: ""}
        self._known: set[Listener] = set()
        self._made: set[str] = set()
        self._rest = b""
        self._records = 0
        self._text = 0
        self._handlers: dict[str, Callable[[list[str], str, str], None]] = {
            "hello": self._hello,
            "recorder": self._recorder,
            "attached": lambda words, a, b: self.attached.append(_number(words[1])),
            "exe": self._executable,
            "result": self._result,
            "listen": self._listen,
            "processes": self._processes,
            "drained": self._drained,
            "pong": self._pong,
            "calls": self._calls,
            "end": self._end,
            "fatal": self._fatal,
        }

    def expect(self, mount: ProbeMount) -> None:
        """Accept records only from this probe. Accesses to the probe's own files are left out of the log."""
        self._mount = mount

    def feed(self, data: bytes) -> None:
        """Read the next piece. Raise ObservationIncomplete if it does not follow the protocol."""
        fields = (self._rest + data).split(b"\0")
        whole = len(fields) - 1 - (len(fields) - 1) % 3
        for position in range(0, whole, 3):
            self._take(*(os.fsdecode(field) for field in fields[position : position + 3]))
        self._rest = b"\0".join(fields[whole:])
        if len(self._rest) > 3 * FIELD_LIMIT:
            raise ObservationIncomplete("the probe's stream holds a record without an end")

    def log(self, image_id: str, complete: bool) -> AccessLog:
        """Return what was read so far."""
        return AccessLog(
            image_id=image_id,
            accesses=tuple(self.accesses),
            recorders=tuple(self.recorders),
            listeners=tuple(self.listeners),
            counters=dict(self.counters),
            complete=complete,
            probe=self.probe,
            system_calls=dict(self.system_calls),
        )

    def _take(self, head: str, a: str, b: str) -> None:
        self._count(a, b)
        words = head.split(" ")
        if self._mount is not None and not self.probe and (words[0], b) != ("hello", self._mount.nonce):
            raise ObservationIncomplete(FOREIGN, hint=FOREIGN_HINT)
        try:
            operation = _OPERATIONS.get(words[0])
            if operation is not None:
                self._access(operation, words, a, b)
            else:
                self._handlers[words[0]](words, a, b)
        except (KeyError, IndexError, ValueError) as error:
            raise ObservationIncomplete(f"the probe sent an unknown or invalid record: {head!r}") from error

    def _count(self, a: str, b: str) -> None:
        self._records += 1
        if self._records > RECORD_LIMIT:
            raise ObservationIncomplete(f"the run made more than {RECORD_LIMIT:,} different accesses", hint=LESS)
        if max(len(a), len(b)) > FIELD_LIMIT:
            raise ObservationIncomplete(f"the probe sent a name of more than {FIELD_LIMIT:,} bytes")
        self._text += _held(a) + _held(b)
        if self._text > TEXT_LIMIT:
            raise ObservationIncomplete(
                f"the names that the run asked for take more than {TEXT_LIMIT:,} bytes", hint=LESS
            )

    def _access(self, operation: Operation, words: list[str], a: str, b: str) -> None:
        found = {"found": True, "missing": False}[words[1]]
        executable = self._executables[_number(words[3])]
        if self._mount is not None and (self._mount.holds(a) or self._mount.holds(b)):
            return
        access = Access(operation, a, b or (a if found else ""), found, _number(words[2]), executable)
        self.accesses.append(access)
        self._note_news(access)

    def _note_news(self, access: Access) -> None:
        """Count a file that is opened for the first time. Files that the app makes itself do not count: it may make them without end."""
        if access.operation in _MAKING:
            self._made.add(access.resolved or access.asked)  # it was missing until then
        elif access.operation in _STARTING and access.found and self._is_of_image(access.resolved):
            self.news += 1
            self.files.add(access.resolved)

    def _is_of_image(self, path: str) -> bool:
        return path not in self._made and not path.startswith(_KERNELS)

    def _executable(self, words: list[str], a: str, b: str) -> None:
        is_probe = self._mount is not None and a == self._mount.program
        self._executables[_number(words[1])] = PROBE if is_probe else a

    def _result(self, words: list[str], a: str, b: str) -> None:
        code = None if words[2] == "running" else _number(words[2])
        self.results[_number(words[1])] = CommandResult(code, output_text(bytes.fromhex(a)))

    def _hello(self, words: list[str], a: str, b: str) -> None:
        if words[1] != PROTOCOL_VERSION:
            raise ValueError(words[1])
        self.probe = f"{words[2]} {a}"
        self._machine = a

    def _recorder(self, words: list[str], a: str, b: str) -> None:
        self.recorders.append(Recorder(words[1], {"on": True, "off": False}[words[2]], a))

    def _listen(self, words: list[str], a: str, b: str) -> None:
        listener = Listener(a, _number(words[2]), _PROTOCOLS[words[1]])
        if not (0 < listener.port <= LAST_PORT if listener.protocol != "unix" else listener.port == 0):
            raise ValueError(listener.port)
        if listener not in self._known:
            self._known.add(listener)
            self.listeners.append(listener)
            self.news += 1

    def _processes(self, words: list[str], a: str, b: str) -> None:
        self.news += _number(words[1]) > 1

    def _drained(self, words: list[str], a: str, b: str) -> None:
        self.counters = _counters(a)
        self.state = _state(b, self.counters)
        self.drained += 1

    def _pong(self, words: list[str], a: str, b: str) -> None:
        self.pongs += 1

    def _calls(self, words: list[str], a: str, b: str) -> None:
        architecture = architecture_of(self._machine, words[1])
        self.system_calls[architecture] = call_names(architecture, map(_number, a.split(" ")))

    def _end(self, words: list[str], a: str, b: str) -> None:
        self.counters = _counters(a)
        self.ended = True

    def _fatal(self, words: list[str], a: str, b: str) -> None:
        self.fatal = a


def _held(text: str) -> int:
    """Return the bytes of memory that a text takes. It takes two for each character if it has bytes that are not UTF-8 (PEP 393)."""
    return len(text) if text.isascii() else 2 * len(text)


def _counters(text: str) -> dict[str, int]:
    pairs = (word.partition("=") for word in text.split())
    return {name: _number(number) for name, _, number in pairs}


def _state(text: str, counters: Mapping[str, int]) -> AppState:
    pairs = (word.partition("=") for word in text.split())
    words = {name: number for name, _, number in pairs}
    signals = _number(words["signals"], 16) if "signals" in words else ALL_SIGNALS
    listening, ticks = (_number(words.get(name, "0")) for name in ("listening", "ticks"))
    return AppState(signals, listening, ticks, counters.get("events", 0))


@lru_cache(maxsize=1024)
def _number(text: str, base: int = 10) -> int:
    """Return a number that consists only of digits. It is cached, so that all records of a process share it. Raise ValueError if invalid."""
    number = int(text, base) if text.isascii() and text.isalnum() else -1
    if not 0 <= number < LARGEST:
        raise ValueError(text)
    return number
