"""What is known about the use of an image: observed here, joined with other logs, or reused from an earlier build."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from slimmer.errors import UsageError
from slimmer.formatting import SHOWN, counted, listed
from slimmer.image.tree import Tree
from slimmer.observe.identity import home_of
from slimmer.observe.log import AccessLog, read_log
from slimmer.observe.merge import check_complete, check_image, merge, moved, rebased, unsteady
from slimmer.pipeline import app_runs, scenario
from slimmer.pipeline.fingerprint import fingerprint
from slimmer.pipeline.progress import Say
from slimmer.pipeline.request import BuildRequest, RunRequest
from slimmer.pipeline.scenario import ScenarioRun, check_shared, scenarios
from slimmer.pipeline.session import Session

LOG_NAME = "access.json"


@dataclass(frozen=True, slots=True)
class ObservationSet:
    """The joined log, the original's run of each scenario (none if nothing is verified), and the app's identity.

    `source` is "observed", "joined" (without a run of its own) or "reused". `joined` is the number of logs from elsewhere, and
    `foreign` are those of another image. Each scenario was run `runs` times.
    """

    log: AccessLog
    scenario_runs: tuple[ScenarioRun, ...]
    identity: str
    source: str
    joined: int = 0
    foreign: tuple[AccessLog, ...] = ()
    runs: int = 1

    @property
    def home(self) -> str:
        """The user's HOME, or "" if there is none."""
        return home_of(self.identity)

    @property
    def warnings(self) -> tuple[str, ...]:
        """The warnings of the exercise."""
        return tuple(
            scenario_run.scenario.named(text)
            for scenario_run in self.scenario_runs
            for text in scenario_run.observed.exercised.warnings
        )

    def unsteady(self, tree: Tree) -> tuple[str, ...]:
        """Return the paths that were not found in every run of their scenario, if there were several runs."""
        if self.source != "observed" or self.runs < 2:
            return ()
        logs = (scenario_run.observed.log for scenario_run in self.scenario_runs)
        return tuple(sorted({path for log in logs for path in unsteady([log], tree)}))

    def moved(self, tree: Tree) -> tuple[str, ...]:
        """Return the paths that a log of another image found and that this image does not have."""
        return all_moved(self.foreign, tree)

    def disturbances(self) -> Iterator[str]:
        """Yield warnings about recorders that did not run, and about effects of the probe on the app."""
        for recorder in self.log.recorders:
            if not recorder.active and recorder.name == "fanotify":
                yield f"the recorder fanotify did not run: {recorder.reason}"
        yield from self.log.disturbances

    def notes(self, tree: Tree) -> Iterator[str]:
        """Yield notes for the user about the origin of this observation."""
        if self.joined:
            yield f"joined with {counted(self.joined, 'access log')} from elsewhere"
        if self.foreign:
            yield taken_over(self.moved(tree))
        if self.source == "joined" and self.log.unseen:
            yield f"not all logs have {self.log.unseen}. Without --no-observe, slimmer would see that here"
        if paths := self.unsteady(tree):
            number = counted(len(paths), "path")
            yield f"{number} not used in all of the {self.runs} runs, but kept: {listed(paths, SHOWN)}"


def all_moved(foreign: Iterable[AccessLog], tree: Tree) -> tuple[str, ...]:
    """Return the paths that logs of other images found and that `tree` does not have, sorted."""
    return tuple(sorted({path for log in foreign for path in moved(log, tree)}))


def taken_over(gone: tuple[str, ...]) -> str:
    """Return a note about logs of another image, with the paths that no longer exist."""
    known = (
        f"{counted(len(gone), 'path')} missing in this image: {listed(gone, SHOWN)}"
        if gone
        else "all its paths still exist"
    )
    return f"using a log of another image (--rebase): {known}"


def observe_or_reuse(request: BuildRequest, session: Session, folder: Path, say: Say) -> ObservationSet:
    """Observe the app, join logs or reuse a log, as requested. `folder` may have the log of an earlier build.

    Raises UsageError for logs that do not fit, AppFailed, ExerciseFailed or ObservationIncomplete.
    """
    _check(request)
    logs, foreign = _from_elsewhere(request, session.config.image_id)
    mark = session.pool.submit(fingerprint, request, session.config.image_id, session.probe)  # it is slow on purpose
    if request.reuse and (log := _reusable(folder / LOG_NAME, mark.result(), say)) is not None:
        return _exercised_alone(request, session, log, "reused", say)
    if not request.observe:
        found = _exercised_alone(request, session, merge(logs), "joined", say)
    else:
        found = observe(request, session, say)
        found = replace(found, log=merge([found.log, *logs]))
    log = replace(found.log, fingerprint=mark.result())
    return replace(found, log=log, joined=len(logs), foreign=foreign, runs=request.runs)


def observe(request: RunRequest, session: Session, say: Say) -> ObservationSet:
    """Observe every scenario. Raises AppFailed, ExerciseFailed or ObservationIncomplete."""
    scenario_runs = tuple(scenario.observe(session, one, request.runs, say) for one in scenarios(request))
    check_shared(request.plan, [scenario_run.observed.exercised for scenario_run in scenario_runs])
    log = merge([scenario_run.observed.log for scenario_run in scenario_runs])
    return ObservationSet(log, scenario_runs, scenario_runs[0].observed.identity, "observed", runs=request.runs)


def _exercised_alone(request: BuildRequest, session: Session, log: AccessLog, source: str, say: Say) -> ObservationSet:
    """Run the original without the probe, only to have answers to compare the slim image with."""
    wanted = scenarios(request)
    runs = (scenario.exercise_alone(session, one, log, say) for one in wanted if request.verify)
    scenario_runs = tuple(runs)
    check_shared(request.plan, [scenario_run.observed.exercised for scenario_run in scenario_runs])
    identity = (
        scenario_runs[0].observed.identity if scenario_runs else app_runs.identify(session.running(wanted[0].options))
    )
    return ObservationSet(log, scenario_runs, identity, source)


def _check(request: BuildRequest) -> None:
    if not request.observe and not request.access:
        raise UsageError("--no-observe needs an access log", hint="For example: --access access.json")
    if request.rebase and not request.access:
        raise UsageError("--rebase needs an access log", hint="For example: --access access.json --rebase")


def _from_elsewhere(request: BuildRequest, image_id: str) -> tuple[tuple[AccessLog, ...], tuple[AccessLog, ...]]:
    """Return all given logs as logs of this image, and those that belong to another image."""
    foreign = tuple(log for log in request.access if log.image_id != image_id)
    if not request.rebase:
        for number, log in enumerate(request.access, 1):
            check_image(log, image_id, f"access log {number}")
    check_complete(request.access)
    return tuple(rebased(log, image_id) for log in request.access), foreign


def _reusable(path: Path, mark: str, say: Say) -> AccessLog | None:
    """Return the log of an earlier build if it was made in the same way, or None. Tell the user either way."""
    log = _read(path) if path.is_file() else None
    if log is None:
        say(f"nothing to reuse: {path} does not exist or is not an access log")
        return None
    if not log.complete or log.fingerprint != mark:
        say(f"not reusing {path}: the image, the options or slimmer's version have changed")
        return None
    say(f"reusing the observation in {path}: image, options and slimmer's version are the same")
    return log


def _read(path: Path) -> AccessLog | None:
    try:
        with path.open(encoding="utf-8") as file:
            return read_log(file)
    except (OSError, UsageError):
        return None
