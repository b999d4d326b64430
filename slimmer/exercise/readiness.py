"""When is the app ready? When it listens and accepts; or it was a command, and has ended; or a worker, and just runs.

Nothing tells these three apart but waiting: how long depends on what the image and the user said (`_patience`).
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterable

from slimmer.errors import AppFailed
from slimmer.exercise.context import ExerciseContext, last_words
from slimmer.exercise.plan import Plan, Until
from slimmer.formatting import listed
from slimmer.tasks import side_by_side

CONNECT_TIMEOUT = 2.0

MOST_OPEN = 128
"""Open ports that are known of at most: an app may listen on thousands, or open a new one for each request."""

MOST_TRIED = 256
"""Ports that one look tries to connect to: an app may have listened on thousands, and closed them again."""

SIDE_BY_SIDE = 32
"""Ports that are tried, or asked, at a time."""

WORKER_PATIENCE = 5.0
"""Seconds for an app to begin to listen, when nothing says that it will, before commands are run against it."""


def listening(context: ExerciseContext) -> list[int]:
    """Ports that may be exercised, whether they accept or not, in their order."""
    plan = context.plan
    return in_order(
        plan, {port for port in context.subject.listening_ports() if port in plan.named_ports or not plan.ports}
    )


def in_order(plan: Plan, ports: Iterable[int]) -> list[int]:
    """First those that were named or expected, then those that the original opened, each by number."""
    wanted, known = {*plan.named_ports, *plan.expected_ports}, set(plan.other_ports)
    return sorted(ports, key=lambda port: (port not in wanted, port not in known, port))


def open_ports(context: ExerciseContext, known: tuple[int, ...] = ()) -> tuple[int, ...]:
    """Those that accept connections, at most MOST_OPEN of them; those that are `known` to are not tried again."""
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


def await_ready(context: ExerciseContext, over: Callable[[], bool]) -> tuple[int, ...]:
    """Wait for the app; the ports that are open then: none for a worker, or for a command that has ended.

    `over` tells that the user has seen enough of a worker. Raises AppFailed when the app never gets ready, or exits though
    it was to listen.
    """
    ports: tuple[int, ...] = ()

    def ready() -> bool:
        nonlocal ports
        ports = open_ports(context, ports)
        return bool(ports) and set(_required(context)) <= set(ports)

    def seen_enough() -> bool:
        return context.plan.until is not Until.SECONDS and not _must_listen(context.plan) and over()

    if context.wait_for(lambda: ready() or seen_enough(), _patience(context)):
        return ports
    if context.ended:
        _check_command(context)
    elif not _may_be_silent(context):
        raise _never_ready(context)
    return ports


def _accepts(context: ExerciseContext, port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(context.subject.endpoint(port), CONNECT_TIMEOUT):
        return True
    return False


def _required(context: ExerciseContext) -> tuple[int, ...]:
    """Ports without which the app is not ready. An image may EXPOSE more than it serves; the original's ports are sure."""
    plan = context.plan
    named = () if plan.shared else plan.named_ports
    return named + (plan.expected_ports if context.replay else ())


def _must_listen(plan: Plan) -> bool:
    """Whether the user said that this app listens, and not just one of several."""
    return not plan.shared and bool(plan.named_ports or (plan.explicit and plan.asks))


def _patience(context: ExerciseContext) -> float | None:
    """Seconds to wait for a listener or an end; None for as long as it takes."""
    plan = context.plan
    if plan.until is Until.EXIT:
        return plan.exit_timeout
    first = plan.shared and not context.replay
    if not first and (_must_listen(plan) or plan.expected_ports):
        return plan.ready_timeout
    if plan.until is Until.SECONDS and (not context.replay or _may_be_silent(context)):
        return min(plan.ready_timeout, plan.seconds)
    if not context.replay and plan.until in (Until.SIGNAL, Until.ENTER):
        return None
    if first:
        return plan.ready_timeout  # nothing tells a worker from a slow server
    if _may_be_silent(context):
        return min(plan.ready_timeout, WORKER_PATIENCE)
    return plan.exit_timeout or plan.ready_timeout


def _may_be_silent(context: ExerciseContext) -> bool:
    """Whether an app that neither listens nor exits is fine: somebody else says what to do with it, or for how long."""
    plan = context.plan
    if _must_listen(plan) or plan.until is Until.EXIT:
        return False
    if context.replay:
        return not plan.expected_ports and plan.exit_timeout is None
    if plan.shared:
        return True
    by_time = plan.until in (Until.SECONDS, Until.SIGNAL, Until.ENTER)
    return by_time or (bool(plan.host_commands or plan.exec_commands) and not plan.expected_ports)


def _is_server(plan: Plan) -> bool:
    """Whether an image means to listen: it EXPOSEs ports, runs its own command, and the user says nothing else."""
    return plan.own_command and bool(plan.expected_ports) and plan.http and plan.until is Until.PROBES


def _check_command(context: ExerciseContext) -> None:
    """The app exited before it listened. Fine for a command; not for what was to be a server, nor with an error."""
    plan, code = context.plan, context.subject.exit_code()
    if _must_listen(plan) or (context.replay and plan.expected_ports):
        ports = _words(_required(context))
        waited = f"it listened on {ports}" if ports else "it listened on any TCP port"
        raise AppFailed(f"the app exited with code {code} before {waited}{last_words(context.subject)}")
    if _is_server(plan):
        raise AppFailed(
            f"the app exited with code {code} before it listened on {_words(plan.expected_ports)}, which the image EXPOSEs"
            f"{last_words(context.subject)}",
            hint="Does it need variables (--env), arguments (--cmd) or volumes (--volume)? If it is to end: --until exit.",
        )
    if (plan.exec_commands or plan.host_commands) and plan.until is not Until.EXIT and not plan.shared:
        raise AppFailed(
            f"the app exited with code {code} before a command could be run against it{last_words(context.subject)}"
        )


def _never_ready(context: ExerciseContext) -> AppFailed:
    plan = context.plan
    ports = context.subject.listening_ports()
    seen = f"it listens on {_words(ports)}" if ports else "it listens on nothing"
    waited = _words(_required(context) or plan.expected_ports) or "any TCP port"
    if plan.until is Until.EXIT or (plan.exit_timeout and not plan.expected_ports):
        message = f"the app did not end within {context.elapsed:.0f} s"
    else:
        message = f"the app was not ready within {plan.ready_timeout:g} s: waited for {waited} to accept; {seen}"
    return AppFailed(message + last_words(context.subject), hint=_advice(plan))


def _advice(plan: Plan) -> str:
    if _must_listen(plan) or plan.expected_ports:
        return (
            "More time: --ready-timeout 180. Another port: --port N. An app that serves nobody: --until 30 "
            "(seconds to watch it)."
        )
    return (
        "A worker that serves nobody: --until 30 (seconds to watch it), or commands for it: --exec, --exercise. A command "
        "that takes longer: --until exit. A slow server: --ready-timeout 180."
    )


def _words(ports: tuple[int, ...]) -> str:
    unique = sorted(set(ports))
    return f"port{'s' if len(unique) > 1 else ''} {listed(unique)}" if unique else ""
