"""Send the requests of a plan to all ports that speak HTTP, including those that open while others are being asked."""

from __future__ import annotations

import time

from slimmer.exercise.context import ExerciseContext
from slimmer.exercise.conversation import Conversation
from slimmer.exercise.open_ports import in_order, listening, open_ports
from slimmer.exercise.port_probe import KNOWN_SILENCE, SILENCE, PortProbe, is_own, probe_port
from slimmer.exercise.ports import MOST_OPEN, SIDE_BY_SIDE
from slimmer.exercise.result import Answer
from slimmer.exercise.socket_sweep import SocketSweep
from slimmer.exercise.udp_sweep import UdpSweep
from slimmer.exercise.verdict import reconcile_answers
from slimmer.formatting import counted
from slimmer.tasks import side_by_side

LATE = 10.0
"""Seconds to wait for a port that the original opened, or for an expected port if no open port speaks HTTP and commands follow."""

MOST_WARNINGS = 10

MOST_PORTS = 64
"""The number of ports that get requests."""

BUDGET = 90.0
"""Seconds for all ports together that nobody named. The first port that speaks HTTP is the app itself and does not count."""

FEW = 8
"""If this many ports do not answer, that is no coincidence: the rest are no longer asked one after the other."""


def _head_start(overtaken: int) -> float:
    """Return the seconds to wait before asking the next port while `overtaken` others have not answered.

    So ports that answer are asked one after the other. An app may depend on that order.
    """
    return 0.5 if overtaken < FEW else 0.02


