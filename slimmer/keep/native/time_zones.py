"""Keep time zones: the local one for code that converts times, all of them for code that looks zones up by name.

All zones together are 1.5 MB in many files. Nearly every program imports the C library's time functions, which read only the local
zone and the one that TZ names, so importing them does not keep all zones. All zones stay if the run read a zone by its name, because
the app may read those of users and configurations in the same way, or if code that exists for this is kept: a language's time zone
module, a Go program with time.LoadLocation linked in, or a program or plug-in that names the folder itself.

The copies in posix/ and right/ (with leap seconds) are left out. Sources: tzset(3), tzfile(5); PEP 615; Go, time/zoneinfo_unix.go.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence

from slimmer.image.tree import Tree
from slimmer.keep.analyzer import Kept
from slimmer.keep.image_view import ImageView, reach
from slimmer.keep.keepset import Finding, Reason
from slimmer.keep.native.code_reader import Code, CodeFollow

RULE = "time-zones"
ZONES = "/usr/share/zoneinfo"
_LOCAL = ("/etc/localtime", "/etc/timezone")
_COPIES = (ZONES + "/posix", ZONES + "/right")
_GO, _GO_BY_NAME = "Go buildinf:", "time.LoadLocation"
PHRASES = (ZONES, _GO, _GO_BY_NAME)

_CONVERTERS = frozenset(("localtime", "localtime_r", "tzset", "mktime", "strftime", "strftime_l", "__localtime64_r"))
_MODULES = (
    "/zoneinfo/_common.py",
    "/zoneinfo/_common.pyc",
    "/dateutil/tz/tz.py",
    "/dist-packages/pytz/__init__.py",
    "/tzinfo/data_sources/zoneinfo_data_source.rb",
    "/tzinfo/zoneinfo_data_source.rb",
)
"""Modules that open the system's zones by name, by the ends of their paths: Python's zoneinfo (also compiled), dateutil,
Debian's pytz (PyPI's brings its own data), Ruby's tzinfo."""

_RUNTIMES = ("libphp",)
"""Libraries that are a language's runtime and read the system's zones. Java's runtime names the folder only for its local zone."""


def time_zones(image: ImageView) -> CodeFollow:
    """Keep the local zone or all zones, depending on the code in use."""
    return _TimeZones(image).follow


class _TimeZones:
    def __init__(self, image: ImageView) -> None:
        self._image, self._tree = image, image.tree
        self._local = self._all = self._asked = False

    def follow(self, codes: Sequence[Code], added: Sequence[str], kept: Kept) -> Iterator[Finding]:
        """Yield the local zone once, and all zones once."""
        if not self._local:
            yield from self._local_zone(codes)
        if not self._all:
            reason = self._reason(codes, added)
            if reason is not None:
                self._all = True
                yield from zones(self._tree, reason)

    def _local_zone(self, codes: Sequence[Code]) -> Iterator[Finding]:
        code = next((code for code in codes if not code.elf.imports.isdisjoint(_CONVERTERS)), None)
        if code is None:
            return
        self._local = True
        reason = Reason(RULE, f"the local zone of {code.path}", code.path)
        zone = self._image.env.get("TZ", "").removeprefix(":")
        for path in (*_LOCAL, *((posixpath.join(ZONES, zone),) if zone else ())):
            yield from reach(self._tree, path, reason)

    def _reason(self, codes: Sequence[Code], added: Sequence[str]) -> Reason | None:
        """Return the reason to keep all zones; None if there is none."""
        for path in added:
            if path.endswith(_MODULES):
                return Reason(RULE, f"{path} opens zones by name", path)
            if path.startswith(ZONES + "/") and not self._asked:
                self._asked = True
                if by := self._reader_by_name():
                    return Reason(RULE, f"{by} read a zone by name", path)
        code = next((code for code in codes if _by_name(code)), None)
        return Reason(RULE, f"{code.path} opens zones by name", code.path) if code else None

    def _reader_by_name(self) -> str:
        """Return the program that opened a zone by its name and not through /etc/localtime; "" if there is none."""
        for access in self._image.log.accesses:
            if access.found and access.asked.startswith(ZONES + "/"):
                entry = self._image.end(access.asked)
                if entry is not None and entry.is_file:
                    return access.executable or "an unknown process"
        return ""


def zone(tree: Tree, name: str, reason: Reason) -> Iterator[Finding]:
    """Yield findings for the zone with a name; nothing if there is none."""
    path = posixpath.normpath(posixpath.join(ZONES, name))
    end = tree.resolve(path).end
    entry = tree.get(end) if end is not None and path.startswith(ZONES + "/") else None
    if entry is not None and entry.is_file:
        yield from reach(tree, path, reason)


def zones(tree: Tree, reason: Reason) -> Iterator[Finding]:
    """Yield a finding for each zone."""
    yield from reach(tree, ZONES, reason)
    end = tree.resolve(ZONES).end
    for entry in tree.below(end) if end else ():
        if not entry.path.startswith(tuple(copy + "/" for copy in _COPIES)) and entry.path not in _COPIES:
            yield Finding(entry.path, reason)


def _by_name(code: Code) -> bool:
    """Return True if code opens zones by name.

    Naming the folder is not enough: static code does so because of its C library, and every Go program for its local zone.
    """
    if _GO in code.mentions:
        return _GO_BY_NAME in code.mentions
    elf = code.elf
    counts = elf.is_program or elf.is_named_as_plugin or elf.soname.startswith(_RUNTIMES)
    return ZONES in code.mentions and bool(elf.needed) and counts
