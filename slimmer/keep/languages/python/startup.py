"""Keep what a Python loads when it starts, for one that is in use although the run did not start it.

A crontab, a configuration or a web server's folder names a script, and the script its interpreter. Where no Python ran, nothing of its
standard library was opened, and without the modules of its start no script runs. They also show the analyzer of Python's sources where the
library is. Sources: Python's docs, site; CPython, Lib/encodings/__init__.py, Lib/runpy.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from slimmer.keep.analyzer import BEYOND_OBSERVED, Follow, FunctionAnalyzer, Kept
from slimmer.keep.evidence import Evidence, reaches
from slimmer.keep.image_view import ImageView, reach
from slimmer.keep.keepset import Finding, Reason

RULE = "python"

_INTERPRETER = re.compile(r"(.*)/bin/python(\d\.\d{1,2})")
_MODULES = (
    "abc codecs contextlib copyreg enum functools genericpath io keyword linecache operator os pkgutil posixpath reprlib runpy site stat token"
    " tokenize types warnings weakref _collections_abc _sitebuiltins _weakrefset collections/__init__ collections/abc"
    " encodings/__init__ encodings/aliases encodings/ascii encodings/latin_1 encodings/utf_8"
    " importlib/__init__ importlib/_abc importlib/_bootstrap importlib/_bootstrap_external importlib/abc importlib/machinery importlib/util"
    " re/__init__ re/_casefix re/_compiler re/_constants re/_parser"
)


def startup(image: ImageView) -> Follow:
    """Follow interpreters of Python to the modules of their start, each once."""
    seen: set[str] = set()

    def follow(added: Sequence[str], kept: Kept) -> Iterator[Finding]:
        for path in added:
            match = _INTERPRETER.fullmatch(path)
            if match is None or not image.is_executable(path):
                continue
            if not reaches(kept.evidence(path), Evidence.USED):
                continue
            library = f"{match[1] or '/usr'}/lib/python{match[2]}"
            if library not in seen and f"{library}/os.py" not in kept:
                seen.add(library)
                yield from _modules(image, library, path)

    return follow


def _modules(image: ImageView, library: str, interpreter: str) -> Iterator[Finding]:
    reason = Reason(RULE, f"loaded when {interpreter} starts", interpreter)
    for name in _MODULES.split():
        yield from reach(image.tree, f"{library}/{name}.py", reason)


ANALYZER = FunctionAnalyzer("python-startup", BEYOND_OBSERVED, {RULE: Evidence.USED}, follower=startup)
