"""Finds the module that `python -m NAME` runs, in the folders of the Python that the command means.

Source: Python's docs, "Command line and environment", -m: the module NAME, or NAME.__main__ of a package.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from slimmer.keep.image_view import ImageView

_VERSION = re.compile(r"(?:python|pypy)\d(?:\.\d{1,2})?t?")
_SITES = ("", "/site-packages", "/dist-packages")


def module_files(image: ImageView, program: str, name: str) -> Iterator[str]:
    """Yield the files of the module that `program -m name` runs. `program` is a path or a name on PATH.

    The first folder that has the module counts.
    """
    for folder in _folders(image, program):
        place = posixpath.join(folder, *name.split("."))
        files = [
            path for path in (f"{place}/__init__.py", f"{place}/__main__.py", f"{place}.py") if image.tree.is_file(path)
        ]
        if files:
            yield from files
            return


def _folders(image: ImageView, program: str) -> Iterator[str]:
    """Yield the working directory, and the folders of modules below the prefixes that the program's path tells (a virtual environment's first)."""
    yield posixpath.join("/", image.config.working_dir)
    path = image.which(program)
    end = image.end(path) if path is not None else None
    if path is None or end is None:
        return
    prefixes = [posixpath.dirname(posixpath.dirname(one)) for one in (path, end.path)]
    for prefix in dict.fromkeys((*prefixes, "/usr/local")):
        for entry in image.tree.children(posixpath.join(prefix, "lib")):
            if _VERSION.fullmatch(posixpath.basename(entry.path)):
                yield from (f"{entry.path}{site}" for site in _SITES)
