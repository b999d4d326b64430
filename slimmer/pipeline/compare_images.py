"""Compare any two images: their contents and their answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from functools import partial

from slimmer.image.config import ImageConfig
from slimmer.image.origin_labels import without_origin
from slimmer.image.package_data import recognized
from slimmer.observe.pristine import PristineImage
from slimmer.pipeline.app_runs import replay
from slimmer.pipeline.original import open_original
from slimmer.pipeline.progress import Say
from slimmer.pipeline.scenario import ScenarioRun
from slimmer.pipeline.session import Session
from slimmer.pipeline.verification import compare_answers
from slimmer.verify.check import compare_configs
from slimmer.verify.structure import Difference, compare_digests, compare_structure, files_to_hash


def compare_files(session: Session, after: ImageConfig) -> Iterator[Difference]:
    """Yield the differences between the files and configuration of the session's image and of `after`.

    Paths that only the first image has do not count, because a slim image lacks many. Paths that both have must be the same.
    Times are compared in whole seconds, because not every builder keeps more. For times that the engine overwrote in both images, the
    first image's time is used (slimmer.image.engine_artifacts.own_times). The data about packages that slimmer adds to a slim image is
    no difference if it is what slimmer makes of the first image for the paths of `after`. Labels that name the original are none.
    """
    before = open_original(session)
    other = open_original(session.of(dataclasses.replace(after, created=session.config.created)))
    added = recognized(before.package_data, other.tree, other.pristine.hash)
    common = [entry.path for entry in other.tree if entry.path in before.tree and entry.path not in added]
    yield from compare_structure(
        before.tree,
        other.tree,
        common,
        before.image.mtime,
        slim_mtime=other.image.mtime,
        whole_seconds=True,
        added={path: one.entry for path, one in added.items()},
    )
    files, too_large = files_to_hash(before.tree, other.tree, common)
    yield from too_large
    yield from compare_digests(_digests(before.pristine, files), other.pristine.hash(files))
    yield from compare_configs(without_origin(session.config), without_origin(after))


def compare_behaviour(
    session: Session, after: ImageConfig, scenario_run: ScenarioRun, warn: Say
) -> Iterator[Difference]:
    """Yield the differences between the answers of the session's image and of `after` in this scenario."""
    scenario, observed = scenario_run.scenario, scenario_run.observed
    session = session.running(scenario.options)
    original = partial(replay, session, session.config.image_id, scenario.plan, observed, shared=scenario.shared)
    slim = partial(replay, session.of(after), after.image_id, scenario.plan, observed, shared=scenario.shared)
    for difference in compare_answers(scenario, observed.exercised, original, slim, warn):
        yield dataclasses.replace(difference, where=scenario.named(difference.where))


def _digests(image: PristineImage, files: list[str]) -> dict[str, str]:
    return {path: digest or "" for path, digest in image.hash(files)}
