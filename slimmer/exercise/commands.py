"""The commands of a plan: in the container, the image's HEALTHCHECK, and on this machine against the app."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator

from slimmer.exercise.context import ExerciseContext
from slimmer.exercise.exec_server import exec_server
from slimmer.exercise.plan import Outcome
from slimmer.exercise.process import run_shell
from slimmer.exercise.readiness import open_ports
from slimmer.exit_codes import TIMED_OUT

CHECK_PAUSE = 0.2
"""Seconds between two tries of a health check."""

SHORTEST_CHECK = 5.0
"""Seconds that a health check may take, even if the time to get ready is nearly over."""

NOT_RUN = -1
"""The exit code of a command that was never started."""


def run_exec_commands(context: ExerciseContext) -> Iterator[Outcome]:
    """Run each --exec command in the container as the image's user, one after the other."""
    if _is_others(context):
        return
    for command in context.plan.exec_commands:
        context.say(f"in the container: {shlex.join(command)}")
        if context.ended:
            yield _not_run(command, "container")
            continue
        code, output = context.subject.execute(command, context.plan.command_timeout)
        yield Outcome(command, "container", code, output, _problem("--exec", shlex.join(command), code, context))
        context.check_running(f"while `{shlex.join(command)}` ran in its container")


def run_healthcheck(context: ExerciseContext) -> Iterator[Outcome]:
    """Run the HEALTHCHECK's command until it succeeds, within the time that the app may take to get ready."""
    command = context.plan.healthcheck
    if not command or context.replay or context.ended or _is_others(context):
        return
    context.say("HEALTHCHECK")
    code, output = _check(context)
    while code != 0 and context.ready_in > 0 and not context.ended:
        context.pause(CHECK_PAUSE)
        code, output = _check(context)
    context.check_running("while its HEALTHCHECK was run")
    problem = f"HEALTHCHECK: still exit code {code} after {context.elapsed:.0f} s" if code else ""
    yield Outcome(command, "healthcheck", code, output, problem)


def run_host_commands(
    context: ExerciseContext, port: int | None, scheme: str, sweep: Callable[[], None]
) -> Iterator[Outcome]:
    """Run each --exercise command here with `sh -c`; SLIMMER_* variables lead it to the app.

    `sweep` is called after each one, as it may have made the app listen on a new port.
    """
    if not context.plan.host_commands or _is_others(context):
        return
    timeout = context.plan.command_timeout
    name = context.subject.container_name()
    with exec_server(lambda argv: context.subject.execute(argv, timeout), name) as executable:
        environment = {"SLIMMER_EXEC": str(executable), **_whereabouts(context, port, scheme)}
        for command in context.plan.host_commands:
            context.say(f"on this machine: {command}")
            if context.ended:
                yield _not_run((command,), "host")
                continue
            code, output = run_shell(command, environment, timeout, lambda: _gone(context))
            context.check_running(f"while `{command}` ran against it")
            yield Outcome((command,), "host", code, output, _problem("--exercise", command, code, context))
            sweep()


def _is_others(context: ExerciseContext) -> bool:
    """Whether another one of the image's commands, one that listens, is who is asked."""
    return context.plan.shared and not open_ports(context)


def _check(context: ExerciseContext) -> tuple[int, str]:
    return context.subject.execute(context.plan.healthcheck, max(SHORTEST_CHECK, context.ready_in))


def _gone(context: ExerciseContext) -> bool:
    """Whether the app has exited, against expectation; also lets the subject raise what is wrong with the run."""
    context.subject.wait(0)
    if context.ended:
        context.check_running("while a command ran against it")
    return False


def _whereabouts(context: ExerciseContext, port: int | None, scheme: str) -> dict[str, str]:
    """SLIMMER_URL is empty for a port that speaks no HTTP, and all three are when nothing listens."""
    host, number = ("", 0) if port is None else context.subject.endpoint(port)
    authority = f"[{host}]:{number}" if ":" in host else f"{host}:{number}"
    return {
        "SLIMMER_CONTAINER": context.subject.container_name(),
        "SLIMMER_HOST": host,
        "SLIMMER_PORT": str(number) if port is not None else "",
        "SLIMMER_URL": f"{scheme}://{authority}" if scheme else "",
    }


def _problem(option: str, command: str, code: int, context: ExerciseContext) -> str:
    if code == TIMED_OUT:
        return f"{option} `{command}`: no end within {context.plan.command_timeout:g} s (or exit code {code})"
    return f"{option} `{command}`: exit code {code}" if code else ""


def _not_run(command: tuple[str, ...], where: str) -> Outcome:
    problem = f"`{shlex.join(command)}` was not run: the app had exited before"
    return Outcome(command, where, NOT_RUN, "", problem)
