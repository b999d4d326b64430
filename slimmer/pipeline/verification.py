"""The verification of a candidate: it is compared with the original in every scenario, and watched for paths that it misses."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from slimmer.engine.options import RunOptions
from slimmer.errors import AppFailed, ExerciseFailed
from slimmer.exercise.result import ExerciseResult
from slimmer.exercise.verdict import failure
from slimmer.keep.keepset import Finding, KeepSet
from slimmer.keep.selection import Patterns
from slimmer.observe.log import AccessLog
from slimmer.pipeline import app_runs
from slimmer.pipeline import candidate as candidates
from slimmer.pipeline.app_runs import ScenarioObservation
from slimmer.pipeline.candidate import Candidate
from slimmer.pipeline.original import Original
from slimmer.pipeline.request import BuildRequest
from slimmer.pipeline.scenario import Scenario, ScenarioRun
from slimmer.verify.behaviour import STOPPED, compare_behaviour
from slimmer.verify.missed import missed, named
from slimmer.verify.structure import Difference

logger = logging.getLogger(__name__)

SHAPE = "its size, lines, kinds of characters and frequent words; of what is no text, its size and first bytes"

Warn = Callable[[str], None]
Answering = Callable[[str], tuple[ExerciseResult, str]]
"""Runs an image, for a purpose, and repeats the exercise: its answers and its health (slimmer.pipeline.app_runs.replay)."""


@dataclass(frozen=True, slots=True)
class RuntimeVariant:
    """Another way in which an image will run: its name, and what it changes about the user's options."""

    name: str
    user: str = ""
    read_only: bool = False

    def of(self, options: RunOptions) -> RunOptions:
        """The options there."""
        return replace(options, user=self.user or options.user, read_only=self.read_only or options.read_only)


