"""Watch a running container from outside, with the probe's `attach` (docs/probe-protocol.md). Nothing is done to the container."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Protocol

from slimmer.errors import UnsupportedEngine
from slimmer.observe.log import AccessLog
from slimmer.observe.probe_stream import ATTACH_TIMEOUT, ProbeStream, Stream
from slimmer.observe.records import RecordReader
from slimmer.probe_mount import ProbeMount

HINT = "The container itself keeps running. Attach again when the machine is less busy."


class Watcher(Protocol):
    """The part of the probe's container that is needed here (slimmer.engine.containers.Container)."""

    def attach(self) -> Stream: ...

    def start(self, *, collect_output: bool) -> None: ...


class AttachedRun:
    """A context manager that watches a container while it is open. The container keeps running afterwards."""

    def __init__(self, watcher: Watcher, mount: ProbeMount, check: Callable[[], None]) -> None:
        """`mount` is the probe in the watcher.

        `check` is called when the watch has begun or failed to begin. It raises if the container has ended meanwhile.
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
        """Wait until the probe sees every open. Raise UnsupportedEngine if it cannot."""
        begun = self._stream.wait_for(lambda: bool(self._reader.attached), ATTACH_TIMEOUT)
        self._check()
        if not begun:
            reason = self._reader.fatal or "the probe does not answer"
            raise UnsupportedEngine(
                f"a running container cannot be watched here: {reason}",
                hint="This needs fanotify, and so an engine that runs as root on Linux 5.6 or later. `slimmer observe IMAGE` needs less.",
            )

    @property
    def over(self) -> bool:
        """True if there is nothing more to see."""
        return self._stream.over

    @property
    def has_ended(self) -> bool:
        """True if the container ended while it was watched. Then the log has everything that it did."""
        return self._reader.ended

    def quiet(self) -> float:
        """Return the seconds since the container last opened a file of the image or a port for the first time."""
        return self._stream.quiet

    def wait(self, seconds: float) -> None:
        """Return at the next record, at the end of the container, or after this many seconds."""
        self._stream.wait(seconds)

    def finish(self, image_id: str) -> AccessLog:
        """Return everything that was seen so far. Raise ObservationIncomplete if something was lost."""
        return self._stream.log(image_id, drained=self._stream.drain())
