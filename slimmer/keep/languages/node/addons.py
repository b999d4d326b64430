"""Native code of Node packages: addons that are loaded by computed names, and packages made for one platform.

Sources for where addons lie: https://github.com/TooTallNate/node-bindings (build/Release and the like),
https://github.com/prebuild/node-gyp-build (prebuilds/PLATFORM-ARCH), https://github.com/mapbox/node-pre-gyp (lib/binding).
Packages like @img/sharp-linux-x64 or @esbuild/linux-x64 are optional dependencies of the package that loads them.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from slimmer.image.tree import Entry, Tree

ADDONS = 200
"""The most addons of one package that are kept."""

_ENTRIES = 20_000
_ARCHITECTURES = {"amd64": "x64", "arm64": "arm64", "arm": "arm", "386": "ia32", "ppc64le": "ppc64", "s390x": "s390x"}
_OTHER_SYSTEMS = re.compile(r"win32|darwin|freebsd|android|openbsd|sunos|aix|wasm32")
_TOKEN = re.compile(r"(?<![a-z0-9])(x64|arm64|arm|ia32|ppc64|s390x|riscv64|loong64|mips64el)(?![a-z0-9])")


class Platform:
    """The image's platform, in Node's terms."""

    def __init__(self, tree: Tree, architecture: str) -> None:
        self._architecture = _ARCHITECTURES.get(architecture, architecture)
        self._musl = any(entry.path.startswith("/lib/ld-musl-") for entry in tree.children("/lib"))

    def fits(self, name: str) -> bool:
        """Return True unless the name of a file or package names another platform."""
        if _OTHER_SYSTEMS.search(name):
            return False
        if "musl" in name and not self._musl:
            return False
        if self._musl and re.search(r"glibc|-gnu", name):
            return False
        tokens = _TOKEN.findall(name)
        return not tokens or self._architecture in tokens

    def is_named(self, name: str) -> bool:
        """Return True if a package's name names this platform."""
        return self._architecture in _TOKEN.findall(name) and self.fits(name)


def addons_of(tree: Tree, folder: str, platform: Platform) -> Iterator[Entry]:
    """Yield a package's addons for this platform, without those of its dependencies."""
    found = 0
    for count, entry in enumerate(tree.below(folder)):
        inside = entry.path[len(folder) :]
        if count > _ENTRIES or found >= ADDONS:
            return
        if entry.path.endswith(".node") and entry.is_file and not _is_left_over(inside) and platform.fits(inside):
            found += 1
            yield entry


def _is_left_over(inside: str) -> bool:
    """Return True if an addon belongs to a dependency, or is an intermediate file of the compiler."""
    return "/node_modules/" in inside or "/obj.target/" in inside or posixpath.basename(inside).startswith(".")
