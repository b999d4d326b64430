"""Installs tiny distributions, as pip lays them out, so that their entry points are found."""

from __future__ import annotations

import importlib
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from slimmer.sandbox import readers

ANALYZER = """
from slimmer.keep.analyzer import BEYOND_OBSERVED, FunctionAnalyzer
from slimmer.keep.evidence import Evidence
from slimmer.keep.keepset import Finding, Reason


def follower(image):
    def follow(added, kept):
        for path in added:
            if path.endswith(".conf"):
                yield Finding(path + ".local", Reason("{id}", f"beside {{path}}", path))
    return follow


ANALYZER = FunctionAnalyzer("{id}", BEYOND_OBSERVED, {{"{id}": Evidence.USED}}, follower=follower)
"""
"""The source of an analyzer that keeps `x.conf.local` beside each `x.conf`."""


def install(site: Path, name: str, source: str, *points: str, group: str = "slimmer.analyzers") -> None:
    """Put a module `name` with this source, and the metadata of its distribution, into a folder of sys.path.

    `points` are entry points: `NAME = MODULE:OBJECT`.
    """
    (site / f"{name}.py").write_text(textwrap.dedent(source))
    info = site / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("\n".join([f"[{group}]", *points, ""]))
    (info / "RECORD").write_text(f"{name}.py,,\n{info.name}/METADATA,,\n{info.name}/entry_points.txt,,\n")


@contextmanager
def on_path(site: Path) -> Iterator[None]:
    """Put a folder onto sys.path. Afterwards this process has neither its modules nor their readers, which no child could import."""
    modules = set(sys.modules)
    sys.path.insert(0, str(site))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(site))
        own = [
            name
            for name in set(sys.modules) - modules
            if str(getattr(sys.modules[name], "__file__", "")).startswith(str(site))
        ]
        for name in own:
            del sys.modules[name]
        for place in [place for place in readers._declared if place.partition(":")[0] in own]:
            del readers._declared[place]
        importlib.invalidate_caches()
