"""The Pythons of an image, each with the folder of its standard library and its folders of installed packages.

Sources: Python's docs, "The initialization of the sys.path module search path" and site.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_VERSION = re.compile(r"(?:python|pypy)(\d)\.?(\d{1,2}t?)?$")
_ZIPPED = re.compile(r"(.*/)python(\d)(\d{1,2})\.zip$")
_SITES = ("site-packages", "dist-packages")


@dataclass(frozen=True, slots=True)
class Installation:
    """A Python. `version` has two parts, such as "3.11"; `stdlib` is the folder of its standard library."""

    version: str
    stdlib: str

    @property
    def prefix(self) -> str:
        """The value of sys.prefix: two folders above the library."""
        return posixpath.dirname(posixpath.dirname(self.stdlib))

    def sites(self) -> Iterator[str]:
        """Yield the folders of installed packages, including Debian's and, for a Python in /usr, those in /usr/local."""
        yield from site_folders(self.prefix, self.version)
        if self.prefix == "/usr":
            yield from site_folders("/usr/local", self.version)
        yield from (f"{self.prefix}/lib/python{self.version[0]}/{name}" for name in _SITES)


def site_folders(prefix: str, version: str) -> Iterator[str]:
    """Yield the folders of installed packages below a prefix or a virtual environment. They need not exist."""
    base = "" if prefix == "/" else prefix
    for library in ("lib", "lib64"):
        for kind in ("python", "pypy"):
            yield from (f"{base}/{library}/{kind}{version}/{name}" for name in _SITES)
    yield f"{base}/site-packages"  # PyPy's before 7.3.4


def installations(paths: Iterable[str]) -> tuple[Installation, ...]:
    """Return the Pythons whose standard libraries have paths among these, sorted by folder.

    The sign of a library is its os.py, which every Python looks for when it starts, or the zip file that replaces the folder.
    """
    found = {}
    for path in paths:
        folder, _, name = path.rpartition("/")
        if name in ("os.py", "os.pyc") and (match := _VERSION.search(folder)):
            found[folder] = Installation(f"{match[1]}.{match[2] or ''}".rstrip("."), folder)
        elif match := _ZIPPED.match(path):
            version = f"{match[2]}.{match[3]}"
            found[f"{match[1]}python{version}"] = Installation(version, f"{match[1]}python{version}")
    return tuple(found[folder] for folder in sorted(found))
