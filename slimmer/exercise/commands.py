"""Run the commands of an exercise: in the container, the image's HEALTHCHECK, and against the app on this machine and in other images."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping

from slimmer.exercise.context import ExerciseContext
from slimmer.exercise.exec_server import exec_server
from slimmer.exercise.open_ports import open_ports
from slimmer.exercise.plan import ImageCommand
from slimmer.exercise.process import run_shell
from slimmer.exercise.result import Outcome
from slimmer.exit_codes import TIMED_OUT

CHECK_PAUSE = 0.2
"""Seconds between two tries of a health check."""

SHORTEST_CHECK = 5.0
"""Seconds that a health check may always take, even if the time to get ready is nearly over."""

NOT_RUN = -1
"""The exit code of a command that was never started."""


def run_exec_commands(context: ExerciseContext) -> Iterator[Outcome]:
    """Run each --exec command in the container as the image's user, one after the other."""
    if _is_for_other_command(context):
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
    """Run the HEALTHCHECK's command until it succeeds, or the time to get ready is over."""
    command = context.mode.healthcheck
    if not command or context.ended or _is_for_other_command(context):
        return
    context.say("HEALTHCHECK")
    code, output = _check(context)
    while code != 0 and context.ready_in > 0 and not context.ended:
        context.pause(CHECK_PAUSE)
        code, output = _check(context)
    context.check_running("while its HEALTHCHECK ran")
    problem = f"HEALTHCHECK: still exits with code {code} after {context.elapsed:.0f} s" if code else ""
    yield Outcome(command, "healthcheck", code, output, problem)


def run_host_commands(
    context: ExerciseContext, port: int | None, scheme: str, sweep: Callable[[], object]
) -> Iterator[Outcome]:
    """Run each --exercise command on this machine with `sh -c`. SLIMMER_* variables tell it where the app is.

    `sweep` is called after each command, since it may have made the app listen on a new port.
    """
    if not context.plan.host_commands or _is_for_other_command(context):
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
            code, output = run_shell(command, environment, timeout, lambda: _check_alive(context))
            context.check_running(f"while `{command}` ran against it")
            yield Outcome((command,), "host", code, output, _problem("--exercise", command, code, context))
            sweep()


def run_image_commands(
    context: ExerciseContext, port: int | None, scheme: str, sweep: Callable[[], object]
) -> Iterator[Outcome]:
    """Run each --exercise-image in a container in the app's network. SLIMMER_* variables tell it where the app is.

    `sweep` is called after each one, as for host commands.
    """
    if not context.plan.image_commands or _is_for_other_command(context):
        return
    host = "" if port is None else context.subject.host_beside(port)
    environment = _address(host, port, scheme)
    for wanted in context.plan.image_commands:
        words = (wanted.image, *wanted.command)
        context.say(f"beside the app: {shlex.join(words)}")
        yield _not_run(words, "image") if context.ended else _run_beside(context, wanted, environment)
        sweep()


def _run_beside(context: ExerciseContext, wanted: ImageCommand, environment: Mapping[str, str]) -> Outcome:
    words, timeout = (wanted.image, *wanted.command), context.plan.command_timeout
    own = dict(variable.split("=", 1) for variable in wanted.environment)
    code, output = context.subject.run_beside(
        wanted.image, wanted.command, {**own, **environment}, timeout, lambda: _check_alive(context)
    )
    context.check_running(f"while the image `{shlex.join(words)}` ran against it")
    return Outcome(words, "image", code, output, _problem(wanted.option, shlex.join(words), code, context))


def _is_for_other_command(context: ExerciseContext) -> bool:
    """Return True if the plan's commands are meant for another of the image's commands: one that listens."""
    return context.mode.shared and not open_ports(context)


def _check(context: ExerciseContext) -> tuple[int, str]:
    return context.subject.execute(context.mode.healthcheck, max(SHORTEST_CHECK, context.ready_in))


def _check_alive(context: ExerciseContext) -> bool:
    """Raise AppFailed if the app has exited and must not, or whatever the subject raises; else return False."""
    context.subject.wait(0)
    if context.ended:
        context.check_running("while a command ran against it")
    return False


def _whereabouts(context: ExerciseContext, port: int | None, scheme: str) -> dict[str, str]:
    """Return the SLIMMER_* variables for a command on this machine."""
    host, number = ("", None) if port is None else context.subject.endpoint(port)
    return {"SLIMMER_CONTAINER": context.subject.container_name(), **_address(host, number, scheme)}


def _address(host: str, port: int | None, scheme: str) -> dict[str, str]:
    """Return the variables with the app's address. SLIMMER_URL is empty if the port does not speak HTTP, all are if there is no port."""
    authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return {
        "SLIMMER_HOST": host,
        "SLIMMER_PORT": "" if port is None else str(port),
        "SLIMMER_URL": f"{scheme}://{authority}" if scheme else "",
    }


def _problem(option: str, command: str, code: int, context: ExerciseContext) -> str:
    if code == TIMED_OUT:
        return (
            f"{option} `{command}`: did not end within {context.plan.command_timeout:g} s, or exited with code {code}"
        )
    return f"{option} `{command}`: exited with code {code}" if code else ""


def _not_run(command: tuple[str, ...], where: str) -> Outcome:
    problem = f"`{shlex.join(command)}` was not run: the app had already exited"
    return Outcome(command, where, NOT_RUN, "", problem)
