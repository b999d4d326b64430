"""The whole exercise of one run, from the first look for a listener to the last command: the one entry to this package."""

from __future__ import annotations

from slimmer.errors import AppFailed
from slimmer.exercise.commands import run_exec_commands, run_healthcheck, run_host_commands
from slimmer.exercise.context import Say, Watch, last_words
from slimmer.exercise.plan import Exercised, Outcome, Plan, Subject, Until
from slimmer.exercise.readiness import await_ready
from slimmer.exercise.requests import Requests
from slimmer.exercise.until import End, await_end, end_of


def _silent(text: str) -> None:
    """Says nothing."""


def exercise(subject: Subject, plan: Plan, *, replay: bool = False, say: Say = _silent) -> Exercised:
    """Drive the app: wait for it, send the requests, run the commands, and wait for the end that the plan asks for.

    A `replay` (of `replay_plan`) leaves out what only watching needs: the HEALTHCHECK's command and the waiting for a user.
    It returns the exit code of a command that failed, so that it can be compared; else that is an error.

    Everything is tried; what failed is in `problems` (`verdict.failure` makes an error of it). Raises AppFailed when the app
    does not get ready, crashes, or exits though it is a server; UsageError for an `until` that cannot come; and
    ObservationIncomplete, before the app is blamed for anything, when what watches it does not answer.
    """
    try:
        exercised = _exercise(Watch(subject, plan, replay=replay, say=say))
    except AppFailed:
        subject.check_observed()
        raise
    if exercised.problems:
        subject.check_observed()
    return exercised


def _exercise(watch: Watch) -> Exercised:
    with end_of(watch) as end:
        requests = Requests(watch, await_ready(watch, end.over))
        outcomes: list[Outcome] = []
        _run(watch, requests, outcomes, end)
        code = _exit_code(watch, serves=bool(requests.ports))
        return Exercised(
            answers=requests.answers(),
            outcomes=tuple(outcomes),
            http_ports=requests.http_ports,
            ports=requests.ports,
            warnings=requests.warnings(),
            exit_code=code,
            seconds=watch.elapsed,
            error_lines=watch.subject.error_lines(),
            output="" if code is None else watch.subject.last_log_lines(),
        )


def _run(watch: Watch, requests: Requests, outcomes: list[Outcome], end: End) -> None:
    """The phases. Each may make the app open a further port, which is then exercised, too."""
    requests.sweep()
    requests.await_late_ports()
    for outcome in run_exec_commands(watch):
        outcomes.append(outcome)
    for outcome in run_healthcheck(watch):
        outcomes.append(outcome)
    requests.sweep()
    port = requests.main_port
    scheme = requests.scheme(port) if port is not None else ""
    for outcome in run_host_commands(watch, port, scheme, requests.sweep):
        outcomes.append(outcome)
    await_end(end, watch)
    if not watch.ended:
        requests.sweep()
        requests.await_other_ports()


def _exit_code(watch: Watch, *, serves: bool) -> int | None:
    """The exit code of what was meant to end. Raises AppFailed for a server that ended, and for a command that failed."""
    code = watch.subject.exit_code()
    if serves:
        watch.check_running("while it was exercised")
    if watch.plan.until is Until.EXIT and code is None:
        raise AppFailed(f"the app did not exit within {watch.elapsed:.0f} s{last_words(watch.subject)}")
    if code and not watch.replay:
        raise AppFailed(
            f"the app exited with code {code}{last_words(watch.subject)}",
            hint="Does it need arguments (--cmd), variables (--env) or volumes (--volume)? It must work unslimmed first.",
        )
    return code
