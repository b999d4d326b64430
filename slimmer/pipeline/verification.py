"""Verify a candidate: compare it with the original in every scenario, and watch it to find paths that it misses."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from slimmer.engine.options import RunOptions
from slimmer.errors import AppFailed, ExerciseFailed, NotInTime
from slimmer.exercise.result import ExerciseResult
from slimmer.exercise.verdict import failure
from slimmer.keep.keepset import Finding, KeepSet
from slimmer.keep.selection import Patterns
from slimmer.observe.log import AccessLog
from slimmer.observe.merge import all_calls
from slimmer.pipeline import app_runs
from slimmer.pipeline import candidate as candidates
from slimmer.pipeline.app_runs import ScenarioObservation
from slimmer.pipeline.candidate import Candidate
from slimmer.pipeline.original import Original
from slimmer.pipeline.request import BuildRequest
from slimmer.pipeline.scenario import Scenario, ScenarioRun
from slimmer.verify.answers import place_of
from slimmer.verify.behaviour import STOPPED, compare_behaviour
from slimmer.verify.missed import missed, named
from slimmer.verify.structure import Difference

logger = logging.getLogger(__name__)

SHAPE = "size, lines, kinds of characters and frequent words; for binary data, size and first bytes"

Warn = Callable[[str], None]
Answering = Callable[[str], tuple[ExerciseResult, str]]
"""Runs an image for a purpose, repeats the exercise, and returns its answers and its health (slimmer.pipeline.app_runs.replay)."""


@dataclass(frozen=True, slots=True)
class RuntimeVariant:
    """Another way to run an image: its name, and its changes to the user's options."""

    name: str
    user: str = ""
    read_only: bool = False

    def of(self, options: RunOptions) -> RunOptions:
        """Return the options with the changes of this variant."""
        return replace(options, user=self.user or options.user, read_only=self.read_only or options.read_only)


