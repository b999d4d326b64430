"""Find the app's own layers (--keep-layers) and read which paths they have, while other stages are at work."""

from __future__ import annotations

import threading
from array import array
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass

from slimmer.engine import images
from slimmer.engine.saved import read_layers
from slimmer.errors import EngineError, Interrupted
from slimmer.formatting import SHOWN, counted, human_size
from slimmer.image.history import HistoryEntry, layer_entries
from slimmer.image.layer_border import Border, LayerChoice, based, by_history, nearest, not_found, numbered
from slimmer.image.own_layers import LayerReader, OwnLayers, own_layers
from slimmer.image.tree import Tree
from slimmer.pipeline.session import Session
from slimmer.tasks import begin

SYSTEM = ("/etc/os-release", "/usr/lib/os-release", "/bin/sh")
"""An image that has one of these has an operating system (os-release(5))."""


@dataclass(frozen=True, slots=True)
class LayerSearch:
    """The border of an image, and its layers that are being read."""

    border: Border
    reading: Future[OwnLayers]


def begin_layers(session: Session, target: str, choice: LayerChoice, tree: Tree, *, pull: bool) -> LayerSearch:
    """Find the border and begin to read the layers in another thread. `target` is the image's name for people.

    Raises UsageError if there is no such border, and TargetNotFound if the engine does not have the base image.
    """
    history = images.history(session.engine, session.config.image_id)
    border = find_border(session, target, choice, history, tree, pull=pull)
    over = threading.Event()
    session.opened.callback(over.set)
    return LayerSearch(border, begin(lambda: _read(session, border, history, tree, over)))


def find_border(
    session: Session, target: str, choice: LayerChoice, history: tuple[HistoryEntry, ...], tree: Tree, *, pull: bool
) -> Border:
    """Return the border that the user chose, or the one that is found. For errors, see `begin_layers`."""
    layers = session.config.layers
    if choice.number is not None:
        return numbered(choice.number, len(layers))
    if choice.base:
        base = images.resolve_others(session.engine, {choice.base: "--base"}, pull=pull)[choice.base]
        return based(layers, target, base.layers, choice.base)
    found = nearest(layers, (*session.config.tags, target), images.named_layers(session.engine))
    has_system = any(tree.resolve(path).end is not None for path in SYSTEM)
    found = found or by_history(history, len(layers), has_system=has_system)
    if found is None:
        raise not_found(len(layers))
    return found


def notes(own: OwnLayers) -> Iterator[str]:
    """Yield what stays whole, and then each layer, for the user."""
    border, number = own.border, len(own.layers)
    what = f"{number} of {counted(own.total, 'layer')}: {human_size(own.size)} in {counted(own.files, 'file')}"
    yield f"kept whole: {what} ({border.detail})"
    for layer in own.layers[:SHOWN]:
        yield f"  {layer.name}: {human_size(layer.size)}"
    if number > SHOWN:
        yield f"  and {counted(number - SHOWN, 'layer')} below"


def _read(
    session: Session, border: Border, history: tuple[HistoryEntry, ...], tree: Tree, over: threading.Event
) -> OwnLayers:
    def go_on(size: int) -> None:
        if over.is_set():
            raise Interrupted("interrupted")

    reader = LayerReader(tree)
    found = [layer for _, layer in read_layers(session.engine, session.config.image_id, reader.read_any, go_on)]
    number = len(session.config.layers)
    if len(found) != number:
        raise EngineError(f"the engine saved {counted(len(found), 'layer')} of an image that has {number}")
    places = layer_entries(history, number) or ()
    return own_layers(tree, border, _readable(found), [history[place].instruction for place in places])


def _readable(found: list[array[int] | ValueError]) -> list[array[int]]:
    """Return the layers. Raise EngineError if one of them could not be read."""
    layers: list[array[int]] = []
    for number, layer in enumerate(found, 1):
        if isinstance(layer, ValueError):
            raise EngineError(f"cannot read layer {number} as the engine saved it: {layer}") from layer
        layers.append(layer)
    return layers
