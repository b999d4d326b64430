"""What the original did, which a replay waits for and is held to."""

from __future__ import annotations

from dataclasses import dataclass

from slimmer.exercise.grpc.health import answered_unready
from slimmer.exercise.ports import lasting_ports
from slimmer.exercise.request import Asked, Request
from slimmer.exercise.result import WARMING_UP, Answer, ExerciseResult
from slimmer.exercise.rpc import Rpc
from slimmer.exercise.turn import Turn


@dataclass(frozen=True, slots=True)
class ReplayExpectations:
    """What a replay expects of the slim image.

    `http_ports`: the ports that spoke HTTP. `other_ports`: the rest of the ports that will be the same in every run. `udp_ports`: the
    UDP ports. `ready_after`: the seconds after which the original was ready, and `watched`: how long it was watched from then on.
    `slowest`: the seconds that its slowest answer took.
    `unready`: the requests, with their ports, that the original answered to the end like an app that is not ready. `exited_after`:
    the seconds after which the original exited; None if it did not. `generated`: the generated requests that the original answered,
    with their ports. They are sent again. `sessions`: the ports with which slimmer spoke another protocol, and its name. `calls`:
    the calls of gRPC that it answered, with their ports. `sockets`: the Unix sockets that answered; `unready_sockets` as of ports.
    """

    http_ports: tuple[int, ...] = ()
    other_ports: tuple[int, ...] = ()
    unready: tuple[tuple[int, Asked], ...] = ()
    exited_after: float | None = None
    udp_ports: tuple[int, ...] = ()
    ready_after: float = 0.0
    watched: float = 0.0
    slowest: float = 0.0
    generated: tuple[tuple[int, Request], ...] = ()
    sessions: tuple[tuple[int, str], ...] = ()
    calls: tuple[tuple[int, Rpc], ...] = ()
    sockets: tuple[str, ...] = ()
    unready_sockets: tuple[tuple[str, Asked], ...] = ()

    @property
    def ready_ports(self) -> tuple[int, ...]:
        """The ports that must accept connections before the app counts as ready."""
        return self.http_ports or self.other_ports


def replay_expectations(observed: ExerciseResult) -> ReplayExpectations:
    """Make the expectations from what the original did.

    Ports that the kernel chose differ in every run, so they are expected only if they spoke HTTP. The time in which requests were
    generated does not count as time to watch: a replay sends only those that were kept.
    """
    watched = observed.done_after - observed.ready_after - sum(one.seconds for one in observed.generated)
    return ReplayExpectations(
        http_ports=observed.http_ports,
        other_ports=tuple(port for port in lasting_ports(observed.ports) if port not in observed.http_ports),
        unready=tuple((answer.port, answer.request) for answer in observed.answers if _is_unready(answer)),
        sockets=tuple(dict.fromkeys(answer.unix_socket for answer in observed.answers if answer.unix_socket)),
        unready_sockets=tuple(
            (answer.unix_socket, answer.request) for answer in observed.answers if _is_unready(answer)
        ),
        exited_after=None if observed.exit_code is None else observed.seconds,
        udp_ports=observed.udp_ports,
        ready_after=observed.ready_after,
        watched=max(0.0, watched) if observed.exit_code is None else 0.0,
        slowest=max((answer.seconds for answer in observed.answers if not answer.truncated), default=0.0),
        generated=tuple(
            (answer.port, answer.request)
            for answer in observed.answers
            if isinstance(answer.request, Request) and answer.request.source
        ),
        sessions=tuple(
            dict.fromkeys(
                (answer.port, answer.request.protocol)
                for answer in observed.answers
                if isinstance(answer.request, Turn)
            )
        ),
        calls=tuple((answer.port, answer.request) for answer in observed.answers if isinstance(answer.request, Rpc)),
    )


def _is_unready(answer: Answer) -> bool:
    """Return True if an app that is not ready answers like this."""
    if isinstance(answer.request, Rpc):
        return answered_unready(answer.status, answer.body)
    return answer.status in WARMING_UP
