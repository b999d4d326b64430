"""Two images held against each other: any two, made by whomever. What both hold, how they are configured, what they answer."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from functools import partial

from slimmer.engine import images
from slimmer.observe.pristine import PristineImage
from slimmer.pipeline.observation import observe_all
from slimmer.pipeline.request import ObserveRequest, Progress
from slimmer.pipeline.scenario import ScenarioRun, scenarios
from slimmer.pipeline.session import Session, open_session
from slimmer.pipeline.verification import compare_answers
from slimmer.verify.check import compare_configs
from slimmer.verify.structure import Difference, compare_digests, compare_structure


def verify_pair(request: ObserveRequest, after: str, progress: Progress) -> tuple[Difference, ...]:
    """Every difference of the image `after` from the image `request.target`.

    A path that only the first has is no difference, since a slim image lacks many; one that only the second has is one.
    Raises what observing the first image raises, and TargetNotFound.
    """
    first = scenarios(request)[0].options
    with open_session(request.target, first, request.recorder, pull=request.pull) as before:
        config = images.resolve(before.engine, after, platform=request.options.platform)
        other = dataclasses.replace(before, config=config)
        with progress.stage("compare files"):
            found = [*_structure(before, other), *compare_configs(before.config, config)]
        with progress.stage("observe"):
            _, scenario_runs = observe_all(request, before, progress.note)
        with progress.stage("verify"):
            for scenario_run in scenario_runs:
                found += _behaviour(before, other, scenario_run, progress)
    return tuple(found)


def _structure(before: Session, after: Session) -> Iterator[Difference]:
    """What both images hold must be the same. Times count in whole seconds: not every builder keeps more.

    Times that the engine overwrote in both are taken for the first image's (slimmer.image.engine_artifacts.own_times).
    """
    after = dataclasses.replace(after, config=dataclasses.replace(after.config, created=before.config.created))
    pristine, own = before.open_image()
    slim, other = after.open_image()
    common = [entry.path for entry in other.tree if entry.path in own.tree]
    yield from compare_structure(own.tree, other.tree, common, own.mtime, slim_mtime=other.mtime, whole_seconds=True)
    files = [path for path in common if _is_file(own.tree.get(path)) and _is_file(other.tree.get(path))]
    yield from compare_digests(_digests(pristine, files), slim.hash(files))


def _digests(image: PristineImage, files: list[str]) -> dict[str, str]:
    return {path: digest or "" for path, digest in image.hash(files)}


def _is_file(entry: object) -> bool:
    return bool(getattr(entry, "is_file", False))


def _behaviour(before: Session, after: Session, scenario_run: ScenarioRun, progress: Progress) -> Iterator[Difference]:
    scenario, observed = scenario_run.scenario, scenario_run.observed
    place, other = before.running(scenario.options), after.running(scenario.options)
    original = partial(place.answer, before.config.image_id, scenario.plan, observed, shared=scenario.shared)
    slim = partial(other.answer, after.config.image_id, scenario.plan, observed, shared=scenario.shared)
    for difference in compare_answers(scenario, observed.exercised, original, slim, progress.warn):
        yield dataclasses.replace(difference, where=scenario.named(difference.where))