class PortSweep:
    """Asks each port once, whenever it opens. Answers are in the plan's order, whatever the order of the ports."""

    def __init__(self, context: ExerciseContext, ports: tuple[int, ...], sockets: SocketSweep) -> None:
        """`ports` and `sockets` are what the app listens on by now."""
        self._context = context
        self._mode = context.mode
        self._open = ports
        self._probed: dict[int, PortProbe] = {}
        self._spent = 0.0
        self.udp = UdpSweep(context)
        self.sockets = sockets
        self.spoken: tuple[int, ...] = ()
        """The ports with which slimmer held a session in another protocol."""
        self._patient = True  # until a port has spoken HTTP, or one that nobody named was waited for in vain

    def ask_new_ports(self) -> bool:
        """Send the requests to every port that was not asked before, until there are no new ports. Return True if there was one.

        The user's own requests go to one port after the other, since what they do at one may show at the next. The default `GET /`
        depends on nothing, so it does not wait for a silent port.
        """
        asked = len(self._probed)
        while ports := self._next():
            self._ask_ports(ports)
            shown = ", ".join(map(str, ports[:FEW])) + (" …" if len(ports) > FEW else "")
            self._context.check_running(f"while port{'s' if len(ports) > 1 else ''} {shown} was exercised")
        return len(self._probed) > asked

    def await_late_ports(self) -> None:
        """If no port has spoken HTTP yet, give the expected ports some time to open, and ask them.

        Ports that must be served have all the time that the app has to get ready, as long as none of them is open.
        """
        asks, wanted = bool(self._context.plan.asks), self._mode.must_serve()
        patient = bool(wanted) and not self._context.plan.has_commands
        while self._missing() and not self.http_ports and (patient or asks):
            limit = self._context.ready_in if patient else min(LATE, self._context.ready_in)
            if not self._context.wait_for(lambda: self._is_new() or (patient and self._serves(wanted)), limit):
                return
            if not self._is_new():
                return
            self.ask_new_ports()
            if not patient:
                return

    def await_start(self) -> None:
        """Keep asking new ports while the app is starting, if nothing else says how long to exercise it."""
        while self._mode.is_settling and not self._context.settled:
            if not self._context.wait_for(lambda: self._is_new() or self._context.settled, self._context.ready_in):
                return
            self.ask_new_ports()

    def await_other_ports(self) -> None:
        """Wait for the ports that the original opened for other protocols than HTTP, and ask them as it was asked."""
        others = set(self._mode.other_ports)
        if others - set(self._open):
            self._context.wait_for(lambda: others <= set(self._look()), max(LATE, self._context.ready_in))
            self.ask_new_ports()

    def last_ports(self) -> tuple[int, ...]:
        """Return the ports that still accept connections, sorted."""
        if self._context.ended:
            return ()
        ports = list(self.ports)
        accepts = side_by_side(self._context.subject.accepts, ports, SIDE_BY_SIDE)
        return tuple(port for port, does in zip(ports, accepts, strict=True) if does)

    def _missing(self) -> set[int]:
        return set(self._mode.expected_ports) - set(self._look()) if self._open else set()

    def _is_new(self) -> bool:
        return bool(self._next())

    def _serves(self, wanted: tuple[int, ...]) -> bool:
        """Return True if one of the wanted ports is open, and the app has settled, so that the others may never open."""
        return bool(set(wanted) & {*self._open, *self._context.subject.bound_ports()}) and self._context.settled

    @property
    def ports(self) -> tuple[int, ...]:
        """All ports that were open at some time, sorted."""
        return tuple(sorted({*self._open, *self._probed}))

    @property
    def http_ports(self) -> tuple[int, ...]:
        """The ports that spoke HTTP, sorted."""
        return tuple(sorted(port for port, probed in self._probed.items() if probed.scheme))

    @property
    def main_port(self) -> int | None:
        """The port for the user's own commands: named ports first, then expected ones, then others; HTTP before the rest."""
        wishes = (self._context.plan.named_ports, self._mode.expected_ports, self.ports)
        candidates = [port for wish in wishes for port in wish if port in self.ports]
        return next((port for port in candidates if self.scheme(port)), next(iter(candidates), None))

    def scheme(self, port: int) -> str:
        """Return "http" or "https"; "" if the port speaks neither."""
        return self._probed[port].scheme if port in self._probed else ""

    def conversation(self, port: int, scenario: str) -> Conversation | None:
        """Return what a scenario has got from a port; None if it sent nothing there."""
        return self._probed[port].conversations.get(scenario) if port in self._probed else None

    def sessions(self) -> dict[str, tuple[int, ...]]:
        """Return the scenarios that have logged in, each with the ports where they are still."""
        found: dict[str, tuple[int, ...]] = {}
        for port in self.http_ports:
            for scenario, conversation in self._probed[port].conversations.items():
                if conversation.has_session:
                    found[scenario] = (*found.get(scenario, ()), port)
        return found

    def reacted(self, port: int) -> bool:
        """Return True if the port did anything about an HTTP request: it answered in any protocol, or closed the connection."""
        probed = self._probed.get(port)
        return probed is not None and any(not (one.late or is_own(one.request)) for _, one in probed.answers)

    def answers(self) -> tuple[Answer, ...]:
        """Return every answer that counts, judged across all ports."""
        chosen = [
            (position, port, answer)
            for port, probed in self._probed.items()
            for position, answer in probed.answers
            if probed.scheme or is_own(answer.request) or self._silence_fails(port)
        ]
        chosen += self.udp.answers + self.sockets.answers
        answers = [answer for _, _, answer in sorted(chosen, key=lambda entry: entry[:2])]
        return tuple(reconcile_answers(answers, explicit=self._context.plan.explicit))

    def warnings(self) -> tuple[str, ...]:
        """Return what the user should know about the ports, and about answers that are odd but no failure."""
        odd = [answer.warning for answer in self.answers() if answer.warning]
        rest = [f"and {len(odd) - MOST_WARNINGS} more such answers"] if len(odd) > MOST_WARNINGS else []
        return tuple(self._notes() + odd[:MOST_WARNINGS] + rest)

    def _notes(self) -> list[str]:
        plan = self._context.plan
        notes: list[str] = []
        if plan.asks and (len(self._probed) >= MOST_PORTS or self._spent >= BUDGET):
            seen = len({*listening(self._context), *self._probed})
            if seen > len(self._probed):
                notes.append(
                    f"asked {len(self._probed)} of {seen:,} ports that the app listens on: name those that matter (--port)"
                )
        notes += self._mode.notes(self._open, ended=self._context.ended)
        serves = self._open or self._context.subject.bound_ports()
        if plan.http_asks and serves and not (self.http_ports or self.sockets.http or self.spoken or plan.has_commands):
            notes.append(
                "no port spoke HTTP, so only the start of the app was observed: exercise it with --exec or --exercise"
            )
        return notes

    def _silence_fails(self, port: int) -> bool:
        """Return True if the port was named, or if no port at all answered the user's own requests."""
        plan = self._context.plan
        unanswered = not (self._mode.shared or self.http_ports or self.sockets.http)
        return port in plan.spoken_ports or (plan.explicit and unanswered)

    def _next(self) -> list[int]:
        """Return the ports to ask now: those that were named or expected before the rest."""
        plan, mode = self._context.plan, self._mode
        waiting = in_order(mode, set(self._look()) - self._probed.keys())
        waiting = [port for port in waiting if self._spent < BUDGET or mode.must_answer(port)]
        wanted = [port for port in waiting if port in (*plan.named_ports, *mode.expected_ports)]
        width = 1 if plan.explicit else SIDE_BY_SIDE
        return (wanted or waiting)[: max(0, min(width, MOST_PORTS - len(self._probed)))]

    def _ask_ports(self, ports: list[int]) -> None:
        """Ask the ports side by side, and report them in order."""
        started, first = time.monotonic(), not self.http_ports
        self._patient = self._patient and len(ports) <= FEW  # most of many ports do not answer
        probes = side_by_side(self._ask_port, ports, SIDE_BY_SIDE, _head_start)
        self._probed.update(zip(ports, probes, strict=True))
        is_app = first and len(ports) == 1 and bool(probes[0].scheme)
        if not is_app and not any(map(self._mode.must_answer, ports)):
            self._spent += time.monotonic() - started
        for port, probed in zip(ports, probes, strict=True):
            if probed.scheme:
                number = counted(len(probed.answers), "request")
                self._context.say(f"port {port} speaks {probed.scheme.upper()}: {number}")
            elif own := sum(is_own(answer.request) for _, answer in probed.answers):
                self._context.say(f"port {port}: {counted(own, 'exchange')}")

    def _ask_port(self, port: int) -> PortProbe:
        plan = self._context.plan
        timeout = self._mode.request_timeout
        if port in plan.spoken_ports:
            return probe_port(self._context, port, timeout)
        started, patience = time.monotonic(), SILENCE
        if port in self._mode.other_ports:
            patience = KNOWN_SILENCE
        elif port in self._mode.expected_ports or (self._patient and not self._mode.expected_ports):
            patience = timeout + SILENCE  # this may be the app itself, and slow
        probed = probe_port(self._context, port, min(patience, timeout), patience)
        self._patient = self._patient and not probed.scheme and time.monotonic() - started < SILENCE
        return probed

    def _look(self) -> tuple[int, ...]:
        """Return the ports that are or were open: some may have closed. If there are too many, those that were asked stay."""
        known = in_order(self._mode, {*self._open, *open_ports(self._context, self._open)})
        self._open = tuple(sorted(known, key=lambda port: port not in self._probed)[:MOST_OPEN])
        return self._open
