"""When is the app ready? A server when it accepts connections, a command when it has exited, a worker as soon as it runs.

Only waiting tells these three apart. How long to wait depends on what the user, the image and the original say (`Mode.patience`).
"""

from __future__ import annotations

from collections.abc import Callable

from slimmer.errors import AppFailed
from slimmer.exercise.context import ExerciseContext, last_words
from slimmer.exercise.mode import Mode, port_words
from slimmer.exercise.open_ports import open_ports
from slimmer.exercise.plan import Until


def await_ready(context: ExerciseContext, over: Callable[[], bool]) -> tuple[int, ...]:
    """Wait for the app. Return its open ports: none for a worker, or for a command that has exited.

    `over` returns True when the user has seen enough of a worker. Raises AppFailed if the app never gets ready, or exits
    though it was expected to listen.
    """
    mode = context.mode
    ports: tuple[int, ...] = ()

    def ready() -> bool:
        nonlocal ports
        ports = open_ports(context, ports)
        return bool(ports) and set(mode.required_ports) <= set(ports)

    def seen_enough() -> bool:
        return mode.plan.until is not Until.SECONDS and not mode.must_listen and over()

    if context.wait_for(lambda: ready() or seen_enough(), mode.patience()):
        return ports
    if context.ended:
        _check_exit(context)
    elif not mode.may_be_silent():
        raise _never_ready(context)
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


def _never_ready(context: ExerciseContext) -> AppFailed:
    mode, plan = context.mode, context.plan
    ports = context.subject.listening_ports()
    seen = f"it listens on {port_words(ports)}" if ports else "it listens on no port"
    waited = port_words(mode.required_ports or mode.expected_ports) or "any TCP port"
    if plan.until is Until.EXIT or (mode.exit_timeout and not mode.expected_ports):
        message = f"the app did not exit within {context.elapsed:.0f} s"
    else:
        message = f"the app was not ready within {plan.ready_timeout:g} s: {waited} did not accept connections; {seen}"
    return AppFailed(message + last_words(context.subject), hint=_advice(mode))


def _advice(mode: Mode) -> str:
    if mode.must_listen or mode.expected_ports:
        return (
            "To wait longer: --ready-timeout 180. If the app uses another port: --port N. "
            "If it does not listen: --until 30 (watches it for 30 seconds)."
        )
    return (
        "For a worker that does not listen: --until 30 (watches it for 30 seconds), or give it commands with --exec or "
        "--exercise. For a command that takes longer: --until exit. For a slow server: --ready-timeout 180."
    )
