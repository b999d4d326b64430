"""Read the databases of dpkg and apk as streams of lines. Memory grows with the number of packages, not with the file's size.

The lines come from an untrusted image. The functions raise Unreadable if something exceeds a bound. Sources: deb-control(5) and dpkg's lib/dpkg/parse.c; dpkg(1) and dpkg-query(1) for info/NAME.list; the images of distroless
(status.d/NAME.md5sums); apk-tools, doc/apk-v2.5.scd ("installed database": F: a folder, R: a file in it).
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from slimmer.image.lines import Unreadable
from slimmer.image.packages import NAME_LIMIT, PACKAGES_LIMIT, Package

PATH_LIMIT = 4096
"""The longest path, in bytes (PATH_MAX)."""

Listed = tuple[Package, bytes]
"""A package and the path of one of its files or directories; b"" says only that the package is installed.

Paths are bytes as in the database: absolute, and as the package's maker wrote them (`/lib/x` even if the image has `/usr/lib/x`).
"""

_DPKG_FIELDS = frozenset((b"Package", b"Status", b"Version"))
_APK_FIELDS = frozenset((b"P", b"V"))
INSTALLED = b"install ok installed"
_GONE = frozenset((b"not-installed", b"config-files", b"half-installed"))
"""The states of packages whose files are not there, or not all of them (dpkg(1), "Package states")."""


def dpkg_packages(lines: Iterable[bytes]) -> Iterator[Package]:
    """Yield the packages of a dpkg status file whose files are there. A paragraph without Status (in status.d) is an installed package."""
    count = 0
    for fields in _paragraphs(lines):
        if b"Package" in fields and is_there(fields.get(b"Status", INSTALLED)):
            count += 1
            if count > PACKAGES_LIMIT:
                raise Unreadable(f"it has more than {PACKAGES_LIMIT:,} packages")
            yield package_of("deb", fields[b"Package"], fields.get(b"Version", b""))


STANZA_LIMIT = 1 << 20
"""The longest paragraph about a package, in bytes."""

FOLDER_LINES = 8
"""The most lines about a folder in apk's database. There are two: its name, and its owner and mode."""


@dataclass(frozen=True, slots=True)
class Stanza:
    """The paragraph about an installed package in dpkg's status. `text` is as it was written, with a line feed at the end."""

    name: str
    architecture: str
    text: bytes


def dpkg_stanzas(lines: Iterable[bytes], wanted: Container[str]) -> Iterator[Stanza]:
    """Yield the paragraphs of the installed packages with these names, each name and architecture once."""
    seen: set[tuple[str, str]] = set()
    text: list[bytes] = []
    size = 0
    for line in chain(lines, (b"",)):
        if line.strip(b" \t"):
            size += len(line) + 1
            if size <= STANZA_LIMIT:
                text.append(line)
            continue
        stanza = _stanza(text) if size <= STANZA_LIMIT else None
        if stanza is not None and stanza.name in wanted and (stanza.name, stanza.architecture) not in seen:
            seen.add((stanza.name, stanza.architecture))
            yield stanza
        text, size = [], 0


def is_there(status: bytes) -> bool:
    """Return True if a package with this Status (want, flag, state) has its files in place, whether it is configured or not."""
    state = status.split()[-1:]
    return bool(state) and state[0] not in _GONE


def _stanza(lines: list[bytes]) -> Stanza | None:
    """Return the stanza of these lines; None if its package is not installed or has no name."""
    fields: dict[bytes, bytes] = {}
    for line in lines:
        name, found, value = line.partition(b": ")
        if found and not name.startswith((b" ", b"\t")):
            fields.setdefault(name, value.strip())
    if b"Package" not in fields or not is_there(fields.get(b"Status", INSTALLED)):
        return None
    name, architecture = fields[b"Package"], fields.get(b"Architecture", b"all")
    return Stanza(name.decode("ascii", "replace"), architecture.decode("ascii", "replace"), b"\n".join(lines) + b"\n")


