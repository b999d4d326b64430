"""The exercise of one run, from the first look for a listener to the last command. This is the package's entry point."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from slimmer.errors import AppFailed
from slimmer.exercise.commands import run_exec_commands, run_healthcheck, run_host_commands, run_image_commands
from slimmer.exercise.context import ExerciseContext, Say, last_words
from slimmer.exercise.expectations import ReplayExpectations
from slimmer.exercise.generators import Generators
from slimmer.exercise.mode import FirstRun, Mode, Replay
from slimmer.exercise.plan import ExercisePlan, Until
from slimmer.exercise.port_sweep import PortSweep
from slimmer.exercise.profile import AppProfile
from slimmer.exercise.readers import READERS
from slimmer.exercise.readiness import await_ready, check_served
from slimmer.exercise.result import ExerciseResult, Outcome
from slimmer.exercise.socket_sweep import SocketSweep
from slimmer.exercise.subject import Subject
from slimmer.exercise.until import End, await_end, end_of
from slimmer.sandbox.readers import declare_places

declare_places(READERS)  # before a child starts: otherwise the first page, description and schema each need another one

logger = logging.getLogger(__name__)

UNKNOWN = AppProfile()
"""An app that the image says nothing about."""


def _silent(text: str) -> None:
    """Say nothing."""


def exercise(
    subject: Subject,
    plan: ExercisePlan,
    expectations: ReplayExpectations | None = None,
    *,
    profile: AppProfile = UNKNOWN,
    shared: bool = False,
    say: Say = _silent,
    environment: Mapping[str, str] | None = None,
) -> ExerciseResult:
    """Drive the app: wait until it is ready, send the requests, run the commands, and wait for the end that the plan names.

    With `expectations`, this is a replay. It is held to what the original did (`replay_expectations`), `profile` is not used, and it
    skips the HEALTHCHECK and the wait for a user. A failing exit code of the app is a result there, to be compared; in a first
    run it is an error. `shared`: the plan is for several commands of the image, and this run is one of them.
    `environment`: the variables that the app has, for sessions in protocols that want a password.

    Everything is tried; `problems` lists what failed (`verdict.failure` makes an error of it). Raises AppFailed if the app
    does not get ready, crashes, or exits though it is a server. Raises UsageError if the end that the plan names cannot come.
    Raises ObservationIncomplete if the probe that watches the app does not answer; the app is not blamed then.
    """
    mode: Mode = FirstRun(plan, shared, profile) if expectations is None else Replay(plan, shared, expectations)
    try:
        exercised = _exercise(ExerciseContext(subject, mode, say, environment))
    except AppFailed:
        subject.check_observed()
        raise
    if exercised.problems:
        subject.check_observed()
    return exercised


def _exercise(context: ExerciseContext) -> ExerciseResult:
    with end_of(context) as end:
        sockets = SocketSweep(context)
        ports = await_ready(context, end.over, sockets)
        sweep, ready_after, bound = PortSweep(context, ports, sockets), context.elapsed, _bound_ports(context, ports)
        outcomes: list[Outcome] = []
        generators = Generators(context, sweep)
        done = _run(context, sweep, generators, outcomes, end, ready_after)
        code = _exit_code(context, serves=bool(sweep.ports or bound or sockets.asked))
        return ExerciseResult(
            answers=(*sweep.answers(), *generators.answers),
            outcomes=tuple(outcomes),
            http_ports=sweep.http_ports,
            ports=sweep.ports,
            last_ports=sweep.last_ports(),
            udp_ports=bound,
            sockets=sockets.all,
            http_sockets=sockets.http,
            last_sockets=sockets.last(),
            warnings=sweep.warnings() + end.warnings(),
            exit_code=code,
            seconds=context.elapsed,
            ready_after=ready_after,
            done_after=done,
            error_lines=context.subject.error_lines(),
            output="" if code is None else context.subject.last_log_lines(),
            generated=generators.sets,
        )


def _run(
    context: ExerciseContext,
    sweep: PortSweep,
    generators: Generators,
    outcomes: list[Outcome],
    end: End,
    ready_after: float,
) -> float:
    """Run the phases. Each may make the app open another port, which is then exercised, too.

    Return the seconds after which all was done, and the app had started.
    """
    sweep.ask_new_ports()
    sweep.sockets.ask()
    sweep.await_late_ports()
    sweep.udp.ask()
    for outcome in run_exec_commands(context):
        outcomes.append(outcome)
    for outcome in run_healthcheck(context):
        outcomes.append(outcome)
    sweep.ask_new_ports()
    port = sweep.main_port
    scheme = sweep.scheme(port) if port is not None else ""
    for run in (run_host_commands, run_image_commands):
        for outcome in run(context, port, scheme, sweep.ask_new_ports):
            outcomes.append(outcome)
    generators.run()
    _await_end(end, context, sweep, asked=bool(sweep.ports or sweep.sockets.asked or outcomes))
    if context.ended:
        return context.elapsed
    sweep.await_other_ports()
    done = context.elapsed
    sweep.await_start()
    done = max(
        done, context.elapsed - (context.subject.quiet() or context.elapsed)
    )  # not the time that it takes to see the end
    context.wait_for(lambda: False, ready_after + context.mode.watched - context.elapsed)
    check_served(context, sweep.ports, exercised=bool(sweep.http_ports or outcomes or sweep.answers()))
    logger.info("ready after %.2f s, done after %.2f s, watched for %.2f s", ready_after, done, context.elapsed)
    return done


def _await_end(end: End, context: ExerciseContext, sweep: PortSweep, *, asked: bool) -> None:
    """Wait for the end, and ask the ports that opened meanwhile. An app that is asked is no longer quiet."""
    end.watch(asked=asked)
    await_end(end, context)
    while not context.ended and sweep.ask_new_ports() and end.until is Until.QUIET:
        end.watch(asked=True)
        await_end(end, context)


def _bound_ports(context: ExerciseContext, ports: tuple[int, ...]) -> tuple[int, ...]:
    """Return the UDP ports that the app serves: those that it is expected to bind; without any, all of an app that has no TCP port.

    Beside a TCP port, others may be a client's, and be different in each run.
    """
    bound, expected = context.subject.bound_ports(), context.mode.udp_ports
    return tuple(sorted(port for port in bound if port in expected or not (expected or ports)))


def _exit_code(context: ExerciseContext, *, serves: bool) -> int | None:
    """Return the app's exit code; None while it runs. Raise AppFailed if it was not meant to exit, or failed."""
    code = context.subject.exit_code()
    if serves:
        context.check_running("while it was exercised")
    if context.plan.until is Until.EXIT and code is None:
        raise AppFailed(f"the app did not exit within {context.elapsed:.0f} s{last_words(context.subject)}")
    if code and not context.mode.may_fail:
        raise AppFailed(
            f"the app exited with code {code}{last_words(context.subject)}",
            hint="Does it need arguments (--cmd), variables (--env) or volumes (--volume)? "
            "The original image must work before slimmer can slim it.",
        )
    return code
