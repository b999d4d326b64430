"""How a first run and a replay differ: what to wait for, how long, and what to blame the app for.

Before the first run, only the user and the image say what kind of app it is: a server, a command that ends, or a worker that
serves nobody. A replay knows what the original did.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import dataclass

from slimmer.exercise.expectations import ReplayExpectations
from slimmer.exercise.plan import ExercisePlan, Until
from slimmer.exercise.profile import AppProfile
from slimmer.exercise.request import Asked, Request
from slimmer.exercise.rpc import Rpc
from slimmer.formatting import listed

WORKER_PATIENCE = 5.0
"""Seconds to wait for a listener before commands run against an app that nothing says will listen."""

SLOWER = 10
"""How many times longer than the original the slim image may take to end: the machine may be busy."""

BUSIER = 3
"""How many times longer than the original the slim image may take to get ready or to answer."""

LONGEST_WATCH = 60.0
"""The longest that a replay watches, in seconds, if the original was watched for some time."""


@dataclass(frozen=True)
class Mode(ABC):
    """What a first run and a replay have in common.

    `shared`: the plan is for several commands of the image together. Those that listen get the requests and the user's
    commands; the others just run.
    """

    plan: ExercisePlan
    shared: bool

    @property
    def must_listen(self) -> bool:
        """Return True if the user said that this very app listens."""
        plan = self.plan
        named = plan.named_ports or plan.named_sockets
        return not self.shared and bool(named or (plan.explicit and plan.needs_tcp))

    @property
    def may_end_unready(self) -> bool:
        """Return True if the end of a worker may come while slimmer still waits for a port."""
        return self.plan.until is not Until.SECONDS and not self.must_listen

    @property
    def required_ports(self) -> tuple[int, ...]:
        """The ports that must accept connections before the app is ready."""
        return () if self.shared else self.plan.named_ports

    @property
    def required_sockets(self) -> tuple[str, ...]:
        """The Unix sockets that must take connections before the app is ready."""
        return () if self.shared else self.plan.named_sockets

    @property
    @abstractmethod
    def seeks_sockets(self) -> bool:
        """Return True if an app without a port may be ready with a Unix socket that nobody named."""

    @property
    @abstractmethod
    def unready_sockets(self) -> tuple[tuple[str, Asked], ...]:
        """The requests, with their sockets, that are known to be answered as if the app were not ready, for as long as it runs."""

    @property
    @abstractmethod
    def expected_ports(self) -> tuple[int, ...]:
        """The ports that the app should open. They come first."""

    @property
    @abstractmethod
    def other_ports(self) -> tuple[int, ...]:
        """Ports of other protocols than HTTP that the app should open at some time."""

    @property
    @abstractmethod
    def udp_ports(self) -> tuple[int, ...]:
        """The UDP ports that the app should bind."""

    @property
    @abstractmethod
    def is_settling(self) -> bool:
        """Return True if the exercise continues while the app is starting, because nothing else says when it ends."""

    @property
    @abstractmethod
    def watched(self) -> float:
        """The seconds for which the app is watched at least once it is ready."""

    @property
    @abstractmethod
    def ready_timeout(self) -> float:
        """The seconds in which the app must get ready."""

    @property
    @abstractmethod
    def request_timeout(self) -> float:
        """The seconds in which a request must be answered."""

    @property
    @abstractmethod
    def generated(self) -> tuple[tuple[int, Request], ...] | None:
        """The generated requests to send, with their ports; None if they are still to be found."""

    @property
    @abstractmethod
    def sessions(self) -> tuple[tuple[int, str], ...] | None:
        """The ports with which to speak another protocol than HTTP, and its name; None if they are still to be found."""

    @property
    @abstractmethod
    def calls(self) -> tuple[tuple[int, Rpc], ...] | None:
        """The calls of gRPC to make, with their ports; None if they are still to be found."""

    @abstractmethod
    def has_all_ports(self, tcp: Collection[int], udp: Collection[int]) -> bool:
        """Return True if the app that has these ports open needs no others to be ready."""

    @abstractmethod
    def may_start_with(self, tcp: Collection[int], udp: Collection[int]) -> bool:
        """Return True if these ports will do once the app has settled, or has had its time: the others may never open."""

    @abstractmethod
    def must_serve(self) -> tuple[int, ...]:
        """The EXPOSEd ports of which one must open, if nothing else exercises the app; () if none must."""

    @property
    @abstractmethod
    def until(self) -> Until:
        """What ends the exercise."""

    @property
    @abstractmethod
    def seconds(self) -> float:
        """How long to watch, for Until.SECONDS."""

    @property
    @abstractmethod
    def exit_timeout(self) -> float | None:
        """Seconds in which the app must end; None if it need not end, or may take as long as it likes."""

    @property
    @abstractmethod
    def healthcheck(self) -> tuple[str, ...]:
        """The HEALTHCHECK's command if it must be run; else ()."""

    @property
    @abstractmethod
    def may_fail(self) -> bool:
        """Return True if a failing exit code is a result to compare, not an error."""

    @abstractmethod
    def patience(self) -> float | None:
        """Return the seconds to wait for a listener or an exit; None for no limit."""

    @abstractmethod
    def may_be_silent(self) -> bool:
        """Return True if an app that neither listens nor exits is fine."""

    @abstractmethod
    def must_answer(self, port: int) -> bool:
        """Return True if the port gets its requests even after the time for all ports is used up."""

    @abstractmethod
    def answers_unready(self, port: int, request: Asked) -> bool:
        """Return True if the port is known to answer this request as if it were not ready, for as long as it runs."""

    @abstractmethod
    def missed_listener(self) -> tuple[str, str]:
        """Return what an app that exited was expected to do first ("it listened on port 80"), and a hint; "" for nothing."""

    @abstractmethod
    def notes(self, open_ports: tuple[int, ...], *, ended: bool) -> list[str]:
        """Return warnings about ports that nobody listened on."""