@dataclass(frozen=True, slots=True)
class VariantVerdict:
    """How one scenario went in a variant: "same", "differs", or "original fails" with the reason in `problem`."""

    variant: str
    scenario: str
    result: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the checks of a candidate found: differences, and what its app looked for in vain though the original has it.

    `by_shape`: the answers that differ so much in each original that no more than their shape was compared.
    """

    differences: tuple[Difference, ...] = ()
    missed: tuple[Finding, ...] = ()
    by_shape: tuple[str, ...] = ()


def variants(request: BuildRequest) -> tuple[RuntimeVariant, ...]:
    """Return the other ways in which the user wants to see the slim image at work."""
    users = tuple(RuntimeVariant(f"as user {user}", user=user) for user in dict.fromkeys(request.verify_as))
    return users + ((RuntimeVariant("read-only", read_only=True),) if request.verify_read_only else ())


class CandidateVerifier:
    """Verifies the candidates of one build against the original, and against how it did in each scenario."""

    def __init__(
        self, original: Original, request: BuildRequest, scenario_runs: Sequence[ScenarioRun], warn: Warn
    ) -> None:
        self._original, self._session, self._request = original, original.session, request
        self._scenario_runs, self._warn = scenario_runs, warn
        self._by_shape: list[str] = []

    def verify(self, kept: KeepSet, candidate: Candidate) -> Verdict:
        """Hold the candidate against the original: what it holds, how it answers as a user would run it, what it misses."""
        pool = self._session.pool
        structure = pool.submit(candidates.check_structure, self._original, kept, candidate, "slim-tree")
        repair = self._request.repair > 0
        replay = pool.submit(self._replay, kept, candidate) if repair and not _meet(self._request) else None
        differences: list[Difference] = []
        for scenario_run in self._scenario_runs:
            differences += self._behaviour(scenario_run.scenario, scenario_run.observed, candidate)
        if repair and replay is None:
            replay = pool.submit(self._replay, kept, candidate)
        found = replay.result() if replay else ()
        if differences:  # which alone name files; and all that is kept may be much
            known = {*kept, *(finding.path for finding in found)}
            found += self._dropped(kept, named(self._original.tree, known, differences))
        verdict = Verdict((*structure.result(), *differences), found, tuple(dict.fromkeys(self._by_shape)))
        for difference in verdict.differences:
            logger.info("difference: %s", difference.where)
        for finding in verdict.missed:
            logger.info("missed: %s", finding.path)
        return verdict

    def verify_in(
        self, variant: RuntimeVariant, candidate: Candidate
    ) -> Iterator[tuple[VariantVerdict, tuple[Difference, ...]]]:
        """Run each scenario with both images in the variant. If the original fails there, that is a warning and no difference."""
        for scenario_run in self._scenario_runs:
            scenario = scenario_run.scenario
            scenario = replace(scenario, options=variant.of(scenario.options))
            try:
                reference = self._reference(scenario, scenario_run.observed)
            except (AppFailed, ExerciseFailed) as error:
                problem = error.message.partition("\n")[0].removesuffix(":")
                self._warn(
                    f"{scenario.named('the original')} fails {variant.name}, so nothing can be compared: {problem}"
                )
                yield VariantVerdict(variant.name, scenario.label, "original fails", problem), ()
                continue
            found = self._behaviour(scenario, reference, candidate)
            differences = tuple(replace(one, where=f"{variant.name}: {one.where}") for one in found)
            yield VariantVerdict(variant.name, scenario.label, "differs" if differences else "same"), differences

    # ------------------------------------------------------------------ one scenario

    def _reference(self, scenario: Scenario, observed: ScenarioObservation) -> ScenarioObservation:
        """Run the original in this scenario, which is not quite the observed one. Raises what it fails of."""
        session = self._session.running(scenario.options)
        answered, _ = app_runs.replay(
            session, session.config.image_id, scenario.plan, observed, "reference", shared=scenario.shared
        )
        if (problem := failure(answered)) is not None:
            raise problem
        if answered.exit_code and not observed.exercised.exit_code:
            raise AppFailed(f"the app exited with code {answered.exit_code}")
        return replace(observed, exercised=answered)

    def _replay(self, kept: KeepSet, candidate: Candidate) -> tuple[Finding, ...]:
        """Return what the slim image's app looks for in vain in any scenario, though the original has it."""
        logs = (self._watch(scenario_run, candidate.image_id) for scenario_run in self._scenario_runs)
        return self._dropped(kept, (finding for log in logs for finding in missed(self._original.tree, kept, log)))

    def _dropped(self, kept: KeepSet, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        """Those that are not kept, though not because the user wants it so."""
        excludes = Patterns(self._original.tree, self._request.selection.exclude, "--exclude").excludes
        return tuple(finding for finding in findings if finding.path not in kept and not excludes(finding.path))

    def _watch(self, scenario_run: ScenarioRun, image: str) -> AccessLog:
        scenario, observed = scenario_run.scenario, scenario_run.observed
        session = self._session.running(scenario.options)
        return app_runs.replay_watched(session, image, scenario.plan, observed, "replay", shared=scenario.shared)

    def _behaviour(
        self, scenario: Scenario, observed: ScenarioObservation, candidate: Candidate
    ) -> tuple[Difference, ...]:
        """Differences in answers, exit codes and health, between the original and the candidate by itself."""
        session = self._session.running(scenario.options)
        original = partial(
            app_runs.replay, session, session.config.image_id, scenario.plan, observed, shared=scenario.shared
        )
        slim = partial(app_runs.replay, session, candidate.image_id, scenario.plan, observed, shared=scenario.shared)
        found = compare_answers(scenario, observed.exercised, original, slim, self._warn, self._by_shape.append)
        return tuple(replace(one, where=scenario.named(one.where)) for one in found)


def compare_answers(
    scenario: Scenario,
    observed: ExerciseResult,
    original: Answering,
    slim: Answering,
    warn: Warn,
    by_shape: Callable[[str], None] = lambda where: None,
) -> tuple[Difference, ...]:
    """Differences in answers, exit codes and health. The original is asked again only when there is something to tell from
    noise; if it fails then, less is compared, with a warning. So it is with an answer of which no more than the shape could be
    compared, which `by_shape` is told of.
    """
    try:
        answered, health = slim("slim")
    except (AppFailed, ExerciseFailed) as error:
        problem, _, last_words = error.message.partition("\n")
        return (Difference("the slim image", "run", "good", problem.removesuffix(":"), last_words),)

    def again() -> tuple[ExerciseResult, str]:
        """A fresh instance each time: what two of them share by chance, a third tells."""
        return original("again")

    def shaped(where: str) -> None:
        by_shape(scenario.named(where))
        warn(scenario.named(f"{where} is another in each run of the original: compared by shape only ({SHAPE})"))

    differences: tuple[Difference, ...] = ()
    try:
        if health not in ("healthy", "none"):
            differences = (Difference("HEALTHCHECK", "verdict", "healthy", health),)
            if again()[1] == health:
                differences = ()
        differences += compare_behaviour(observed, answered, lambda: again()[0], shaped)
        return differences if _more_than_its_stop(differences) else _stop_again(observed, slim, differences)
    except (AppFailed, ExerciseFailed) as error:
        problem = error.message.partition("\n")[0].removesuffix(":")
        warn(scenario.named(f"the original does not do the same twice, so less can be compared: {problem}"))
        return differences + compare_behaviour(observed, answered)


def _more_than_its_stop(differences: Sequence[Difference]) -> bool:
    return not differences or any(difference.what != STOPPED for difference in differences)


def _stop_again(
    observed: ExerciseResult, slim: Answering, differences: tuple[Difference, ...]
) -> tuple[Difference, ...]:
    """Run the slim image once more if its exit code when stopped is all that differs: the signal may meet an app that is busy.

    Returns the differences, or none if nothing certain differs then.
    """
    try:
        second, _ = slim("slim-again")
    except (AppFailed, ExerciseFailed):
        return differences
    return differences if compare_behaviour(observed, second) else ()


def _meet(request: BuildRequest) -> bool:
    """Return True if two runs at a time would meet outside of their containers, so that they must come in turn."""
    options = request.options
    shared = (options.network, options.pid_mode, options.ipc_mode)
    outside = any(mode == "host" or mode.startswith("container:") for mode in shared)
    return outside or options.share_mounts or bool(options.devices or request.plan.host_commands)
