"""Python as a language. Its modules are followed from the installations in use (slimmer.keep.languages.python.follower)."""

from __future__ import annotations

import re

from slimmer.keep.language import Language, Origin, Source
from slimmer.keep.languages.python.facts import Facts
from slimmer.keep.languages.python.source import read_source


def read(source: Source) -> Facts:
    """The facts of a source; all of them for an app's."""
    return read_source(source.content, source.origin is Origin.APP)


PYTHON = Language(
    id="python",
    version=6,
    facts_type=Facts,
    read=read,
    programs=re.compile(r"(?:python|pypy)[0-9.]{0,8}"),
    suffixes=frozenset((".py", ".pyc", ".pyo", ".pyi")),
    dependency_folders=frozenset(("site-packages", "dist-packages", "__pycache__")),
    manifests=frozenset(("pyproject.toml", "setup.py", "requirements.txt")),
)