@dataclass(frozen=True)
class FirstRun(Mode):
    """The original, of which only `profile` is known."""

    profile: AppProfile

    @property
    def may_end_unready(self) -> bool:
        """A quiet app that is meant to listen may be slow to start. With a command of the user, it may be a worker."""
        awaits_ports = self._is_server and not self.shared and self.plan.until is Until.QUIET
        return super().may_end_unready and not awaits_ports

    @property
    def seeks_sockets(self) -> bool:
        """An image that EXPOSEs ports may use a socket only while it starts, as databases do."""
        plan = self.plan
        named = plan.named_ports or plan.named_sockets or self.expected_ports or self.udp_ports
        return self.is_settling and plan.http and bool(plan.asks) and not (self.shared or named)

    @property
    def unready_sockets(self) -> tuple[()]:
        return ()

    @property
    def expected_ports(self) -> tuple[int, ...]:
        return self.profile.expected_ports

    @property
    def other_ports(self) -> tuple[int, ...]:
        return ()

    @property
    def udp_ports(self) -> tuple[int, ...]:
        return self.profile.udp_ports

    @property
    def is_settling(self) -> bool:
        return self.plan.until is Until.PROBES

    @property
    def watched(self) -> float:
        return 0.0

    @property
    def ready_timeout(self) -> float:
        return self.plan.ready_timeout

    @property
    def request_timeout(self) -> float:
        return self.plan.request_timeout

    @property
    def generated(self) -> None:
        return None

    @property
    def sessions(self) -> None:
        return None

    @property
    def calls(self) -> None:
        return None

    def has_all_ports(self, tcp: Collection[int], udp: Collection[int]) -> bool:
        if self.shared or self.plan.ports:
            return bool(tcp)
        if self.expected_ports or self.udp_ports:
            return set(self.expected_ports) <= set(tcp) and set(self.udp_ports) <= set(udp)
        enough = self.required_sockets and not (self.plan.explicit and self.plan.needs_tcp)
        return bool(tcp or enough)  # a UDP socket alone may be a client's

    def may_start_with(self, tcp: Collection[int], udp: Collection[int]) -> bool:
        return bool(tcp or self.required_sockets or (udp and self.is_settling))

    def must_serve(self) -> tuple[int, ...]:
        is_server = self.profile.own_command and not self.shared and not self.must_listen
        return self.expected_ports + self.udp_ports if is_server and self.plan.until is Until.PROBES else ()

    @property
    def until(self) -> Until:
        return self.plan.until

    @property
    def seconds(self) -> float:
        return self.plan.seconds

    @property
    def exit_timeout(self) -> float | None:
        return None

    @property
    def healthcheck(self) -> tuple[str, ...]:
        return self.profile.healthcheck

    @property
    def may_fail(self) -> bool:
        return False

    def patience(self) -> float | None:
        plan = self.plan
        if plan.until is Until.EXIT:
            return None
        if not self.shared and (self.must_listen or self.expected_ports or self.udp_ports):
            return plan.ready_timeout
        if plan.until is Until.SECONDS:
            return min(plan.ready_timeout, plan.seconds)
        if plan.until in (Until.SIGNAL, Until.ENTER):
            return None
        if not self.shared and self.may_be_silent() and plan.until is not Until.QUIET:
            return min(plan.ready_timeout, WORKER_PATIENCE)
        return plan.ready_timeout  # of several commands, too: nothing tells a worker from a slow server

    def may_be_silent(self) -> bool:
        plan = self.plan
        if self.must_listen or plan.until is Until.EXIT:
            return False
        if self.shared or plan.until in (Until.SECONDS, Until.QUIET, Until.SIGNAL, Until.ENTER):
            return True
        return plan.has_commands and not (self.expected_ports or self.udp_ports)

    def must_answer(self, port: int) -> bool:
        return port in self.plan.named_ports

    def answers_unready(self, port: int, request: Asked) -> bool:
        return False

    def missed_listener(self) -> tuple[str, str]:
        if self.must_listen:
            return f"it listened on {_places(self.required_ports, self.required_sockets)}", ""
        if self._means_to_listen():
            return (
                f"it listened on {port_words(self.expected_ports + self.udp_ports)}, which the image EXPOSEs",
                "Does it need variables (--env), arguments (--cmd) or volumes (--volume)? "
                "If the app is meant to exit: --until exit.",
            )
        return "", ""

    def notes(self, open_ports: tuple[int, ...], *, ended: bool) -> list[str]:
        notes: list[str] = []
        if self.shared:
            return notes
        if self.expected_ports and not set(self.expected_ports) & set(open_ports):
            notes.append(f"nothing listened on the ports that the image EXPOSEs ({listed(self.expected_ports)})")
        if self.profile.own_command and self.plan.until is Until.PROBES and ended and not open_ports:
            notes.append(
                "the image's own command exited by itself, and nothing else was observed: "
                "to observe other arguments, add --cmd (repeatable)"
            )
        return notes

    @property
    def _is_server(self) -> bool:
        return self.profile.own_command and bool(self.expected_ports or self.udp_ports)

    def _means_to_listen(self) -> bool:
        """Return True if the image EXPOSEs ports and runs its own command, and the user says nothing else."""
        return self._is_server and self.plan.http and self.plan.until is Until.PROBES


