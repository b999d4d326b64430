"""Keep the app's own layers whole (--keep-layers): every path that comes from one of them, with what its links lead to.

What these files need is followed as for anything in use. Under the policy `observed`, that is what a chosen program brings
(slimmer.keep.core.user_selection).
"""

from __future__ import annotations

from collections.abc import Iterator

from slimmer.image.own_layers import OwnLayers
from slimmer.keep.analyzer import EVERY_POLICY, FunctionAnalyzer
from slimmer.keep.evidence import Evidence
from slimmer.keep.image_view import ImageView, leading
from slimmer.keep.keepset import Finding, Reason

RULE = "own-layer"


def own_layers(image: ImageView) -> Iterator[Finding] | None:
    """Yield a finding for each path of the own layers, and for the end of each link among them."""
    return None if image.own_layers is None else _findings(image, image.own_layers)


def _findings(image: ImageView, own: OwnLayers) -> Iterator[Finding]:
    tree = image.tree
    reasons = {layer.number: Reason(RULE, layer.name) for layer in own.layers}
    for path, layer in own.paths(tree):
        yield Finding(path, reasons[layer.number])
        entry = tree.get(path)
        if entry is not None and entry.is_link:
            resolution = tree.resolve(path)
            if resolution.end is not None:
                yield Finding(resolution.end, Reason(RULE, f"the end of a link in {layer.name}", path))
            yield from leading(resolution.way, path)


ANALYZER = FunctionAnalyzer("own-layer", EVERY_POLICY, {RULE: Evidence.USED}, own_layers)
