"""When is the app ready? A server when it accepts connections, a command when it has exited, a worker as soon as it runs.

Only waiting tells these three apart. How long to wait depends on what the user, the image and the original say (`Mode.patience`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from slimmer.errors import AppFailed, NotInTime
from slimmer.exercise.context import ExerciseContext, last_words
from slimmer.exercise.mode import Mode, port_words
from slimmer.exercise.open_ports import open_ports
from slimmer.exercise.plan import Until
from slimmer.exercise.socket_sweep import SocketSweep
from slimmer.formatting import listed

SHOWN_SOCKETS = 3


def await_ready(context: ExerciseContext, over: Callable[[], bool], sockets: SocketSweep) -> tuple[int, ...]:
    """Wait for the app. Return its open TCP ports: none for a worker, for a server of UDP, or for a command that has exited.

    An image that EXPOSEs ports is ready when all of them are open, or when some port is and the app has settled or had its time.
    `sockets` that were named must take connections, too. An app without a port is ready when it has settled and one of its sockets speaks HTTP.

    `over` returns True when the user has seen enough of a worker. Raises AppFailed if the app never gets ready, or exits
    though it was expected to listen.
    """
    mode = context.mode
    ports: tuple[int, ...] = ()
    bound: tuple[int, ...] = ()

    def ready() -> bool:
        nonlocal ports, bound
        ports = open_ports(context, ports)
        if not (set(mode.required_ports) <= set(ports) and sockets.look()):
            return False
        bound = () if mode.must_listen else context.subject.bound_ports()
        if mode.has_all_ports(ports, bound) or sockets.serves_shared():
            return True
        return context.settled and (mode.may_start_with(ports, bound) or (not ports and sockets.find()))

    def seen_enough() -> bool:
        return mode.may_end_unready and over()

    if context.wait_for(lambda: ready() or seen_enough(), mode.patience()):
        return ports
    if context.ended:
        _check_exit(context)
    elif not mode.may_be_silent() and (sockets.missing or not mode.may_start_with(ports, bound)):
        raise _never_ready(context, sockets.missing)
    return ports


def _check_exit(context: ExerciseContext) -> None:
    """The app exited before it listened. Raise AppFailed if it was expected to listen, or to run the user's commands."""
    mode, plan = context.mode, context.plan
    missed, hint = mode.missed_listener()
    if not missed and plan.has_commands and plan.until is not Until.EXIT and not mode.shared:
        missed = "a command could be run against it"
    if missed:
        code = context.subject.exit_code()
        raise AppFailed(f"the app exited with code {code} before {missed}{last_words(context.subject)}", hint=hint)


def _never_ready(context: ExerciseContext, missing: Mapping[str, str]) -> AppFailed:
    """Return the error for an app that is not ready. `missing`: sockets that took no connection, each with the reason."""
    mode, plan = context.mode, context.plan
    ports = context.subject.listening_ports() + context.subject.bound_ports()
    sockets = tuple(path for path in context.subject.listening_sockets() if path not in missing)[:SHOWN_SOCKETS]
    seen = f"it listens on {' and on '.join(filter(None, (port_words(ports), listed(sockets)))) or 'no port'}"
    waited = port_words((mode.required_ports or mode.expected_ports) + mode.udp_ports) or "any TCP port"
    if missing:
        path, why = next(iter(missing.items()))
        message = f"the app was not ready within {mode.ready_timeout:g} s: {path} did not open: {why}; {seen}"
        return NotInTime(message + last_words(context.subject), hint=_advice(mode))
    if plan.until is Until.EXIT or (mode.exit_timeout and not (mode.expected_ports or mode.udp_ports)):
        message = f"the app did not exit within {context.elapsed:.0f} s"
    else:
        message = f"the app was not ready within {mode.ready_timeout:g} s: {waited} did not open; {seen}"
    return NotInTime(message + last_words(context.subject), hint=_advice(mode))


def check_served(context: ExerciseContext, ports: tuple[int, ...], *, exercised: bool) -> None:
    """Raise NotInTime if none of the ports that must be served is open, although the app had its time.

    `exercised`: a request was answered or a command was run, so the app was exercised in another way.
    """
    wanted = context.mode.must_serve()
    if wanted and not exercised and not context.ended and not set(wanted) & {*ports, *context.subject.bound_ports()}:
        raise _never_ready(context, {})


def _advice(mode: Mode) -> str:
    if mode.must_listen or mode.expected_ports or mode.udp_ports:
        return (
            "To wait longer: --ready-timeout 180. If the app uses another port: --port N, or a Unix socket: --unix-socket PATH. "
            "If it does not listen: --until 30 (watches it for 30 seconds)."
        )
    return (
        "For a worker that does not listen: --until 30 (watches it for 30 seconds), or give it commands with --exec or "
        "--exercise. For a command that takes longer: --until exit. For a slow server: --ready-timeout 180."
    )