@dataclass(frozen=True)
class Replay(Mode):
    """The slim image, or the original again. `expectations` says what the original did."""

    expectations: ReplayExpectations

    @property
    def required_ports(self) -> tuple[int, ...]:
        return super().required_ports + self.expected_ports

    @property
    def required_sockets(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(super().required_sockets + self.expectations.sockets))

    @property
    def seeks_sockets(self) -> bool:
        return False

    @property
    def unready_sockets(self) -> tuple[tuple[str, Asked], ...]:
        return self.expectations.unready_sockets

    @property
    def expected_ports(self) -> tuple[int, ...]:
        return self.expectations.ready_ports

    @property
    def other_ports(self) -> tuple[int, ...]:
        return self.expectations.other_ports

    @property
    def udp_ports(self) -> tuple[int, ...]:
        return self.expectations.udp_ports

    @property
    def is_settling(self) -> bool:
        return False

    @property
    def watched(self) -> float:
        """The slim image is watched for as long as the original, so that it does what the original did only after a while."""
        alone = self.plan.until in (Until.PROBES, Until.SECONDS, Until.QUIET)  # else the app or a user said how long
        return min(self.expectations.watched, LONGEST_WATCH) if alone else 0.0

    @property
    def ready_timeout(self) -> float:
        return max(self.plan.ready_timeout, BUSIER * self.expectations.ready_after)

    @property
    def request_timeout(self) -> float:
        return max(self.plan.request_timeout, BUSIER * self.expectations.slowest)

    @property
    def generated(self) -> tuple[tuple[int, Request], ...]:
        return self.expectations.generated

    @property
    def sessions(self) -> tuple[tuple[int, str], ...]:
        return self.expectations.sessions

    @property
    def calls(self) -> tuple[tuple[int, Rpc], ...]:
        return self.expectations.calls

    def has_all_ports(self, tcp: Collection[int], udp: Collection[int]) -> bool:
        return bool(tcp or udp or self.required_sockets) and (self.shared or set(self.udp_ports) <= set(udp))

    def may_start_with(self, tcp: Collection[int], udp: Collection[int]) -> bool:
        return False

    def must_serve(self) -> tuple[int, ...]:
        return ()

    @property
    def until(self) -> Until:
        """No user watches a replay, so nobody ends it. Nothing tells if its app is quiet: it is watched for as long as the original."""
        return Until.PROBES if self.plan.until in (Until.SIGNAL, Until.ENTER, Until.QUIET) else self.plan.until

    @property
    def seconds(self) -> float:
        """What an app does by itself while it is watched, it does again; but not for hours."""
        return min(self.plan.seconds, LONGEST_WATCH)

    @property
    def exit_timeout(self) -> float | None:
        after = self.expectations.exited_after
        return None if after is None else max(self.plan.ready_timeout, SLOWER * after)

    @property
    def healthcheck(self) -> tuple[str, ...]:
        return ()

    @property
    def may_fail(self) -> bool:
        return True

    def patience(self) -> float | None:
        plan = self.plan
        if plan.until is not Until.EXIT and (self.must_listen or self._serves):
            return self.ready_timeout
        if plan.until is Until.EXIT or self.exit_timeout is not None:
            return self.exit_timeout
        if plan.until is Until.QUIET:  # the original's worker was ready when it was quiet
            return min(LONGEST_WATCH, self.expectations.ready_after)
        return min(plan.ready_timeout, self.seconds if plan.until is Until.SECONDS else WORKER_PATIENCE)

    def may_be_silent(self) -> bool:
        if self.must_listen or self.plan.until is Until.EXIT:
            return False
        return not self._serves and self.exit_timeout is None

    @property
    def _serves(self) -> bool:
        return bool(self.expected_ports or self.udp_ports or self.required_sockets)

    def must_answer(self, port: int) -> bool:
        return port in (*self.plan.named_ports, *self.expectations.http_ports)

    def answers_unready(self, port: int, request: Asked) -> bool:
        return (port, request) in self.expectations.unready

    def missed_listener(self) -> tuple[str, str]:
        if self.must_listen or self._serves:
            return f"it listened on {_places(self.required_ports + self.udp_ports, self.required_sockets)}", ""
        return "", ""

    def notes(self, open_ports: tuple[int, ...], *, ended: bool) -> list[str]:
        return []


def _places(ports: tuple[int, ...], sockets: tuple[str, ...]) -> str:
    return " and on ".join(filter(None, (port_words(ports), listed(sockets)))) or "any TCP port"


def port_words(ports: tuple[int, ...]) -> str:
    """Return "port 80" or "ports 80, 443"; "" for no port."""
    unique = sorted(set(ports))
    return f"port{'s' if len(unique) > 1 else ''} {listed(unique)}" if unique else ""
