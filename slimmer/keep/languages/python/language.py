"""Python as a language."""

from __future__ import annotations

import re

from slimmer.keep.language import Language, Limits
from slimmer.keep.languages.python.facts import Facts
from slimmer.keep.languages.python.reader import read
from slimmer.keep.languages.python.resolver import PythonResolver

PYTHON = Language(
    id="python",
    version=13,
    facts_type=Facts,
    read=read,
    programs=re.compile(r"(?:python|pypy)[0-9.]{0,8}t?"),
    resolver=PythonResolver,
    unopened=True,
    suffixes=frozenset((".py", ".pyi")),
    compiled_suffixes=frozenset((".pyc", ".pyo")),
    dependency_folders=frozenset(("site-packages", "dist-packages")),
    manifests=frozenset(("pyproject.toml", "setup.py", "requirements.txt")),
    limits=Limits(total=1 << 30),  # a module may be read three times
    extension_folders=r"lib-dynload|site-packages|dist-packages|python[\d.]*",
)
