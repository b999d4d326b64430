"""A container that runs already, watched from outside by the probe's `attach` (docs/probe-protocol.md): nothing is done to it."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Protocol

from slimmer.errors import UnsupportedEngine
from slimmer.observe.log import AccessLog
from slimmer.observe.probe_stream import ATTACH_TIMEOUT, ProbeStream, Stream
from slimmer.observe.records import RecordReader
from slimmer.probe_mount import ProbeMount

HINT = "Attach again, when the machine is less busy. The container itself goes on."


class Watcher(Protocol):
    """The part that is needed here of the container that the probe is in (slimmer.engine.containers.Container)."""

    def attach(self) -> Stream: ...

    def start(self, *, collect_output: bool) -> None: ...


class AttachedRun:
    """Watches from the entering of this context manager to its leaving. The watched container goes on either way."""

    def __init__(self, watcher: Watcher, mount: ProbeMount, check: Callable[[], None]) -> None:
        """`mount` is the probe in the watcher.

        `check` is called when the watch has begun, or could not: it raises if the container has ended meanwhile.
        """
        self._watcher = watcher
        self._check = check
        self._reader = RecordReader()
        self._reader.expect(mount)
        self._stream: ProbeStream

    def __enter__(self) -> AttachedRun:
        stream = self._watcher.attach()
        self._stream = ProbeStream(stream, self._reader, HINT)
        try:
            self._watcher.start(collect_output=False)
            self._await_marks()
        except BaseException:
            self._stream.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()

    def _await_marks(self) -> None:
        """From here on every open is seen. Raises UnsupportedEngine when that cannot be."""
        begun = self._stream.wait_for(lambda: bool(self._reader.attached), ATTACH_TIMEOUT)
        self._check()
        if not begun:
            reason = self._reader.fatal or "the probe does not answer"
            raise UnsupportedEngine(
                f"a running container cannot be watched here: {reason}",
                hint="It takes fanotify, and so a root engine on Linux 5.6 or later. `slimmer observe IMAGE` needs less.",
            )

    @property
    def over(self) -> bool:
        """Whether there is nothing more to see."""
        return self._stream.over

    @property
    def has_ended(self) -> bool:
        """Whether the container has ended while it was watched: then all is told that it did."""
        return self._reader.ended

    def wait(self, seconds: float) -> None:
        """Return at the next record, at the end of the container, or after so many seconds."""
        self._stream.wait(seconds)

    def finish(self, image_id: str) -> AccessLog:
        """What was seen until now. Raises ObservationIncomplete when something was lost."""
        return self._stream.log(image_id, drained=self._stream.drain())
