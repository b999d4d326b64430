"""Which ports of the app accept connections now, and in which order to exercise them."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterable

from slimmer.exercise.context import ExerciseContext
from slimmer.exercise.mode import Mode
from slimmer.exercise.ports import MOST_OPEN, MOST_TRIED, SIDE_BY_SIDE
from slimmer.tasks import side_by_side

CONNECT_TIMEOUT = 2.0


def listening(context: ExerciseContext) -> list[int]:
    """Return the ports that may be exercised, in order, whether they accept connections or not."""
    plan = context.plan
    ports = {port for port in context.subject.listening_ports() if port in plan.named_ports or not plan.ports}
    return in_order(context.mode, ports)


def in_order(mode: Mode, ports: Iterable[int]) -> list[int]:
    """Sort ports: first those that were named or expected, then the others that the original opened, then the rest."""
    wanted, known = {*mode.plan.named_ports, *mode.expected_ports}, set(mode.other_ports)
    return sorted(ports, key=lambda port: (port not in wanted, port not in known, port))


def open_ports(context: ExerciseContext, known: tuple[int, ...] = ()) -> tuple[int, ...]:
    """Return the ports that accept connections, at most MOST_OPEN. Those in `known` count as open without another try."""
    found: list[int] = []
    tried = listening(context)[:MOST_TRIED]
    for start in range(0, len(tried), SIDE_BY_SIDE):
        ports = tried[start : start + SIDE_BY_SIDE]
        new = [port for port in ports if port not in known]
        accept = dict(zip(new, side_by_side(lambda port: _accepts(context, port), new, SIDE_BY_SIDE), strict=True))
        found += [port for port in ports if accept.get(port, True)]
        if len(found) >= MOST_OPEN:
            break
    return tuple(found[:MOST_OPEN])


def _accepts(context: ExerciseContext, port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(context.subject.endpoint(port), CONNECT_TIMEOUT):
        return True
    return False
