"""The readers that children know, by name. Nothing else can be asked of a child."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

READERS: Mapping[str, str] = {
    "class": "slimmer.keep.rules.java.class_file:read_class",
    "jar": "slimmer.keep.rules.java.jar:read_jar",
    "ld.so.cache": "slimmer.image.ld_cache:read_ld_cache",
    "rpm": "slimmer.image.rpm_database:read_rpm",
}
"""Where each reader is: "module:function". See slimmer.sandbox for how to add one."""

Read = Callable[..., Any]
"""Takes a file's content and plain arguments, returns a frozen dataclass."""


TABLE = f"{__name__}:READERS"
"""The place of this table."""


def load_readers(table: str) -> dict[str, Read]:
    """All readers of a table, with all that they import: once a child is confined it can open no file."""
    return {name: _load(place) for name, place in _load(table).items()}


def _load(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)
