"""Collect statistics of several images at a time: counts of what they hold, and the sizes of their layers."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial

from slimmer.engine.resources import EngineResources
from slimmer.engine.saved import layer_sizes
from slimmer.errors import Interrupted
from slimmer.image.config import ImageConfig
from slimmer.image.image_stats import ImageStats, stats_of
from slimmer.image.layer_sizes import LayerSizes
from slimmer.probe_binary import probe_path
from slimmer.runs.image_mount import image_tree, open_pristine
from slimmer.sandbox.sandbox import Sandbox
from slimmer.workers import Workers


def collect_stats(
    scope: EngineResources, images: Sequence[ImageConfig], passed: Callable[[int], object] = lambda size: None
) -> tuple[ImageStats, ...]:
    """Return the statistics of each image. `passed` is called, in other threads, with the number of bytes read from saved layers.

    Raises EngineError, or ObservationIncomplete if an image has more paths than slimmer can index. An interrupt stops all threads.
    """
    over = threading.Event()

    def go_on(size: int) -> None:
        if over.is_set():
            raise Interrupted("interrupted")
        passed(size)

    different = {image.image_id: image for image in images}
    sizes = {name: _begun(partial(_layer_sizes, scope, image, go_on)) for name, image in different.items()}
    try:
        with Workers(len(images)) as pool:
            counts = [pool.submit(_facts, scope, image, f"survey-{n}") for n, image in enumerate(images)]
        return tuple(
            dataclasses.replace(count.result(), layer_sizes=sizes[image.image_id].result())
            for image, count in zip(images, counts, strict=True)
        )
    finally:
        over.set()


def _begun(work: Callable[[], LayerSizes]) -> Future[LayerSizes]:
    """Start work in a daemon thread. An engine may take long before it begins to save a large image, and exiting must not wait for that."""
    outcome: Future[LayerSizes] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:
            outcome.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return outcome


def _facts(scope: EngineResources, image: ImageConfig, purpose: str) -> ImageStats:
    probe = probe_path(scope.engine.architecture)
    with open_pristine(scope, image, image.image_id, probe, purpose) as pristine:
        return stats_of(image, image_tree(pristine, image), pristine.stream, Sandbox())


def _layer_sizes(scope: EngineResources, image: ImageConfig, passed: Callable[[int], object]) -> LayerSizes:
    """Return the sizes of the layers. An image without layers has none, and engines refuse to save it."""
    return layer_sizes(scope.engine, image.image_id, passed) if image.layers else LayerSizes()
