"""The requests of a plan to all ports that speak HTTP, also to those that begin to listen while the others are asked."""

from __future__ import annotations

import time

from slimmer.exercise.context import ExerciseContext
from slimmer.exercise.plan import Answer, Until
from slimmer.exercise.port_probe import KNOWN_SILENCE, SILENCE, PortProbe, probe_port
from slimmer.exercise.readiness import MOST_OPEN, SIDE_BY_SIDE, in_order, listening, open_ports
from slimmer.exercise.verdict import reconcile_answers
from slimmer.formatting import counted, listed
from slimmer.tasks import side_by_side

LATE = 10.0
"""Seconds to wait for a port that the image EXPOSEs, when those that are open speak no HTTP, or that the original opened."""

MOST_WARNINGS = 10

MOST_PORTS = 64
"""Ports that are asked at most."""

BUDGET = 90.0
"""Seconds for all ports together that nobody named. The first that speaks HTTP is the app itself, and does not count."""

FEW = 8
"""So many ports that do not answer are no chance: then the others are not asked in turn any more."""


def _head_start(overtaken: int) -> float:
    """Seconds until a port is asked though others have not answered: so those that answer are asked in turn, which an app may notice."""
    return 0.5 if overtaken < FEW else 0.02


class Requests:
    """Visits each port once, whenever it shows up. The answers are in the plan's order, whatever the order of the ports."""

    def __init__(self, context: ExerciseContext, ports: tuple[int, ...]) -> None:
        self._context = context
        self._open = ports
        self._probed: dict[int, PortProbe] = {}
        self._spent = 0.0
        self._patient = True  # until some port has spoken HTTP, or one that nobody named was waited for in vain

    def sweep(self) -> None:
        """Send the requests to every port that was not visited before, until there is no new one.

        The user's own come to one port after the other, since what they do there may be seen at the next. The first `GET /`, which
        depends on nothing, does not wait for a port that is silent.
        """
        while ports := self._next():
            self._probe_port(ports)
            shown = ", ".join(map(str, ports[:FEW])) + (" …" if len(ports) > FEW else "")
            self._context.check_running(f"while port{'s' if len(ports) > 1 else ''} {shown} was exercised")

    def await_late_ports(self) -> None:
        """Where nobody spoke HTTP so far, give the ports that the image EXPOSEs some time to open, and visit them."""
        missing = set(self._context.plan.expected_ports) - set(self._open)
        if self._context.plan.asks and self._open and missing and not self.http_ports:
            limit = min(LATE, self._context.ready_in)
            self._context.wait_for(lambda: bool(set(self._look()) - set(self._probed)), limit)
            self.sweep()

    def await_other_ports(self) -> None:
        """Wait for what the original opened for other protocols than HTTP, and visit it as it was visited there."""
        others = set(self._context.plan.other_ports)
        if others - set(self._open):
            self._context.wait_for(lambda: others <= set(self._look()), LATE)
            self.sweep()

    @property
    def ports(self) -> tuple[int, ...]:
        """All ports that were open at some time, by number."""
        return tuple(sorted({*self._open, *self._probed}))

    @property
    def http_ports(self) -> tuple[int, ...]:
        """Those that spoke HTTP, by number."""
        return tuple(sorted(port for port, probed in self._probed.items() if probed.scheme))

    @property
    def main_port(self) -> int | None:
        """The port for the user's own commands: named before EXPOSEd before any, HTTP before the rest."""
        plan = self._context.plan
        wishes = (plan.named_ports, plan.expected_ports, self.ports)
        candidates = [port for wish in wishes for port in wish if port in self.ports]
        return next((port for port in candidates if self.scheme(port)), next(iter(candidates), None))

    def scheme(self, port: int) -> str:
        """http, https, or "" for a port that spoke neither."""
        return self._probed[port].scheme if port in self._probed else ""

    def answers(self) -> tuple[Answer, ...]:
        """Every answer that counts, judged across all ports."""
        chosen = [
            (position, port, answer)
            for port, probed in self._probed.items()
            for position, answer in probed.answers
            if probed.scheme or self._must_answer(port)
        ]
        answers = [answer for _, _, answer in sorted(chosen, key=lambda entry: entry[:2])]
        return tuple(reconcile_answers(answers, explicit=self._context.plan.explicit))

    def warnings(self) -> tuple[str, ...]:
        """What the user should know about the ports, and about answers that are odd but no failure."""
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
                    f"asked {len(self._probed)} of {seen:,} ports on which the app listens: name those that matter (--port)"
                )
        first = not self._context.replay and not plan.shared
        if first and plan.expected_ports and not set(plan.expected_ports) & set(self._open):
            notes.append(f"nothing listened on what the image EXPOSEs ({listed(plan.expected_ports)})")
        if first and plan.own_command and plan.until is Until.PROBES and self._context.ended and not self._open:
            notes.append(
                "the image's own command ended by itself, and nothing else was observed: other arguments need --cmd (repeatable)"
            )
        if plan.asks and self._open and not self.http_ports and not (plan.exec_commands or plan.host_commands):
            notes.append(
                "no port spoke HTTP, so only the start of the app was observed: exercise it with --exec or --exercise"
            )
        return notes

    def _must_answer(self, port: int) -> bool:
        """Whether silence is a failure: on a port that was named, or when the user's own requests reached nobody."""
        plan = self._context.plan
        return port in plan.named_ports or (plan.explicit and not plan.shared and not self.http_ports)

    def _next(self) -> list[int]:
        """Ports to be asked now: those that were named or expected before the rest."""
        plan = self._context.plan
        waiting = in_order(plan, set(self._look()) - self._probed.keys())
        waiting = [port for port in waiting if self._spent < BUDGET or self._is_sure(port)]
        wanted = [port for port in waiting if port in (*plan.named_ports, *plan.expected_ports)]
        width = 1 if plan.explicit else SIDE_BY_SIDE
        return (wanted or waiting)[: max(0, min(width, MOST_PORTS - len(self._probed)))]

    def _probe_port(self, ports: list[int]) -> None:
        """All of them side by side. What is said of them comes in their order."""
        started, first = time.monotonic(), not self.http_ports
        self._patient = self._patient and len(ports) <= FEW  # of many the most are silent
        probes = side_by_side(self._probe_one, ports, SIDE_BY_SIDE, _head_start)
        self._probed.update(zip(ports, probes, strict=True))
        is_app = first and len(ports) == 1 and bool(probes[0].scheme)
        if not is_app and not any(map(self._is_sure, ports)):
            self._spent += time.monotonic() - started
        for port, probed in zip(ports, probes, strict=True):
            if probed.scheme:
                number = counted(len(probed.answers), "request")
                self._context.say(f"port {port} speaks {probed.scheme.upper()}: {number}")

    def _probe_one(self, port: int) -> PortProbe:
        plan = self._context.plan
        if port in plan.named_ports:
            return probe_port(self._context, port, plan.request_timeout)
        started, patience = time.monotonic(), SILENCE
        if port in plan.silent_ports:
            patience = KNOWN_SILENCE
        elif self._patient or port in plan.expected_ports:
            patience = plan.request_timeout + SILENCE
        probed = probe_port(self._context, port, min(patience, plan.request_timeout), patience)
        self._patient = self._patient and not probed.scheme and time.monotonic() - started < SILENCE
        return probed

    def _is_sure(self, port: int) -> bool:
        """Whether the port is asked whatever that takes: the user named it, or it spoke HTTP in the original."""
        plan = self._context.plan
        spoke = self._context.replay and port in plan.expected_ports and port not in plan.silent_ports
        return port in plan.named_ports or spoke

    def _look(self) -> tuple[int, ...]:
        """Ports that are open now, and those that were before: they may have closed since. Of too many those that were asked stay."""
        known = in_order(self._context.plan, {*self._open, *open_ports(self._context, self._open)})
        self._open = tuple(sorted(known, key=lambda port: port not in self._probed)[:MOST_OPEN])
        return self._open