def dpkg_sum_lines(lines: Iterable[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Yield the absolute path and the whole line, with its line feed, of each line of a list of checksums."""
    for line in lines:
        path = line.partition(b"  ")[2]
        if path:
            yield b"/" + path.removeprefix(b"./").lstrip(b"/"), line + b"\n"


def dpkg_sums(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the paths of a list of checksums. Each line has a sum, two blanks, and a path without its leading slash."""
    return (path for path, _ in dpkg_sum_lines(lines))


def apk_listed(lines: Iterable[bytes]) -> Iterator[Listed]:
    """Yield the installed packages of apk's database: paragraphs with P: (name) and V: (version), then their files."""
    head: dict[bytes, bytes] = {}
    package, folder = None, b"/"
    for line in chain(lines, (b"",)):
        mark, _, value = line.partition(b":")
        if mark in _APK_FIELDS:
            head.setdefault(mark, value)
        elif b"P" in head and (not line or mark in (b"F", b"R")):
            if package is None:
                package = package_of("apk", head[b"P"], head.get(b"V", b""))
                yield package, b""
            if mark == b"F":
                folder = b"/" + value.strip(b"/")
            elif mark == b"R" and len(folder) + len(value) < PATH_LIMIT:
                yield package, folder.rstrip(b"/") + b"/" + value
        if not line:
            head, package, folder = {}, None, b"/"


def apk_part(
    lines: Iterable[bytes], wanted: Mapping[str, Container[str]], real: Callable[[bytes], str]
) -> Iterator[bytes]:
    """Yield the lines of apk's database, with line feeds, for these packages and their kept files.

    `wanted` has the kept real paths by the package's name; `real` returns the real path of a path in the database. A paragraph begins
    with fields about the package. Then F: begins a folder, R: a file in it, and the lines after each are about it.
    """
    head: list[bytes] = []
    files: _ApkFiles | None = None
    size = 0
    for line in chain(lines, (b"",)):
        if not line:
            if files is not None and files.kept is not None:
                yield b"\n"
            head, files, size = [], None, 0
        elif files is not None:
            yield from _ended(files.about(line))
        elif line.startswith(b"F:"):
            kept = wanted.get(_apk_name(head)) if size <= STANZA_LIMIT else None
            files = _ApkFiles(kept, real)
            yield from _ended(head if kept is not None else ())
            yield from _ended(files.about(line))
        else:
            size += len(line) + 1
            if size <= STANZA_LIMIT:
                head.append(line)


class _ApkFiles:
    """The lines about the files of one package. `kept` has the real paths that are kept; None if the package is not wanted."""

    def __init__(self, kept: Container[str] | None, real: Callable[[bytes], str]) -> None:
        self.kept, self._real = kept, real
        self._folder = b"/"
        self._opening: list[bytes] = []
        self._is_kept = False

    def about(self, line: bytes) -> Iterator[bytes]:
        """Take the next line, and yield the lines that stay. A folder stays if a file in it does."""
        mark, _, value = line.partition(b":")
        if self.kept is None:
            return
        if mark == b"F":
            self._folder, self._opening, self._is_kept = b"/" + value.strip(b"/"), [line], False
        elif mark == b"R":
            self._is_kept = self._real(self._folder.rstrip(b"/") + b"/" + value) in self.kept
            if self._is_kept:
                yield from (*self._opening, line)
                self._opening = []
        elif self._is_kept:
            yield line
        elif len(self._opening) < FOLDER_LINES and self._opening:
            self._opening.append(line)


def _apk_name(head: Iterable[bytes]) -> str:
    return next((line[2:].strip().decode(errors="replace") for line in head if line.startswith(b"P:")), "")


def _ended(lines: Iterable[bytes]) -> Iterator[bytes]:
    return (line + b"\n" for line in lines)


def package_of(manager: str, name: bytes, version: bytes) -> Package:
    """Make a package. Raises Unreadable if its name or version is too long. Bytes that are no text are replaced, and NUL is, too."""
    name, version = (text.strip().replace(b"\0", b"\xff") for text in (name, version))
    if max(len(name), len(version)) > NAME_LIMIT:
        raise Unreadable(f"it has a package whose name or version is longer than {NAME_LIMIT} bytes")
    return Package(manager, name.decode(errors="replace"), version.decode(errors="replace"))


def _paragraphs(lines: Iterable[bytes]) -> Iterator[Mapping[bytes, bytes]]:
    """Yield the wanted fields of each paragraph (`NAME: VALUE`). If a field occurs twice, the first counts."""
    fields: dict[bytes, bytes] = {}
    for line in chain(lines, (b"",)):
        name, found, value = line.partition(b": ")
        if found and name in _DPKG_FIELDS:
            fields.setdefault(name, value)
        elif fields and not line.strip(b" \t"):
            yield fields
            fields = {}
