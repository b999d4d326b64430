"""Find what a second image has that the first one does not have, by reading the files of both."""

from __future__ import annotations

from collections.abc import Sequence

from slimmer.engine.resources import EngineResources
from slimmer.image.config import ImageConfig
from slimmer.image.new_paths import NewPath, compare_contents, compare_trees
from slimmer.observe.pristine import PristineImage
from slimmer.probe_binary import probe_path
from slimmer.runs.image_mount import image_tree, open_pristine
from slimmer.workers import Workers


def find_new_files(scope: EngineResources, before: ImageConfig, after: ImageConfig) -> tuple[NewPath, ...]:
    """Return the paths of `after` that `before` does not have, or has with another type, target or content, sorted.

    Raises EngineError, or ObservationIncomplete if an image has more paths than slimmer can index.
    """
    if before.image_id == after.image_id:
        return ()
    probe = probe_path(scope.engine.architecture)
    with (
        open_pristine(scope, before, before.image_id, probe, "before") as first,
        open_pristine(scope, after, after.image_id, probe, "after") as second,
        Workers(2) as pool,
    ):
        trees = [pool.submit(image_tree, image, config) for image, config in ((first, before), (second, after))]
        found = compare_trees(trees[0].result(), trees[1].result())
        digests = [pool.submit(_digests, image, found.unsure) for image in (first, second)]
        changed = compare_contents(digests[0].result(), digests[1].result())
        return tuple(sorted((*found.new, *changed), key=lambda one: one.path))


def _digests(image: PristineImage, paths: Sequence[str]) -> list[tuple[str, str | None]]:
    return list(image.hash(paths))
