"""The scenarios of a request. Each CMD of an image (web, worker, migration) is run, observed and verified by itself.

They share the exercise. A request, a port or a command of the user's is for those of the image's commands that listen. So not every
scenario must answer it. After all have run, check_shared checks that at least one did.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from slimmer.engine.options import RunOptions
from slimmer.errors import AppFailed, CompanionFailed, ExerciseFailed, ObservationIncomplete
from slimmer.exercise.plan import ExercisePlan
from slimmer.exercise.result import ExerciseResult
from slimmer.observe.log import AccessLog
from slimmer.observe.merge import merge
from slimmer.pipeline import app_runs
from slimmer.pipeline.app_runs import ScenarioObservation
from slimmer.pipeline.first_password import first_password
from slimmer.pipeline.progress import Say
from slimmer.pipeline.request import RunRequest
from slimmer.pipeline.session import Session


@dataclass(frozen=True, slots=True)
class Scenario:
    """One way to run and exercise an image. `label` identifies it among several scenarios; it is "" if there is only one.

    `shared`: the plan is for all commands of the image together, and this scenario is one of them.
    Arguments may hold credentials, so a label has only the program's name.
    """

    label: str
    program: str
    options: RunOptions
    plan: ExercisePlan
    shared: bool = False

    def named(self, text: str) -> str:
        """Put the scenario's label before a text, if there are several scenarios."""
        return f"{self.label}: {text}" if self.label else text

    @contextmanager
    def failing(self) -> Iterator[None]:
        """Put the scenario's label before the message of an error in the block."""
        try:
            yield
        except (AppFailed, CompanionFailed, ExerciseFailed, ObservationIncomplete) as error:
            raise type(error)(self.named(error.message), hint=error.hint) from error


@dataclass(frozen=True, slots=True)
class ScenarioRun:
    """A scenario and the original's run of it. `observed.log` joins all runs of this scenario."""

    scenario: Scenario
    observed: ScenarioObservation


def scenarios(request: RunRequest) -> tuple[Scenario, ...]:
    """Return the scenarios that a request asks for: one for each of its commands, at least one."""
    options, commands = request.options, request.commands
    if len(commands) < 2:
        words = commands[0] if commands else options.cmd
        return (Scenario("", _program(words or ()), replace(options, cmd=words), request.plan),)
    return tuple(
        Scenario(_label(number, words), _program(words), replace(options, cmd=words), request.plan, shared=True)
        for number, words in enumerate(commands, 1)
    )


def observe(session: Session, scenario: Scenario, runs: int, say: Say) -> ScenarioRun:
    """Observe a scenario this many times. The answers are those of the first run.

    Raises AppFailed, ExerciseFailed or ObservationIncomplete.
    """
    if variable := first_password(session.config, scenario.options):
        say(scenario.named(f"the image needs {variable} to start, so slimmer sets it for its own runs"))
    session = session.running(scenario.options)
    with scenario.failing():
        observed = [
            app_runs.observe(session, scenario.plan, lambda text: say(scenario.named(text)), shared=scenario.shared)
            for _ in range(runs)
        ]
    return ScenarioRun(scenario, replace(observed[0], log=merge([one.log for one in observed])))


def exercise_alone(session: Session, scenario: Scenario, log: AccessLog, say: Say) -> ScenarioRun:
    """Run a scenario without the probe. `log` already has its accesses. Raise AppFailed or ExerciseFailed."""
    session = session.running(scenario.options)
    with scenario.failing():
        observed = app_runs.exercise_alone(
            session, scenario.plan, log, "original", lambda text: say(scenario.named(text)), shared=scenario.shared
        )
    return ScenarioRun(scenario, observed)


def check_shared(plan: ExercisePlan, results: Sequence[ExerciseResult]) -> None:
    """Raise ExerciseFailed if none of several commands met a part of their shared plan."""
    problems = list(_unmet(plan, results)) if len(results) > 1 else []
    if problems:
        raise ExerciseFailed(
            f"none of the {len(results)} commands {', and none '.join(problems)}",
            hint="Requests go to the commands that listen. To give them more time to start: --ready-timeout 180.",
        )


def _unmet(plan: ExercisePlan, results: Sequence[ExerciseResult]) -> Iterator[str]:
    if plan.explicit and plan.asks and not any(exercised.answers for exercised in results):
        yield "answered a request"
    ports = {port for exercised in results for port in exercised.ports}
    for port in plan.named_ports:
        if port not in ports:
            yield f"listened on port {port}"
    sockets = {path for exercised in results for path in exercised.sockets}
    for path in plan.named_sockets:
        if path not in sockets:
            yield f"listened on {path}"
    ran = {outcome.where for exercised in results for outcome in exercised.outcomes}
    if plan.exec_commands and "container" not in ran:
        yield "listened, so --exec was never run"
    if plan.host_commands and "host" not in ran:
        yield "listened, so --exercise was never run"
    if plan.image_commands and "image" not in ran:
        yield "listened, so --exercise-image was never run"


def _program(words: tuple[str, ...]) -> str:
    return next(iter(words), "")


def _label(number: int, words: tuple[str, ...]) -> str:
    program = _program(words)
    return f"command {number}" + (f" ({program})" if program and not program.startswith("-") else "")
