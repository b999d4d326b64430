"""What a slim image says of its original: the labels that slimmer adds, and the configuration apart from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

PREFIX = "io.slimmer."
BASE = "org.opencontainers.image.base."


def configuration(inspected: Mapping[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    """These parts of what the engine says of an image's configuration, without slimmer's labels. No labels are None."""
    config = inspected["Config"]
    labels = {name: value for name, value in (config.get("Labels") or {}).items() if not name.startswith(PREFIX)}
    return {key: (labels or None) if key == "Labels" else config.get(key) for key in keys}


def origin(inspected: Mapping[str, Any]) -> dict[str, str]:
    """The labels that slimmer adds."""
    labels = inspected["Config"].get("Labels") or {}
    return {name: value for name, value in labels.items() if name.startswith((PREFIX, BASE))}
