"""The scenarios of a command: each CMD of an image (web, worker, migration) is run, observed and verified by itself.

They share what is asked: a request, a port or a command of the user's is for those of the image's commands that listen. So
none of them must meet it alone; when all have run, check_shared checks that one of them did.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from slimmer.engine.options import RunOptions
from slimmer.errors import AppFailed, ExerciseFailed, ObservationIncomplete
from slimmer.exercise.plan import ExercisePlan
from slimmer.exercise.result import ExerciseResult
from slimmer.observe.log import AccessLog
from slimmer.observe.merge import merge
from slimmer.pipeline import app_runs
from slimmer.pipeline.app_runs import ScenarioObservation
from slimmer.pipeline.progress import Say
from slimmer.pipeline.request import RunRequest
from slimmer.pipeline.session import Session


@dataclass(frozen=True, slots=True)
class Scenario:
    """One way to run an image, and what is asked of it. `label` tells it from others; "" where there is but one.

    `shared`: the plan is for all commands of the image together, and this scenario is one of them.
    Arguments may hold credentials, so a label has the program's name alone.
    """

    label: str
    program: str
    options: RunOptions
    plan: ExercisePlan
    shared: bool = False

    def named(self, text: str) -> str:
        """Put the scenario's label before a text about it, where there are several scenarios."""
        return f"{self.label}: {text}" if self.label else text

    @contextmanager
    def failing(self) -> Iterator[None]:
        """Put the scenario's label into the message of what fails here."""
        try:
            yield
        except (AppFailed, ExerciseFailed, ObservationIncomplete) as error:
            raise type(error)(self.named(error.message), hint=error.hint) from error


@dataclass(frozen=True, slots=True)
class ScenarioRun:
    """A scenario and how the original did in it. `observed.log` joins all runs of this scenario."""

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
    """Observe a scenario so many times; the answers are those of the first run.

    Raises AppFailed, ExerciseFailed or ObservationIncomplete.
    """
    session = session.running(scenario.options)
    with scenario.failing():
        observed = [
            app_runs.observe(session, scenario.plan, lambda text: say(scenario.named(text)), shared=scenario.shared)
            for _ in range(runs)
        ]
    return ScenarioRun(scenario, replace(observed[0], log=merge([one.log for one in observed])))


def exercise_alone(session: Session, scenario: Scenario, log: AccessLog, say: Say) -> ScenarioRun:
    """Run a scenario without the probe; what it accesses is known from `log`. Raises AppFailed or ExerciseFailed."""
    session = session.running(scenario.options)
    with scenario.failing():
        observed = app_runs.exercise_alone(
            session, scenario.plan, log, "original", lambda text: say(scenario.named(text)), shared=scenario.shared
        )
    return ScenarioRun(scenario, observed)


def check_shared(plan: ExercisePlan, results: Sequence[ExerciseResult]) -> None:
    """Raise ExerciseFailed if none of several commands did what was asked of them together."""
    problems = list(_unmet(plan, results)) if len(results) > 1 else []
    if problems:
        raise ExerciseFailed(
            f"none of the {len(results)} commands {', and none '.join(problems)}",
            hint="What is asked goes to the commands that listen. More time to get ready: --ready-timeout 180.",
        )


def _unmet(plan: ExercisePlan, results: Sequence[ExerciseResult]) -> Iterator[str]:
    if plan.explicit and plan.asks and not any(exercised.answers for exercised in results):
        yield "answered a request"
    ports = {port for exercised in results for port in exercised.ports}
    for port in plan.named_ports:
        if port not in ports:
            yield f"listened on port {port}"
    ran = {outcome.where for exercised in results for outcome in exercised.outcomes}
    if plan.exec_commands and "container" not in ran:
        yield "listened, so that --exec was run nowhere"
    if plan.host_commands and "host" not in ran:
        yield "listened, so that --exercise was run against nobody"


def _program(words: tuple[str, ...]) -> str:
    return next(iter(words), "")


def _label(number: int, words: tuple[str, ...]) -> str:
    program = _program(words)
    return f"command {number}" + (f" ({program})" if program and not program.startswith("-") else "")
