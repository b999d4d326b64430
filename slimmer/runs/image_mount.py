"""Open a pristine container of an image, through which its files can be read unchanged."""

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
    """Yield the files of `image`, whose configuration is `config`.

    `probe` is the probe's program; `purpose` is unique within the run. The container is removed after the end, even if the probe no
    longer answers. Raises EngineError, or ObservationIncomplete if something other than slimmer's probe answers.
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
        scope.remove_soon(container)


def image_tree(pristine: PristineImage, config: ImageConfig) -> Tree:
    """Return the tree of the image: that of the container without what the engine made in it.

    Raises ObservationIncomplete if the image has more paths than slimmer can index.
    """
    return read_image_tree(pristine.index(), pristine.probe_folder, config.created, config.volumes).tree
