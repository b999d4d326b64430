"""What the runs of the original exercised, added up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable
from typing import TypeVar

from slimmer.exercise.exchange import Exchange
from slimmer.exercise.grpc.status import status_name
from slimmer.exercise.result import Answer, ExerciseResult
from slimmer.exercise.rpc import Rpc
from slimmer.exercise.turn import Turn
from slimmer.unexercised import Exercised, ExercisedPort, PortUse

T = TypeVar("T", int, str)


def exercised(results: Iterable[ExerciseResult]) -> Exercised:
    """Add up what was asked in these runs, one for each command of the image. A port of several commands counts once."""
    found = list(results)
    answers = [answer for one in found for answer in one.answers if not isinstance(answer.request, Turn)]
    turns = [answer.request for one in found for answer in one.answers if isinstance(answer.request, Turn)]
    spoken = {turn.port for turn in turns if not turn.is_datagram}
    spoken |= {answer.port for answer in answers if isinstance(answer.request, Rpc)}
    datagrams = {turn.port for turn in turns if turn.is_datagram}
    http = {port for one in found for port in one.http_ports}
    tcp = {port for one in found for port in one.ports} | http
    udp = {port for one in found for port in one.udp_ports}
    sockets = {path for one in found for path in one.sockets}
    http_sockets = {path for one in found for path in one.http_sockets}
    spoken_sockets = {answer.unix_socket for answer in answers if not answer.problem}
    classes = Counter(_class(answer) for answer in answers if answer.status is not None)
    return Exercised(
        ports=(
            *(ExercisedPort(port, "tcp", _use(port, http, spoken)) for port in sorted(tcp)),
            *(ExercisedPort(port, "udp", _use(port, (), datagrams)) for port in sorted(udp)),
            *(ExercisedPort(0, "unix", _use(path, http_sockets, spoken_sockets), path) for path in sorted(sockets)),
        ),
        requests=len(answers),
        answers=dict(sorted(classes.items())),
        unanswered=sum(_is_unanswered(answer) for answer in answers),
        commands=sum(len(one.outcomes) for one in found),
    )


def _is_unanswered(answer: Answer) -> bool:
    """Return True if nothing came of a request. An exchange that passed has no status."""
    return answer.status is None and (bool(answer.problem) or not isinstance(answer.request, Exchange))


def _class(answer: Answer) -> str:
    """Return the class of a status: "2xx", or the name of a status of gRPC."""
    status = answer.status or 0
    return f"gRPC {status_name(status)}" if isinstance(answer.request, Rpc) else f"{status // 100}xx"


def _use(port: T, http: Container[T], spoken: Container[T]) -> PortUse:
    if port in http:
        return PortUse.ANSWERED
    return PortUse.SPOKEN if port in spoken else PortUse.SILENT
