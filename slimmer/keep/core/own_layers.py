"""Keep the app's own layers whole (--keep-layers): every path that comes from one of them, with what its links lead to.

What these files need is followed as for anything in use. Under the policy `observed`, that is what a chosen program brings
(slimmer.keep.core.user_selection). Records of a package manager stay and are not followed: dpkg keeps the scripts there that it runs
when a package is installed or removed, which call half of the base.
"""

from __future__ import annotations

from collections.abc import Iterator

from slimmer.image.own_layers import OwnLayers
from slimmer.image.packages import APK_INSTALLED, RPM_FOLDERS
from slimmer.keep.analyzer import EVERY_POLICY, FunctionAnalyzer
from slimmer.keep.evidence import Evidence
from slimmer.keep.image_view import ImageView, leading, parent
from slimmer.keep.keepset import Finding, Reason

RULE, RECORD_RULE = "own-layer", "own-record"

RECORDS = tuple(
    f"{folder}/" for folder in ("/var/lib/dpkg", *map(parent, APK_INSTALLED), *RPM_FOLDERS, "/var/lib/pacman")
)
"""Where package managers keep what they know of installed packages (deb, apk, rpm, Arch's pacman)."""


def own_layers(image: ImageView) -> Iterator[Finding] | None:
    """Yield a finding for each path of the own layers, and for the end of each link among them."""
    return None if image.own_layers is None else _findings(image, image.own_layers)


def _findings(image: ImageView, own: OwnLayers) -> Iterator[Finding]:
    tree = image.tree
    reasons = {layer.number: (Reason(RULE, layer.name), Reason(RECORD_RULE, layer.name)) for layer in own.layers}
    for path, layer in own.paths(tree):
        yield Finding(path, reasons[layer.number][is_record(path)])
        entry = tree.get(path)
        if entry is not None and entry.is_link:
            resolution = tree.resolve(path)
            if resolution.end is not None:
                yield Finding(resolution.end, Reason(RULE, f"the end of a link in {layer.name}", path))
            yield from leading(resolution.way, path)


def is_record(path: str) -> bool:
    """Return True if a package manager keeps its records at this path."""
    return path.startswith(RECORDS)


RULES = {RULE: Evidence.USED, RECORD_RULE: Evidence.LISTED}
ANALYZER = FunctionAnalyzer("own-layer", EVERY_POLICY, RULES, own_layers)
