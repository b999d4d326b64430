"""Find what a second image has that the first one does not have, by reading the files of both."""

from __future__ import annotations

from collections.abc import Sequence

from slimmer.engine.resources import EngineResources
from slimmer.image.config import ImageConfig
from slimmer.image.new_paths import NewPath, compare_contents, compare_trees
from slimmer.image.package_data import PackageData, recognized
from slimmer.image.package_files import PackageFiles
from slimmer.image.tree import Tree
from slimmer.observe.pristine import PristineImage, within
from slimmer.probe_binary import probe_path
from slimmer.runs.image_mount import image_tree, open_pristine
from slimmer.sandbox.sandbox import Sandbox
from slimmer.workers import Workers


def find_new_files(scope: EngineResources, before: ImageConfig, after: ImageConfig) -> tuple[NewPath, ...]:
    """Return the paths of `after` that `before` does not have, or has with another type, target or content, sorted.

    The data about packages that slimmer adds to a slim image does not count.

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
        tree, other = trees[0].result(), trees[1].result()
        found = compare_trees(tree, other)
        digests = [pool.submit(_digests, image, found.unsure) for image in (first, second)]
        changed = compare_contents(digests[0].result(), digests[1].result())
        new = sorted((*found.new, *changed), key=lambda one: one.path)
        added = recognized(_package_data(first, tree), other, second.hash) if new else {}
        return tuple(one for one in new if one.path not in added)


def _package_data(image: PristineImage, tree: Tree) -> PackageData:
    """Return what makes the data about packages that slimmer adds to a slim image. Their times do not matter here."""
    stream = within(tree, image.stream)
    return PackageData(tree, stream, PackageFiles(tree, stream, Sandbox()).owners, lambda path: 0)


def _digests(image: PristineImage, paths: Sequence[str]) -> list[tuple[str, str | None]]:
    return list(image.hash(paths))
