"""A pristine container: opens one for an image, so that its files can be asked for as the image holds them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from slimmer.engine import description
from slimmer.engine.resources import EngineResources
from slimmer.image.config import ImageConfig
from slimmer.image.engine_artifacts import read_image_tree
from slimmer.image.tree import Tree
from slimmer.observe.pristine import PristineImage


@contextmanager
def open_pristine(
    scope: EngineResources, config: ImageConfig, image: str, probe: Path, purpose: str
) -> Iterator[PristineImage]:
    """The files of `image`, whose configuration is `config`, for as long as the context lasts.

    `probe` is the probe's program; `purpose` is unique within the run. Raises EngineError, or ObservationIncomplete when it
    is not our probe that answers. The container is removed at
    the end, whether or not the probe still answers.
    """
    mount = scope.lender.lend(probe, config, image)
    container = scope.create(description.pristine(config, image, mount), purpose)
    try:
        stream = container.attach()
        try:
            container.start(collect_output=False)
            yield PristineImage(stream, mount)
        finally:
            stream.close()
    finally:
        scope.remove(container)


def image_tree(pristine: PristineImage, config: ImageConfig) -> Tree:
    """The tree of the image itself: the container's, without what the engine made in it.

    Raises ObservationIncomplete for an image with more paths than slimmer can index.
    """
    return read_image_tree(pristine.index(), pristine.probe_folder, config.created, config.volumes).tree
