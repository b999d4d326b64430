"""The scenes of a build: each command of an image (web, worker, migration) is run, observed and verified by itself.

What is asked is shared: a request, a port, a command of the user's is for those of the image's commands that listen. So
none of them is held to it alone; that somebody met it is checked when all have run.
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
from slimmer.pipeline.request import ObserveRequest
from slimmer.pipeline.session import Say, ScenarioObservation, Session


@dataclass(frozen=True, slots=True)
class Scenario:
    """One way to run an image, and what is asked of it. `label` tells it from others; "" where there is but one.

    `shared`: the plan is for all of the image's commands together, and this scene is one of them.

    Arguments may hold credentials, so a label has the program's name alone.
    """

    label: str
    program: str
    options: RunOptions
    plan: ExercisePlan
    shared: bool = False

    def named(self, text: str) -> str:
        """A text about this scene, with its label where there are several."""
        return f"{self.label}: {text}" if self.label else text

    @contextmanager
    def failing(self) -> Iterator[None]:
        """What fails here is told with the scene's label."""
        try:
            yield
        except (AppFailed, ExerciseFailed, ObservationIncomplete) as error:
            raise type(error)(self.named(error.message), hint=error.hint) from error


@dataclass(frozen=True, slots=True)
class ScenarioRun:
    """A scene and how the original did in it. `observed.log` is of all runs of this scene."""

    scenario: Scenario
    observed: ScenarioObservation


def scenarios(request: ObserveRequest) -> tuple[Scenario, ...]:
    """The scenes that a request asks for: one for each of its commands, at least one."""
    options, commands = request.options, request.commands
    if len(commands) < 2:
        words = commands[0] if commands else options.cmd
        return (Scenario("", _program(words or ()), replace(options, cmd=words), request.plan),)
    return tuple(
        Scenario(_label(number, words), _program(words), replace(options, cmd=words), request.plan, shared=True)
        for number, words in enumerate(commands, 1)
    )


def observe(session: Session, scenario: Scenario, runs: int, say: Say) -> ScenarioRun:
    """Observe a scene so many times; the answers are those of the first run.

    Raises AppFailed, ExerciseFailed or ObservationIncomplete.
    """
    place = session.running(scenario.options)
    with scenario.failing():
        observed = [
            place.observe(scenario.plan, lambda text: say(scenario.named(text)), shared=scenario.shared)
            for _ in range(runs)
        ]
    return ScenarioRun(scenario, replace(observed[0], log=merge([one.log for one in observed])))


def perform(session: Session, scenario: Scenario, log: AccessLog, say: Say) -> ScenarioRun:
    """Run a scene without the probe; what it accesses is known from `log`. Raises AppFailed or ExerciseFailed."""
    place = session.running(scenario.options)
    with scenario.failing():
        observed = place.exercise_by_itself(
            scenario.plan, log, "original", lambda text: say(scenario.named(text)), shared=scenario.shared
        )
    return ScenarioRun(scenario, observed)


def check_shared(plan: ExercisePlan, performed: Sequence[ExerciseResult]) -> None:
    """Whether somebody met what was asked of several commands together. Raises ExerciseFailed."""
    problems = list(_unmet(plan, performed)) if len(performed) > 1 else []
    if problems:
        raise ExerciseFailed(
            f"none of the {len(performed)} commands {', and none '.join(problems)}",
            hint="What is asked goes to the commands that listen. More time to get ready: --ready-timeout 180.",
        )


def _unmet(plan: ExercisePlan, performed: Sequence[ExerciseResult]) -> Iterator[str]:
    if plan.explicit and plan.asks and not any(exercised.answers for exercised in performed):
        yield "answered a request"
    ports = {port for exercised in performed for port in exercised.ports}
    for port in plan.named_ports:
        if port not in ports:
            yield f"listened on port {port}"
    ran = {outcome.where for exercised in performed for outcome in exercised.outcomes}
    if plan.exec_commands and "container" not in ran:
        yield "listened, so that --exec was run nowhere"
    if plan.host_commands and "host" not in ran:
        yield "listened, so that --exercise was run against nobody"


def _program(words: tuple[str, ...]) -> str:
    return next(iter(words), "")


def _label(number: int, words: tuple[str, ...]) -> str:
    program = _program(words)
    return f"command {number}" + (f" ({program})" if program and not program.startswith("-") else "")
