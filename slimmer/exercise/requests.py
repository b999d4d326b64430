"""The requests of a plan to all ports that speak HTTP, also to those that begin to listen while the others are asked."""

from __future__ import annotations

from slimmer.exercise.plan import Answer, Until
from slimmer.exercise.readiness import MOST_PORTS, open_ports
from slimmer.exercise.verdict import settle
from slimmer.exercise.visit import Visited, visit
from slimmer.exercise.watch import Watch
from slimmer.wording import counted, listed

LATE = 10.0
"""Seconds to wait for a port that the image EXPOSEs, when those that are open speak no HTTP, or that the original opened."""

MOST_WARNINGS = 10


class Requests:
    """Visits each port once, whenever it shows up. The answers are in the plan's order, whatever the order of the ports."""

    def __init__(self, watch: Watch, ports: tuple[int, ...]) -> None:
        self._watch = watch
        self._open = ports
        self._visited: dict[int, Visited] = {}

    def sweep(self) -> None:
        """Send the requests to every port that was not visited before, until there is no new one."""
        while new := [port for port in self._look() if port not in self._visited]:
            for port in new[: MOST_PORTS - len(self._visited)]:
                self._visit(port)
                self._watch.check_running(f"while port {port} was exercised")
            if len(self._visited) >= MOST_PORTS:
                break

    def await_late_ports(self) -> None:
        """Where nobody spoke HTTP so far, give the ports that the image EXPOSEs some time to open, and visit them."""
        missing = set(self._watch.plan.expected_ports) - set(self._open)
        if self._watch.plan.asks and self._open and missing and not self.http_ports:
            limit = min(LATE, self._watch.ready_in)
            self._watch.wait_for(lambda: bool(set(self._look()) - set(self._visited)), limit)
            self.sweep()

    def await_other_ports(self) -> None:
        """Wait for what the original opened for other protocols than HTTP, and visit it as it was visited there."""
        others = set(self._watch.plan.other_ports)
        if others - set(self._open):
            self._watch.wait_for(lambda: others <= set(self._look()), LATE)
            self.sweep()

    @property
    def ports(self) -> tuple[int, ...]:
        """All ports that were open at some time, by number."""
        return tuple(sorted({*self._open, *self._visited}))

    @property
    def http_ports(self) -> tuple[int, ...]:
        """Those that spoke HTTP, by number."""
        return tuple(sorted(port for port, visited in self._visited.items() if visited.scheme))

    @property
    def main_port(self) -> int | None:
        """The port for the user's own commands: named before EXPOSEd before any, HTTP before the rest."""
        plan = self._watch.plan
        wishes = (plan.named_ports, plan.expected_ports, self.ports)
        candidates = [port for wish in wishes for port in wish if port in self.ports]
        return next((port for port in candidates if self.scheme(port)), next(iter(candidates), None))

    def scheme(self, port: int) -> str:
        """http, https, or "" for a port that spoke neither."""
        return self._visited[port].scheme if port in self._visited else ""

    def answers(self) -> tuple[Answer, ...]:
        """Every answer that counts, judged across all ports."""
        chosen = [
            (position, port, answer)
            for port, visited in self._visited.items()
            for position, answer in visited.answers
            if visited.scheme or self._must_answer(port)
        ]
        answers = [answer for _, _, answer in sorted(chosen, key=lambda entry: entry[:2])]
        return tuple(settle(answers, explicit=self._watch.plan.explicit))

    def warnings(self) -> tuple[str, ...]:
        """What the user should know about the ports, and about answers that are odd but no failure."""
        odd = [answer.warning for answer in self.answers() if answer.warning]
        rest = [f"and {len(odd) - MOST_WARNINGS} more such answers"] if len(odd) > MOST_WARNINGS else []
        return tuple(self._notes() + odd[:MOST_WARNINGS] + rest)

    def _notes(self) -> list[str]:
        plan = self._watch.plan
        notes: list[str] = []
        if len(self._visited) >= MOST_PORTS:
            notes.append(f"the app opens ever more ports: only {MOST_PORTS} of them were exercised")
        first = not self._watch.replay and not plan.shared
        if first and plan.expected_ports and not set(plan.expected_ports) & set(self._open):
            notes.append(f"nothing listened on what the image EXPOSEs ({listed(plan.expected_ports)})")
        if first and plan.own_command and plan.until is Until.PROBES and self._watch.ended and not self._open:
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
        plan = self._watch.plan
        return port in plan.named_ports or (plan.explicit and not plan.shared and not self.http_ports)

    def _visit(self, port: int) -> None:
        plan = self._watch.plan
        named = port in (*plan.named_ports, *plan.expected_ports)
        self._visited[port] = visit(self._watch, port, patient=named or not self.http_ports)
        if scheme := self._visited[port].scheme:
            number = counted(len(self._visited[port].answers), "request")
            self._watch.say(f"port {port} speaks {scheme.upper()}: {number}")

    def _look(self) -> tuple[int, ...]:
        """Ports that are open now, but for those that were visited: they may have closed since."""
        self._open = tuple(dict.fromkeys((*open_ports(self._watch, self._open), *self._open)))
        return self._open
