"""The layers of an image that stay whole: which paths of the image come from them.

An image shows the topmost version of each path. All layers from the border up stay whole, so a path comes from one of them if one of them
has an entry for it and the image still has the path. Whiteouts are names that no image has, so they need no rule.
"""

from __future__ import annotations

import os
import posixpath
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from slimmer.image.history import shorten
from slimmer.image.layer_archive import entry_names
from slimmer.image.layer_border import Border
from slimmer.image.tree import Tree, content_size

SHOWN_INSTRUCTION = 60
"""The most characters of an instruction in a reason."""

MOST_ENTRIES = 8_000_000
"""The most entries of all layers together that are remembered, each in 8 bytes."""


@dataclass(frozen=True, slots=True)
class OwnLayer:
    """A layer that stays whole. `number` counts from 1, the lowest layer of the image. `instruction` made it; "" if that is unknown.

    `files` and `size` (bytes) are of the regular files that come from this layer: no layer above has another version of them. `places` are
    the numbers of all these paths in the image's tree (Tree.place).
    """

    number: int
    instruction: str
    files: int
    size: int
    places: array[int] = field(repr=False)

    @property
    def name(self) -> str:
        """The layer for people, with the beginning of its instruction: `layer 4 (COPY . /srv)`."""
        words = shorten(self.instruction, SHOWN_INSTRUCTION)
        return f"layer {self.number} ({words})" if words else f"layer {self.number}"


@dataclass(frozen=True)
class OwnLayers:
    """All layers from the border up, the topmost one first. `total` is the number of all layers of the image."""

    border: Border
    total: int
    layers: tuple[OwnLayer, ...]

    def paths(self, tree: Tree) -> Iterator[tuple[str, OwnLayer]]:
        """Yield each path of the image that comes from one of the layers, with its layer."""
        return ((tree.numbered(place), layer) for layer in self.layers for place in layer.places)

    def has(self, tree: Tree, path: str) -> bool:
        """Return True if a path comes from one of the layers."""
        return tree.place(os.fsencode(path)) in self._places

    @cached_property
    def _places(self) -> frozenset[int]:
        return frozenset(place for layer in self.layers for place in layer.places)

    @property
    def size(self) -> int:
        """The bytes of the regular files of all layers."""
        return sum(layer.size for layer in self.layers)

    @property
    def files(self) -> int:
        """The number of regular files of all layers."""
        return sum(layer.files for layer in self.layers)


class LayerReader:
    """Reads layers one after the other. It remembers which paths of the tree each of them has."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._left = MOST_ENTRIES

    def read(self, pieces: Iterable[bytes]) -> array[int]:
        """Return the places in the tree of a layer's entries, in any order. The layer is an archive that comes in pieces.

        Raises ValueError if it is no such archive or has too many entries.
        """
        places = array("Q")
        for name in entry_names(pieces):
            place = self._place(name)
            if place is None:
                continue
            self._left -= 1
            if self._left < 0:
                raise ValueError(f"the layers have more than {MOST_ENTRIES:,} entries")
            places.append(place)
        return places

    def read_any(self, pieces: Iterable[bytes]) -> array[int] | ValueError:
        """Return what `read` returns, or the error that it raises, for content that need not be a layer."""
        try:
            return self.read(pieces)
        except ValueError as error:
            return error

    def _place(self, name: bytes) -> int | None:
        """Return the place of the path that an entry makes. It may go through a link of the layers below, as some engines unpack it."""
        path = posixpath.normpath(b"/" + name.lstrip(b"/"))
        place = self._tree.place(path)
        if place is not None:
            return place
        folder, base = posixpath.split(os.fsdecode(path))
        end = self._tree.resolve(folder).end
        return None if end in (None, folder) else self._tree.place(os.fsencode(posixpath.join(end or "/", base)))


def own_layers(tree: Tree, border: Border, layers: Sequence[array[int]], instructions: Sequence[str]) -> OwnLayers:
    """Return the layers from the border up. `layers` are the places of each layer, from the lowest one on; `instructions` made them."""
    seen: set[int] = set()
    found: list[OwnLayer] = []
    for number in range(len(layers), border.below, -1):
        places = array("Q", sorted({place for place in layers[number - 1] if place not in seen}))
        seen.update(places)
        entries = [entry for place in places if (entry := tree.get(tree.numbered(place))) is not None and entry.is_file]
        instruction = instructions[number - 1] if instructions else ""
        found.append(OwnLayer(number, instruction, len(entries), content_size(entries), places))
    return OwnLayers(border, len(layers), tuple(found))
