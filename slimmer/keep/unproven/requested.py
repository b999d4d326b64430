"""Packages that the author installed by name, and that are missing in the slim image.

Sources: PyPA's "Recording installed projects" (the file REQUESTED); apt's log of what it did (/var/log/apt/history.log, its lines
"Commandline:"); the app's manifests (slimmer.keep.unproven.dependencies).
"""

from __future__ import annotations

import re
import shlex
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from slimmer.image.packages import Package
from slimmer.image.tool_names import PACKAGE_MANAGERS
from slimmer.keep.image_view import ImageView
from slimmer.keep.program_names import BUILD_TOOLS, COMPILERS, DEBUGGERS, has_name_of
from slimmer.keep.sources.reading import read_files
from slimmer.keep.unproven.dependencies import unused_dependencies
from slimmer.keep.word_tables import like
from slimmer.sandbox.readers import reader
from slimmer.unproven import Kind, Unproven, option

HISTORY = "/var/log/apt/history.log"
HISTORY_LIMIT = 1 << 22
"""The most bytes of apt's log that are read."""

NAMES = 10_000
"""The most packages that apt's log names."""

_TOOLS = PACKAGE_MANAGERS | COMPILERS | BUILD_TOOLS | DEBUGGERS

WHAT = "the author installed it by name, and nothing of it was used"

_NOT_FOR_RUNNING = like(
    "*-dev *-doc *-dbg",
    "apt* dpkg* debhelper lsb-release software-properties-common ca-certificates gnupg* gpg curl wget git patch",
    "bzip2 unzip xz-utils zip",
    "autoconf automake bison build build-essential clang* cmake cpp* cython cython3 flex g++* gcc* libtool* make maven meson ninja",
    "ninja-build pkg-config pkgconf pkgconfig",
    "pip pip-tools pipenv pipx poetry poetry-core hatch hatchling setuptools setuptools-scm setuptools_scm twine uv virtualenv wheel",
    "python-venv python3-venv python3.*-venv python3-pip python3-setuptools python3-wheel",
    "black coverage flake8 mypy pre-commit pylint pytest* ruff tox",
    "file less locales nano vim*",
    "typescript ts-node @types/* @babel/* babel-* eslint* @eslint/* prettier* webpack* vite* @vitejs/* rollup* esbuild* parcel* postcss*",
    "autoprefixer tailwindcss jest* @jest/* mocha* vitest* nodemon husky lint-staged",
    "rspec* rubocop* capistrano* simplecov* phpunit/* phpstan/* friendsofphp/* squizlabs/*",
)
"""Packages that add packages and files, build, test and debug. Users do not expect them in a slim image."""

_NO_CODE = re.compile(r"/usr/share/(?:doc|doc-base|man|info|lintian|bug|locale)/|-info/|/__pycache__/")
_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]{1,100}")


def unused_packages(image: ImageView, kept: Collection[str]) -> Iterator[Unproven]:
    """Yield an item for each package that was asked for by name, has programs or data, and has none of them in the slim image.

    A package whose name begins that of a package in use is a name for it (python3 for python3.11), and left out.
    """
    asked = [package for package in (*_distributions(image), *_debian(image)) if _may_be_missed(package.name)]
    state: dict[Package, bool] = {}
    for package, path in image.packages.files(asked, nested=False) if asked else ():
        entry = image.tree.get(path)
        if entry is not None and not entry.is_directory and not _NO_CODE.search(path):
            state[package] = state.get(package, False) or path in kept
    unused = [package for package in asked if state.get(package) is False]
    owners = image.packages.owners(kept).values() if unused else ()
    used = sorted({one.name for found in owners for one in found})
    named = [one for one in unused if one.manager != "deb" or not _begins_another(one.name, used)]
    dependencies = (one for one in unused_dependencies(image, kept) if _may_be_missed(one.name))
    for package in (*named, *dependencies):
        remedy = option("--include-package", f"{package.manager}:{package.name}")
        yield Unproven(Kind.PACKAGE, package.name, WHAT, remedy)


def _may_be_missed(name: str) -> bool:
    """Return False for packages that users do not expect in a slim image."""
    return not _NOT_FOR_RUNNING.match(name) and not has_name_of(name, _TOOLS)


def _begins_another(name: str, names: Sequence[str]) -> bool:
    """Return True if a longer one of these sorted names begins with this one."""
    place = bisect_right(names, name)
    return place < len(names) and names[place].startswith(name)


def _distributions(image: ImageView) -> Iterator[Package]:
    """Yield the Python distributions that pip was asked for."""
    found = image.packages.distributions()
    return (package for package, folder in found if f"{folder}/REQUESTED" in image.tree)


def _debian(image: ImageView) -> Iterator[Package]:
    """Yield the Debian packages that `apt-get install` named."""
    entry = image.tree.get(HISTORY)
    if entry is None or not entry.is_file or entry.size > HISTORY_LIMIT:
        return
    names = [
        name for _, read in read_files(image, read_history, History, [HISTORY], HISTORY_LIMIT) for name in read.names
    ]
    if names:
        known = {package.name: package for package in image.packages.known() if package.manager == "deb"}
        yield from (known[name] for name in names if name in known)


@dataclass(frozen=True, slots=True)
class History:
    """The names of the packages that apt was asked to install, each once."""

    names: tuple[str, ...] = ()


@reader
def read_history(content: bytes) -> History:
    """Read apt's log. Lines that make no sense count as missing."""
    names = dict.fromkeys(_named(content.decode("ascii", "replace").splitlines()))
    return History(tuple(islice(names, NAMES)))


def _named(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        head, _, command = line.partition(": ")
        if head != "Commandline":
            continue
        try:
            words = shlex.split(command[:10_000])
        except ValueError:
            continue
        if "install" in words:
            plain = (word.partition("=")[0].partition(":")[0] for word in words[words.index("install") + 1 :])
            yield from (word for word in plain if _NAME.fullmatch(word))
