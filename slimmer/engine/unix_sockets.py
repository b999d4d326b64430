"""Reach the Unix sockets of a container from this machine, through the probe's `socket-relay` mode.

A relay listens on 127.0.0.1 on this machine, and carries each connection through an `exec` in a container beside the app's. There, the
probe looks the path up below the root of the app's first process, as the app's user. So a link leads nowhere else than it does for the app.
"""

from __future__ import annotations

import threading
from types import TracebackType

from slimmer.engine.relay import Limits, Relay, RelayMaker
from slimmer.errors import SlimmerError
from slimmer.exit_codes import TIMED_OUT

ANSWER_TIMEOUT = 60.0
"""Seconds that the probe has beyond those for which it waits. This is for an engine that hangs; a slow one needs a few."""


class UnixSockets:
    """The endpoints of one container's Unix sockets. Leaving it as a context manager closes the relays."""

    def __init__(self, relays: RelayMaker, identity: str) -> None:
        """`relays` makes the container to relay through, which shares the processes of the app's. `identity` is the app's (docs/probe-protocol.md)."""
        self._relay_maker = relays
        self._identity = identity
        self._relays: dict[str, Relay] = {}
        self._limits = Limits()
        self._adding = threading.Lock()

    def __enter__(self) -> UnixSockets:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for relay in self._relays.values():
            relay.close()

    def endpoint(self, path: str) -> tuple[str, int]:
        """Return a host and port that lead to a socket of the container. Nothing is known of the socket yet."""
        through = self._relay_maker.relay()
        with self._adding:
            if path not in self._relays:
                argv = (through.program, "socket-relay", self._identity, path)
                self._relays[path] = Relay(through.container, argv, self._limits)
            return "127.0.0.1", self._relays[path].port

    def problem(self, path: str, seconds: float) -> str:
        """Return "" as soon as the socket takes connections. If it takes none for so many seconds, return why in a few words."""
        try:
            through = self._relay_maker.relay()
            wait = ("--wait", str(round(seconds * 1000)))
            argv = (through.program, "socket-relay", *wait, self._identity, path)
            code, said = through.container.exec_run(argv, seconds + ANSWER_TIMEOUT, user="0:0")
        except SlimmerError as error:  # the app has ended, or the engine is gone: both show soon
            return f"it cannot be reached: {error.message}"
        if code == 0:
            return ""
        return "the engine did not answer in time" if code == TIMED_OUT else said.strip() or "the app has ended"
