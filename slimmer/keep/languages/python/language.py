"""Python as a language."""

from __future__ import annotations

import re

from slimmer.keep.language import Language
from slimmer.keep.languages.python.facts import Facts
from slimmer.keep.languages.python.reader import read
from slimmer.keep.languages.python.resolver import PythonResolver

PYTHON = Language(
    id="python",
    version=7,
    facts_type=Facts,
    read=read,
    programs=re.compile(r"(?:python|pypy)[0-9.]{0,8}t?"),
    sources=None,
    resolver=PythonResolver,
    suffixes=frozenset((".py", ".pyi")),
    compiled_suffixes=frozenset((".pyc", ".pyo")),
    dependency_folders=frozenset(("site-packages", "dist-packages")),
    manifests=frozenset(("pyproject.toml", "setup.py", "requirements.txt")),
    extension_folders=r"lib-dynload|site-packages|dist-packages|python[\d.]*",
)
