r"""Autoloaders, which know the files of classes: Composer's (getcomposer.org, "Autoloader"; PSR-4, PSR-0), and lists of classes.

Composer writes `vendor/composer/autoload_*.php` with one entry on each line: `'Name\\' => array($vendorDir . '/x/src'),`.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from slimmer.sandbox.readers import reader

INSTALLED = "installed.json"
PREFIXES = 1000
"""The most prefixes of PSR-0 that count. Each one is compared with every class, and hardly any app has one."""

_ENTRY = re.compile(r"\s{0,20}'((?:[^'\\]|\\.){0,400})' => (.{1,4000})")
MAP_LIMIT = 1 << 24
"""The largest map that is read, in bytes."""

CLASSES = 10_000
"""The most classes of one list that count."""

_LISTED = re.compile(rb"'([a-z_][a-z0-9_\\]{1,300})'\s{0,9}=>\s{0,9}'(/[A-Za-z0-9_./-]{1,300}\.php)'")
_PLACE = re.compile(r"\$(vendorDir|baseDir) \. '([^']{0,1000})'")


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a map: a class, or the beginning of classes' names, and its files or folders."""

    name: str
    places: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Requirements:
    """The packages that a package requires. Names are in lower case."""

    package: str
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class Map:
    """The facts in one file of an autoloader."""

    entries: tuple[Entry, ...] = ()
    packages: tuple[Requirements, ...] = ()


@dataclass
class Autoloader:
    """The autoloader of one vendor folder: files by class, and folders by the beginning of a class's name."""

    vendor: str
    classes: dict[str, str] = field(default_factory=dict)
    psr4: dict[str, tuple[str, ...]] = field(default_factory=dict)
    psr0: dict[str, tuple[str, ...]] = field(default_factory=dict)
    requires: dict[str, frozenset[str]] = field(default_factory=dict)

    def learn(self, name: str, read: Map) -> None:
        """Add the facts of one of Composer's files. `name` is the file's name."""
        self.requires.update((package.package, package.names) for package in read.packages)
        entries = ((entry.name, entry.places) for entry in read.entries)
        if name == "autoload_classmap.php":
            self.classes.update((key, places[0]) for key, places in entries if places)
        elif name == "autoload_psr4.php":
            self.psr4.update(entries)
        elif name == "autoload_namespaces.php":
            self.psr0.update(islice(entries, PREFIXES))

    def needs(self, package: str, other: str) -> bool:
        """Return True if a package requires another one. Both are given by their folders."""
        names = [posixpath.relpath(folder, self.vendor).lower() for folder in (package, other)]
        return names[1] in self.requires.get(names[0], ())

    def candidates(self, name: str) -> Iterator[str]:
        """Yield the paths where the file of a class may be, best first."""
        if name in self.classes:
            yield self.classes[name]
        parts = name.split("\\")
        for length in range(len(parts) - 1, -1, -1):
            prefix = "".join(f"{part}\\" for part in parts[:length])
            for folder in self.psr4.get(prefix, ()):
                yield posixpath.join(folder, *parts[length:]) + ".php"
        for beginning, folders in self.psr0.items():
            if name.startswith(beginning):
                yield from (posixpath.join(folder, old_path(name)) for folder in folders)


def old_path(name: str) -> str:
    """Return the file of a class by PSR-0: underscores in the last part stand for folders, too."""
    namespace, separator, last = name.rpartition("\\")
    return namespace.replace("\\", "/") + ("/" if separator else "") + last.replace("_", "/") + ".php"


def package_of(path: str, vendor: str) -> str:
    """Return the folder of the package that a file in a vendor folder belongs to: vendor/NAME/NAME."""
    parts = path[len(vendor) + 1 :].split("/")
    return posixpath.join(vendor, *parts[:2])


@reader
def read_map(content: bytes, name: str, vendor: str) -> Map:
    """Read one of Composer's files in a vendor folder. `name` is the file's name."""
    if name == INSTALLED:
        return Map(packages=tuple(_requirements(content)))
    return Map(tuple(_entries(content.decode("utf-8", "surrogateescape"), vendor)))


@reader
def read_list(content: bytes, folder: str) -> Map:
    r"""Read the list of classes in an autoload.php that phpab wrote, as in Debian's packages. Names are in lower case.

    An entry is `'nette\\\\schema\\\\expect' => '/Expect.php'`. The path is relative to the folder of the list.
    """
    found = (
        Entry(match[1].decode("ascii").replace("\\\\", "\\"), (folder + match[2].decode("ascii"),))
        for match in islice(_LISTED.finditer(content), CLASSES)
    )
    return Map(tuple(found))


def _entries(text: str, vendor: str) -> Iterator[Entry]:
    bases = {"vendorDir": vendor, "baseDir": posixpath.dirname(vendor)}
    for line in text.splitlines():
        if (match := _ENTRY.match(line)) is not None:
            places = (posixpath.normpath(bases[base] + rest) for base, rest in _PLACE.findall(match[2]))
            yield Entry(match[1].replace("\\\\", "\\"), tuple(places))


def _requirements(content: bytes) -> Iterator[Requirements]:
    """Yield what each package requires according to Composer's installed.json; nothing if the file is broken."""
    try:
        read = json.loads(content)
    except (ValueError, RecursionError):
        return
    packages = read.get("packages") if isinstance(read, dict) else read
    for package in packages if isinstance(packages, list) else ():
        if isinstance(package, dict) and isinstance(package.get("require"), dict):
            yield Requirements(str(package.get("name")).lower(), frozenset(name.lower() for name in package["require"]))
