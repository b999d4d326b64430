"""What a build does not prove: the items of analyzers and of the run together."""

from __future__ import annotations

from slimmer.keep.image_view import ImageView
from slimmer.unproven import Unproven, in_order


def unproven(view: ImageView) -> tuple[Unproven, ...]:
    """Return the items of the last decision on what to keep, by kind."""
    return in_order(view.unproven)
