"""The whole exercise of one run, from the first look for a listener to the last command: the one entry to this package."""

from __future__ import annotations

from slimmer.errors import AppFailed
from slimmer.exercise.commands import run_exec_commands, run_healthcheck, run_host_commands
from slimmer.exercise.context import ExerciseContext, Say, last_words
from slimmer.exercise.plan import ExerciseResult, Outcome, Plan, Subject, Until
from slimmer.exercise.readiness import await_ready
from slimmer.exercise.requests import Requests
from slimmer.exercise.until import End, await_end, end_of


def _silent(text: str) -> None:
    """Says nothing."""


def exercise(subject: Subject, plan: Plan, *, replay: bool = False, say: Say = _silent) -> ExerciseResult:
    """Drive the app: wait for it, send the requests, run the commands, and wait for the end that the plan asks for.

    A `replay` (of `replay_plan`) leaves out what only watching needs: the HEALTHCHECK's command and the waiting for a user.
    It returns the exit code of a command that failed, so that it can be compared; else that is an error.

    Everything is tried; what failed is in `problems` (`verdict.failure` makes an error of it). Raises AppFailed when the app
    does not get ready, crashes, or exits though it is a server; UsageError for an `until` that cannot come; and
    ObservationIncomplete, before the app is blamed for anything, when what watches it does not answer.
    """
    try:
        exercised = _exercise(ExerciseContext(subject, plan, replay=replay, say=say))
    except AppFailed:
        subject.check_observed()
        raise
    if exercised.problems:
        subject.check_observed()
    return exercised


def _exercise(context: ExerciseContext) -> ExerciseResult:
    with end_of(context) as end:
        requests = Requests(context, await_ready(context, end.over))
        outcomes: list[Outcome] = []
        _run(context, requests, outcomes, end)
        code = _exit_code(context, serves=bool(requests.ports))
        return ExerciseResult(
            answers=requests.answers(),
            outcomes=tuple(outcomes),
            http_ports=requests.http_ports,
            ports=requests.ports,
            warnings=requests.warnings(),
            exit_code=code,
            seconds=context.elapsed,
            error_lines=context.subject.error_lines(),
            output="" if code is None else context.subject.last_log_lines(),
        )


def _run(context: ExerciseContext, requests: Requests, outcomes: list[Outcome], end: End) -> None:
    """The phases. Each may make the app open a further port, which is then exercised, too."""
    requests.sweep()
    requests.await_late_ports()
    for outcome in run_exec_commands(context):
        outcomes.append(outcome)
    for outcome in run_healthcheck(context):
        outcomes.append(outcome)
    requests.sweep()
    port = requests.main_port
    scheme = requests.scheme(port) if port is not None else ""
    for outcome in run_host_commands(context, port, scheme, requests.sweep):
        outcomes.append(outcome)
    await_end(end, context)
    if not context.ended:
        requests.sweep()
        requests.await_other_ports()


def _exit_code(context: ExerciseContext, *, serves: bool) -> int | None:
    """The exit code of what was meant to end. Raises AppFailed for a server that ended, and for a command that failed."""
    code = context.subject.exit_code()
    if serves:
        context.check_running("while it was exercised")
    if context.plan.until is Until.EXIT and code is None:
        raise AppFailed(f"the app did not exit within {context.elapsed:.0f} s{last_words(context.subject)}")
    if code and not context.replay:
        raise AppFailed(
            f"the app exited with code {code}{last_words(context.subject)}",
            hint="Does it need arguments (--cmd), variables (--env) or volumes (--volume)? It must work unslimmed first.",
        )
    return code