@dataclass(frozen=True, slots=True)
class VariantVerdict:
    """The result of one scenario in a variant: "same", "differs", or "original fails" with the reason in `problem`."""

    variant: str
    scenario: str
    result: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The results of a candidate's checks: differences, and paths that its app misses although the original has them.

    `by_shape`: the answers that differ so much between runs of the original that only their shape was compared. `noise`: those that
    differ from the original's first run, but also between its runs.
    """

    differences: tuple[Difference, ...] = ()
    missed: tuple[Finding, ...] = ()
    by_shape: tuple[str, ...] = ()
    noise: tuple[str, ...] = ()


def variants(request: BuildRequest) -> tuple[RuntimeVariant, ...]:
    """Return the further ways in which the user wants to verify the slim image."""
    users = tuple(RuntimeVariant(f"as user {user}", user=user) for user in dict.fromkeys(request.verify_as))
    return users + ((RuntimeVariant("read-only", read_only=True),) if request.verify_read_only else ())


class CandidateVerifier:
    """Verifies the candidates of one build against the original and its run of each scenario."""

    def __init__(
        self, original: Original, request: BuildRequest, scenario_runs: Sequence[ScenarioRun], warn: Warn
    ) -> None:
        self._original, self._session, self._request = original, original.session, request
        self._scenario_runs, self._warn = scenario_runs, warn
        self._by_shape: list[str] = []
        self._calls: list[Mapping[str, tuple[str, ...]]] = []
        self._noise: list[str] = []

    def verify(self, kept: KeepSet, candidate: Candidate) -> Verdict:
        """Compare the candidate with the original: its contents, and its answers when run as a user would. Find what it misses."""
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
        if differences:  # only differences name files, and the set of kept paths may be large
            known = {*kept, *(finding.path for finding in found)}
            found += self._dropped(kept, named(self._original.tree, known, differences))
        verdict = Verdict((*structure.result(), *differences), found, *map(_unique, (self._by_shape, self._noise)))
        for difference in verdict.differences:
            logger.info("difference: %s", difference.where)
        for finding in verdict.missed:
            logger.info("missed: %s", finding.path)
        return verdict

    @property
    def system_calls(self) -> dict[str, tuple[str, ...]]:
        """The system calls that were seen while candidates were watched, by architecture."""
        return all_calls(self._calls)

    def watch(self, candidate: Candidate) -> None:
        """Watch the candidate once more, for its system calls."""
        for scenario_run in self._scenario_runs:
            self._watch(scenario_run, candidate.image_id)

    def verify_under(self, seccomp: Path, candidate: Candidate) -> tuple[Difference, ...]:
        """Run the candidate as a user would who restricts it with a seccomp profile, and compare it with the unrestricted original."""
        found: list[Difference] = []
        for scenario_run in self._scenario_runs:
            options = scenario_run.scenario.options
            restricted = replace(options, security_opt=(*options.security_opt, f"seccomp={seccomp}"))
            found += self._behaviour(scenario_run.scenario, scenario_run.observed, candidate, restricted)
        return tuple(found)

    def verify_in(
        self, variant: RuntimeVariant, candidate: Candidate
    ) -> Iterator[tuple[VariantVerdict, tuple[Difference, ...]]]:
        """Run each scenario with both images in the variant. If the original fails there, warn, but report no difference."""
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
        """Run the original in this variant of the scenario. Raise AppFailed or ExerciseFailed if it fails."""
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
        """Return what the slim image's app misses in any scenario although the original has it."""
        logs = (self._watch(scenario_run, candidate.image_id) for scenario_run in self._scenario_runs)
        return self._dropped(kept, (finding for log in logs for finding in missed(self._original.tree, kept, log)))

    def _dropped(self, kept: KeepSet, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        """Return the findings that are not kept yet, without those that the user excluded."""
        excludes = Patterns(self._original.tree, self._request.selection.exclude, "--exclude").excludes
        return tuple(finding for finding in findings if finding.path not in kept and not excludes(finding.path))

    def _watch(self, scenario_run: ScenarioRun, image: str) -> AccessLog:
        scenario, observed = scenario_run.scenario, scenario_run.observed
        session = self._session.running(scenario.options)
        log = app_runs.replay_watched(session, image, scenario.plan, observed, "replay", shared=scenario.shared)
        self._calls.append(log.system_calls)
        return log

    def _behaviour(
        self,
        scenario: Scenario,
        observed: ScenarioObservation,
        candidate: Candidate,
        restricted: RunOptions | None = None,
    ) -> tuple[Difference, ...]:
        """Return the differences in answers, exit codes and health between the original and the candidate without the probe.

        `restricted` are other options for the candidate alone.
        """
        session = self._session.running(scenario.options)
        slim_session = self._session.running(restricted or scenario.options)
        original = partial(
            app_runs.replay, session, session.config.image_id, scenario.plan, observed, shared=scenario.shared
        )
        slim = partial(
            app_runs.replay, slim_session, candidate.image_id, scenario.plan, observed, shared=scenario.shared
        )
        found = compare_answers(
            scenario, observed.exercised, original, slim, self._warn, self._by_shape.append, self._noise.append
        )
        return tuple(replace(one, where=scenario.named(one.where)) for one in found)


def compare_answers(
    scenario: Scenario,
    observed: ExerciseResult,
    original: Answering,
    slim: Answering,
    warn: Warn,
    by_shape: Callable[[str], None] = lambda where: None,
    noise: Callable[[str], None] = lambda where: None,
) -> tuple[Difference, ...]:
    """Return the differences in answers, exit codes and health.

    The original runs again only if a difference may be noise, or if the slim image was too slow. If it fails then, less is compared,
    with a warning. There is also a warning for each answer of which only the shape could be compared, and `by_shape` is called with it.
    `noise` is called with each answer that differs among originals, too.
    """
    try:
        answered, health = _run_in_time(slim, original)
    except (AppFailed, ExerciseFailed) as error:
        problem, _, last_words = error.message.partition("\n")
        return (Difference("the slim image", "run", "good", problem.removesuffix(":"), last_words),)

    def again() -> tuple[ExerciseResult, str]:
        """Run the original in a new container each time. A third run shows what two have in common only by chance."""
        return original("again")

    def shaped(where: str) -> None:
        by_shape(scenario.named(where))
        warn(scenario.named(f"{where} differs in each run of the original, so only its shape was compared ({SHAPE})"))

    differences: tuple[Difference, ...] = ()
    try:
        if health not in ("healthy", "none"):
            differences = (Difference("HEALTHCHECK", "verdict", "healthy", health),)
            if again()[1] == health:
                differences = ()
        differences += compare_behaviour(
            observed, answered, lambda: again()[0], shaped, lambda where: noise(scenario.named(where))
        )
        for where in _excused(answered, differences):
            warn(
                scenario.named(
                    f"{where} got no answer in time, but the original is as slow now, so it was not compared"
                )
            )
        return _try_again(observed, slim, differences) if _may_be_busy(observed, answered, differences) else differences
    except (AppFailed, ExerciseFailed) as error:
        problem = error.message.partition("\n")[0].removesuffix(":")
        warn(scenario.named(f"the original failed when it ran again, so less can be compared: {problem}"))
        return differences + compare_behaviour(observed, answered)


def _run_in_time(slim: Answering, original: Answering) -> tuple[ExerciseResult, str]:
    """Run the slim image. If it does not get ready in time and the original no longer does either, run it once more.

    Raises AppFailed or ExerciseFailed.
    """
    try:
        return slim("slim")
    except NotInTime:
        try:
            original("again")
        except NotInTime:
            return slim("slim-again")
        except (AppFailed, ExerciseFailed):
            pass
        raise


def _excused(answered: ExerciseResult, differences: Sequence[Difference]) -> Iterator[str]:
    """Yield the requests that the slim image did not answer in time, if this does not count as a difference."""
    told = {difference.where for difference in differences}
    return (where for answer in answered.answers if answer.late and (where := place_of(answer)) not in told)


def _may_be_busy(observed: ExerciseResult, answered: ExerciseResult, differences: Sequence[Difference]) -> bool:
    """Return True if a busy machine may have caused all differences: exit codes when stopped, and late answers."""
    silent = set(observed.http_ports) & set(answered.ports) - set(answered.http_ports)
    late = bool(silent) or any(answer.late for answer in answered.answers)
    busy = (STOPPED, "answer", "HTTP ports", "HTTP sockets") if late else (STOPPED,)
    return bool(differences) and all(difference.what in busy for difference in differences)


def _try_again(
    observed: ExerciseResult, slim: Answering, differences: tuple[Difference, ...]
) -> tuple[Difference, ...]:
    """Run the slim image once more. Return the differences, or none if the second run has no differences."""
    try:
        second, _ = slim("slim-again")
    except (AppFailed, ExerciseFailed):
        return differences
    return differences if compare_behaviour(observed, second) else ()


def _unique(places: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(places))


def _meet(request: BuildRequest) -> bool:
    """Return True if two runs could interfere with each other outside of their containers, so that they must not run at the same time."""
    options = request.options
    shared = (options.network, options.pid_mode, options.ipc_mode)
    outside = any(mode == "host" or mode.startswith("container:") for mode in shared)
    return outside or options.share_mounts or bool(options.devices or request.plan.host_commands)
