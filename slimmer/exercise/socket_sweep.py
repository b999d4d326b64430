"""Send the requests of a plan to Unix sockets: those that were named, those that another run asked, and those of an app that has no port."""

from __future__ import annotations

import re

from slimmer.exercise.context import ExerciseContext
from slimmer.exercise.port_probe import SILENCE, PortProbe, is_own, probe_socket
from slimmer.exercise.result import Answer
from slimmer.formatting import counted

LOOK = 0.5
"""Seconds for which one look waits for a socket to take connections."""

MOST_GUESSED = 8
"""The number of sockets that nobody named and that are asked all the same."""

LASTING = re.compile(r"/(?!(?:var/)?tmp/[^/]+/).+")
"""A path that an app chose itself. Folders in /tmp are made for one run, and belong to programs that talk among themselves."""


class SocketSweep:
    """The Unix sockets of one exercise. Each is asked once."""

    def __init__(self, context: ExerciseContext) -> None:
        self._context = context
        self._open: list[str] = []
        self._probed: dict[str, PortProbe] = {}
        self.missing: dict[str, str] = {}
        """The sockets to wait for that took no connection at the last look, each with the reason."""

    def look(self) -> bool:
        """Return True if all sockets that the app must have take connections."""
        for path in self._context.mode.required_sockets:
            if path in self._open:
                continue
            if problem := self._context.subject.socket_problem(path, LOOK):
                self.missing[path] = problem
                return False
            self.missing.pop(path, None)
            self._open.append(path)
        return True

    def serves_shared(self) -> bool:
        """Return True if one of several commands has opened a socket that was named for all of them."""
        named = self._context.plan.named_sockets if self._context.mode.shared else ()
        return any(
            path in self._open or (self._context.subject.listening_sockets() and self._opens(path)) for path in named
        )

    def find(self) -> bool:
        """Ask the sockets that nobody named, of an app without a port. Return True if one speaks HTTP."""
        if self._context.mode.seeks_sockets:
            guessed = [path for path in self._context.subject.listening_sockets() if LASTING.fullmatch(path)]
            for path in guessed[:MOST_GUESSED]:
                if path not in self._probed and not self._context.subject.socket_problem(path, 0):
                    self._probe(path, SILENCE)
        return bool(self.http)

    def ask(self) -> None:
        """Send their requests to all sockets that were named or that another run asked."""
        for path in (*self._context.mode.required_sockets, *self._context.plan.named_sockets):
            if path not in self._probed and (path in self._open or self._opens(path)):
                self._probe(path, self._context.mode.request_timeout)

    def _opens(self, path: str) -> bool:
        """Return True if a socket that only some of several commands have takes connections."""
        if self._context.ended or self._context.subject.socket_problem(path, 0):
            return False
        self._open.append(path)
        return True

    def _probe(self, path: str, patience: float) -> None:
        shares = path in self._context.plan.sockets or path not in self._context.plan.named_sockets
        probed = self._probed[path] = probe_socket(self._context, path, shares=shares, patience=patience)
        if probed.scheme:
            number = counted(len(probed.answers), "request")
            self._context.say(f"{path} speaks {probed.scheme.upper()}: {number}")
        elif own := sum(is_own(answer.request) for _, answer in probed.answers):
            self._context.say(f"{path}: {counted(own, 'exchange')}")
        self._context.check_running(f"while {path} was exercised")

    @property
    def asked(self) -> bool:
        """True if a socket answered, or should have."""
        return bool(self.answers)

    @property
    def http(self) -> tuple[str, ...]:
        """The sockets that spoke HTTP, sorted."""
        return tuple(sorted(path for path, probed in self._probed.items() if probed.scheme))

    @property
    def all(self) -> tuple[str, ...]:
        """The sockets that took connections, or that the app is known to listen on, sorted."""
        return tuple(sorted({*self._open, *self.http, *self._context.subject.listening_sockets()}))

    def last(self) -> tuple[str, ...]:
        """Return those of the asked sockets that still take connections, sorted."""
        if self._context.ended:
            return ()
        asked = sorted({*self._open, *self.http})
        return tuple(path for path in asked if not self._context.subject.socket_problem(path, 0))

    @property
    def answers(self) -> list[tuple[int, int, Answer]]:
        """The answers that count, each with its request's position in the plan and a port: 0."""
        spoken = self._context.plan.spoken_sockets
        return [
            (position, 0, answer)
            for path, probed in self._probed.items()
            for position, answer in probed.answers
            if probed.scheme or is_own(answer.request) or path in spoken
        ]
