"""The programs that ran as servers, and the helpers in their packages.

A server starts helpers from a folder of its package when a request needs one: a back end for a printer, a delivery agent, a lookup. They
lie in folders of their own (/usr/lib/cups/backend/ipp), so nothing else starts them. Those of the server's package stay, those of
packages of the same source that it needs or that need it, and what the author put beside them: the smallest first, up to a bound. A helper
that needs more than NEEDED_BYTES of libraries that the run did not open is left out, and so is a script whose interpreter did not run.
The commands in /usr/bin are left to the margin.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from slimmer.image.tool_names import PACKAGE_MANAGERS
from slimmer.image.tree import Entry
from slimmer.keep.analyzer import BEYOND_OBSERVED, FunctionAnalyzer
from slimmer.keep.evidence import Evidence
from slimmer.keep.image_view import ImageView
from slimmer.keep.keepset import Finding, Reason
from slimmer.keep.margin.system_packages import SystemPackages
from slimmer.keep.native.code_reader import CodeReader
from slimmer.keep.native.library_needs import NEEDED_BYTES, LibraryNeeds, opened_objects
from slimmer.keep.native.library_search import LibrarySearch
from slimmer.keep.program_names import (
    BUILD_TOOLS,
    COMPILERS,
    INITS,
    INTERPRETERS,
    SHELLS,
    STARTERS,
    TASK_RUNNERS,
    has_name_of,
)
from slimmer.keep.word_tables import like
from slimmer.observe.log import Operation

RULE = "server-helper"
HELPERS, HELPERS_BYTES = 300, 8 << 20
"""The most helpers that stay, and their bytes."""

SHARE, LEAST_BYTES = 8, 1 << 20
"""Helpers have at most this share of the bytes that the run opened, but at least LEAST_BYTES."""

SERVERS = 100
"""The most servers of an image that are looked at."""

_SYSTEM_PROGRAMS = re.compile(r"/sbin/[^/]+$")

NO_SERVERS = SHELLS | STARTERS | INTERPRETERS | PACKAGE_MANAGERS | TASK_RUNNERS | BUILD_TOOLS | COMPILERS
"""What starts a server, or runs its script."""

_SET_UP = like(
    "ldconfig ldconfig.real useradd userdel usermod groupadd groupdel groupmod chpasswd chgpasswd adduser addgroup deluser delgroup",
    "ip ifconfig route sysctl start-stop-daemon service update-*",
)
"""Programs in sbin folders that scripts use to prepare a system."""

_HELPER = re.compile(r"/usr/(?:local/)?(?:lib(?:/\w{1,20}-linux-\w{1,20})?|libexec)/[^/]+/(?:[^/]+/){0,6}[^/]+")


def servers(image: ImageView) -> Mapping[str, str]:
    """Return the real paths of the programs that ran as servers, judged by their names and places, each with the name that it was started by.

    These are the programs and scripts of the first process or of a child of an init, and programs in an sbin folder.
    """
    found: dict[str, str] = {}
    main = 0
    for access in image.log.accesses:
        if access.operation is not Operation.EXEC or not access.found or ".so" in access.asked:
            continue
        path = access.resolved or access.asked
        main = main or access.pid
        if access.pid == main or posixpath.basename(access.executable) in INITS or _SYSTEM_PROGRAMS.search(path):
            may_be_server = len(found) < SERVERS and _may_be_server(path) and _may_be_server(access.asked)
            end = image.tree.resolve(path).end if may_be_server else None
            if end is not None:
                found.setdefault(end, posixpath.basename(access.asked))
    return found


def _may_be_server(path: str) -> bool:
    """Return False for what starts a server, or runs its script, and for programs that prepare a system."""
    name = posixpath.basename(path)
    if has_name_of(name, NO_SERVERS):
        return False
    return _SYSTEM_PROGRAMS.search(path) is None or _SET_UP.match(name) is None


def server_helpers(image: ImageView) -> Iterator[Finding] | None:
    """Yield the helpers of the servers that ran. None if nothing listened on a port, or on a Unix socket with a path."""
    ran = servers(image) if image.log.serves else {}
    return _helpers(image, tuple(ran)) if ran else None


def _helpers(image: ImageView, ran: tuple[str, ...]) -> Iterator[Finding]:
    """Yield the smallest helpers first, until one of the bounds is reached."""
    found = _of_packages(image, ran)
    found |= dict(_beside(image, found))
    used = used_files(image)
    size = sum(entry.size for path in used if (entry := image.tree.get(path)) is not None)
    left, inodes = min(HELPERS_BYTES, max(LEAST_BYTES, size // SHARE)), set[int]()
    for entry in islice(_usable(image, found, used), HELPERS):
        left -= 0 if entry.inode in inodes else entry.size
        inodes.add(entry.inode)
        if left < 0:
            return
        server = found[entry.path]
        yield Finding(
            entry.path, Reason(RULE, f"beside {server}, which ran, in its package or one of its source", server)
        )


def _of_packages(image: ImageView, ran: tuple[str, ...]) -> dict[str, str]:
    """Return the helpers in packages of these servers and in those of the same source, each with the server."""
    owners = image.packages.owners(ran)
    packages = {package: path for path, found in owners.items() for package in found[:1]}
    if not packages:
        return {}
    system = SystemPackages(image)
    for package, server in tuple(packages.items()):
        near = (*system.kin(package), *system.extensions(package))
        packages.update((one, server) for one in near if one not in packages)
    return {
        path: packages[package]
        for package, path in image.packages.files(packages, nested=False)
        if package not in system.basic and _HELPER.fullmatch(path) and _is_helper(image, path)
    }


def _usable(image: ImageView, helpers: Iterable[str], used: frozenset[str]) -> Iterator[Entry]:
    """Yield the entries of helpers that need few libraries, and of scripts whose interpreter ran, by size."""
    native = CodeReader(image)
    codes = native.read(helpers)
    needs = LibraryNeeds(image, native, LibrarySearch(image), opened_objects(image), NEEDED_BYTES)
    modest = {code.path for code in needs.modest(codes.values())}
    scripts = image.first_lines.programs(path for path in helpers if path not in codes)
    entries = sorted(
        (entry for path in helpers if (entry := image.tree.get(path))), key=lambda entry: (entry.size, entry.path)
    )
    for entry in entries:
        path = entry.path
        if path in modest if path in codes else _has_run(image, scripts.get(path, ()), used):
            yield entry


def used_files(image: ImageView) -> frozenset[str]:
    """Return the real paths of the files that the run opened or executed."""
    wanted = (Operation.EXEC, Operation.OPEN)
    asked = {
        access.resolved or access.asked for access in image.log.accesses if access.found and access.operation in wanted
    }
    return frozenset(end for path in asked if (end := image.tree.resolve(path).end) is not None)


def _has_run(image: ImageView, words: tuple[str, ...], used: frozenset[str]) -> bool:
    """Return True if the interpreter that a script's first line names was in use."""
    program = image.which(words[-1]) if words else None
    return program is not None and image.tree.resolve(program).end in used


def _beside(image: ImageView, helpers: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the helpers that the author put beside those of packages, each with the server."""
    folders = {posixpath.dirname(path): server for path, server in helpers.items()}
    beside = (entry.path for folder in sorted(folders) for entry in islice(image.tree.children(folder), HELPERS))
    others = [path for path in beside if path not in helpers and _is_helper(image, path)]
    owners = image.packages.owners(others) if others else {}
    return ((path, folders[posixpath.dirname(path)]) for path in others if not owners[path])


def _is_helper(image: ImageView, path: str) -> bool:
    """Return True for programs, without shared objects and what has more rights than its user."""
    entry, name = image.tree.get(path), posixpath.basename(path)
    if entry is None or not entry.is_plain_program:
        return False
    return ".so" not in name and name not in SHELLS


ANALYZER = FunctionAnalyzer("server-helper", BEYOND_OBSERVED, {RULE: Evidence.USED}, server_helpers)
