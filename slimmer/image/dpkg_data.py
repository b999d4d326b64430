"""The smaller database of dpkg: a file status.d/NAME with the package's paragraph of `status`, and NAME.md5sums with the sums of the kept files.

This is the form of the distroless images, which scanners know. Where the original has it already, its files NAME are kept as they are, and
only the sums are made smaller. A file that another package has diverted is listed where it is.

Sources: deb-control(5); deb-md5sums(5); Debian Policy, 5.6.7; the images of distroless.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from slimmer.image.added_file import AddedFile
from slimmer.image.diversions import DIVERSIONS, Diversions
from slimmer.image.file_lists import DPKG_INFO
from slimmer.image.lines import Unreadable
from slimmer.image.package_database import MOST, TOO_MUCH, Smaller
from slimmer.image.package_table import RootLinks
from slimmer.image.packages import DPKG_PARTS, DPKG_SUMS, PACKAGES_LIMIT, file_at
from slimmer.image.text_databases import Stanza, dpkg_stanzas, dpkg_sum_lines

_LINE = 64
"""The bytes of memory that a line takes besides its text, at least."""

_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]{0,127}")
_ARCHITECTURE = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")

_Key = TypeVar("_Key", Stanza, str)


def dpkg_data(given: Smaller) -> Iterator[AddedFile]:
    """Yield the directory and its files; none where the image has both `status` and status.d."""
    if given.database.place == DPKG_PARTS:
        yield from _parts(given)
        return
    folder = posixpath.join(given.database.folder, posixpath.basename(DPKG_PARTS))
    if given.tree.get(folder) is not None:
        return  # somebody else writes this directory, and it may be a link
    stanzas = _stanzas(given)
    sums = _kept_sums(given, {_sums_of(given, one): (one.name, one) for one in stanzas})
    several = {name for name, count in Counter(stanza.name for stanza in stanzas).items() if count > 1}
    seen = {stanza.name for stanza in sums}
    chosen = [one for one in stanzas if one in sums or one.name not in several or one.name not in seen]
    if chosen:
        detail = "holds what dpkg knows about the packages of which files are kept"
        yield AddedFile(folder, None, given.mtime, detail)
    for stanza in sorted(chosen, key=lambda one: (one.name, one.architecture)):
        name = f"{stanza.name}:{stanza.architecture}" if stanza.name in several else stanza.name
        yield AddedFile(f"{folder}/{name}", stanza.text, given.mtime, _detail(given, stanza.name))
        if stanza in sums:
            path = f"{folder}/{name}{DPKG_SUMS}"
            yield AddedFile(path, bytes(sums[stanza]), given.mtime, _detail(given, stanza.name))


def _parts(given: Smaller) -> Iterator[AddedFile]:
    """Yield the sums of the packages whose paragraphs are kept as they are, unless the original's sums are kept, too."""
    kept = [entry.path for entry in given.tree.children(given.database.path) if entry.is_file]
    parts = [path for path in kept if not path.endswith(DPKG_SUMS) and given.is_kept(path)]
    lists = {f"{path}{DPKG_SUMS}": path for path in parts if not given.is_kept(f"{path}{DPKG_SUMS}")}
    lists = {path: part for path, part in lists.items() if file_at(given.tree, path) == path}

    def understand(path: str, pieces: Iterator[bytes]) -> Iterator[tuple[str, str]]:
        yield from ((path, one.name) for one in dpkg_stanzas(given.reader.lines(pieces), given.wanted))

    names = dict(given.reader.read(lists.values(), understand))
    sums = _kept_sums(given, {path: (names[part], path) for path, part in lists.items() if part in names})
    for path in sorted(sums):
        yield AddedFile(path, bytes(sums[path]), given.mtime, _detail(given, names[lists[path]]))


def _detail(given: Smaller, name: str) -> str:
    count = len(given.wanted[name])
    return f"deb package {name}, of which {count} {'path is' if count == 1 else 'paths are'} kept"


def _stanzas(given: Smaller) -> list[Stanza]:
    """Return the paragraphs of the wanted packages."""

    def understand(path: str, pieces: Iterator[bytes]) -> Iterator[Stanza]:
        left = MOST
        for count, stanza in enumerate(dpkg_stanzas(given.reader.lines(pieces), given.wanted)):
            left -= len(stanza.text) + _LINE
            if left < 0 or count == PACKAGES_LIMIT:
                raise Unreadable(TOO_MUCH)
            yield stanza

    return [stanza for stanza in given.reader.read([given.database.path], understand) if _is_sound(stanza)]


def _sums_of(given: Smaller, stanza: Stanza) -> str:
    """Return the list of a package's sums, or ""."""
    names = (f"{stanza.name}:{stanza.architecture}", stanza.name)
    found = (file_at(given.tree, f"{DPKG_INFO}/{name}{DPKG_SUMS}") for name in names)
    return next((path for path in found if path is not None), "")


def _kept_sums(given: Smaller, lists: Mapping[str, tuple[str, _Key]]) -> dict[_Key, bytearray]:
    """Return the lines about kept files of each list of sums. `lists` has the name of the list's package and a key for the result."""
    links, diversions = RootLinks(given.tree), Diversions()
    found: dict[_Key, bytearray] = {}
    size = 0
    diverted = file_at(given.tree, DIVERSIONS)

    def understand(path: str, pieces: Iterator[bytes]) -> Iterator[tuple[_Key, bytes]]:
        lines = given.reader.lines(pieces)
        if path == diverted:
            for _ in diversions.read(lines):
                pass
            return
        name, key = lists[path]
        yield from ((key, line) for line in _sum_lines(lines, name, diversions, links.real, given.wanted[name]))

    places: list[str] = [path for path in lists if path and path != diverted]
    if diverted is not None and places:
        places.insert(0, diverted)
    for key, line in given.reader.read(places, understand):
        size += len(line)
        if size <= MOST:
            found.setdefault(key, bytearray()).extend(line)
    if size > MOST:
        given.reader.note(given.database.path, TOO_MUCH)
    return found


def _sum_lines(
    lines: Iterator[bytes], package: str, diversions: Diversions, real: Callable[[bytes], str], kept: set[str]
) -> Iterator[bytes]:
    """Yield the lines about kept files, with the paths where the files are."""
    for path, line in dpkg_sum_lines(lines):
        place = diversions.place(package, path)
        if real(place) in kept:
            yield line if place == path else line.partition(b"  ")[0] + b"  " + place.lstrip(b"/") + b"\n"


def _is_sound(stanza: Stanza) -> bool:
    """Return True for a package whose name can be that of a file, beside those of the sums. The image is not trusted."""
    is_name = _NAME.fullmatch(stanza.name) and not stanza.name.endswith(DPKG_SUMS)
    return bool(is_name and _ARCHITECTURE.fullmatch(stanza.architecture))
