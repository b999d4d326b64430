"""A module that is loaded because of what another one asks for: by `import *`, or as an attribute that is made on demand."""

from __future__ import annotations

from dataclasses import dataclass

from slimmer.keep.languages.python.depth import Level
from slimmer.keep.languages.python.edges import Edge
from slimmer.keep.languages.python.finder import Module


@dataclass(frozen=True, slots=True)
class Loaded:
    """An edge that is followed like an import in `source`. `level` is the level of `source`; `verb` is for the reason."""

    source: Module
    level: Level
    edge: Edge
    verb: str = "imported by"
