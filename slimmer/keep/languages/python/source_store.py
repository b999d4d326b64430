"""Python sources and their facts, read from the image in bounded portions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from slimmer.keep.image_view import ImageView
from slimmer.keep.language import Origin
from slimmer.keep.languages.python.facts import Facts
from slimmer.keep.languages.python.language import PYTHON
from slimmer.keep.languages.python.source import SOURCE_LIMIT
from slimmer.keep.sources.batches import batches
from slimmer.keep.sources.reading import SourceFacts

PORTION = 1 << 25
"""Bytes of sources that are held at a time."""


class Sources:
    """Facts of the sources of an image."""

    def __init__(self, image: ImageView) -> None:
        self._image = image
        self._facts = SourceFacts(image, PYTHON)

    def facts(self, wanted: Mapping[str, bool]) -> Iterator[tuple[str, Facts]]:
        """The facts of each source; the value tells whether all of them are wanted (slimmer.keep.languages.python.source)."""
        for portion in batches(self._image.tree, wanted, SOURCE_LIMIT, PORTION):
            yield from self._facts.read(portion, lambda path: Origin.APP if wanted[path] else Origin.LIBRARY)
