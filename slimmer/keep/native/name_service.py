"""Keep what native code needs to look up hosts, users, services and the like: nsswitch.conf, its modules, the databases in /etc.

The functions that the code imports show which databases it uses. Code without a C library (Go) names the files itself.
Sources: nsswitch.conf(5), nss(5); glibc, nss/nss_database.c (defaults), nss/nss_module.c (libnss_NAME.so.2); musl has no modules.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from slimmer.image.elf_file import ElfFile
from slimmer.keep.analyzer import Kept
from slimmer.keep.core.observed import was_observed
from slimmer.keep.image_view import ImageView, reach
from slimmer.keep.keepset import Finding, Reason
from slimmer.keep.native.code_reader import Code, CodeFollow, read_one
from slimmer.keep.native.library_search import LibrarySearch, Seeker

RULE = "name-service"
SWITCH = "/etc/nsswitch.conf"
_SWITCH_LIMIT = 1 << 16

_SERVICES = 32
_SERVICE = re.compile(r"[A-Za-z][\w-]{0,63}", re.ASCII)
_ACTION = re.compile(r"\[[^\]]*\]?")

_FILES = {
    "hosts": ("/etc/hosts", "/etc/host.conf", "/etc/gai.conf", "/etc/resolv.conf"),
    "services": ("/etc/services",),
    "protocols": ("/etc/protocols",),
    "networks": ("/etc/networks",),
    "ethers": ("/etc/ethers",),
    "rpc": ("/etc/rpc",),
    "netgroup": ("/etc/netgroup",),
    "passwd": ("/etc/passwd",),
    "group": ("/etc/group",),
    "shadow": ("/etc/shadow",),
    "gshadow": ("/etc/gshadow",),
}
_DEFAULTS: Mapping[str, tuple[str, ...]] = {"hosts": ("files", "dns"), "networks": ("files", "dns")}

PHRASES = ("/etc/nsswitch.conf", "/etc/resolv.conf", "/etc/hosts", "/etc/services", "/etc/protocols")
"""Paths that a program names in its own code if it does not use the C library's functions."""

_NAMED = frozenset(PHRASES)
_TOUCHED = {SWITCH: ("passwd", "group", "hosts"), "/etc/resolv.conf": ("hosts",), "/etc/hosts": ("hosts",)}

_STEMS = {
    "getpw": ("passwd",),
    "setpwent": ("passwd",),
    "getgr": ("group",),
    "initgroups": ("group", "initgroups"),
    "getgrouplist": ("group", "initgroups"),
    "getsp": ("shadow",),
    "getsg": ("gshadow",),
    "getaddrinfo": ("hosts", "services"),
    "getnameinfo": ("hosts", "services"),
    "gethost": ("hosts",),
    "getserv": ("services",),
    "getproto": ("protocols",),
    "getnet": ("networks",),
    "getrpc": ("rpc",),
    "ether_": ("ethers",),
    "innetgr": ("netgroup",),
}
_FUNCTION = re.compile(
    r"(?:(getpw|getgr)(?:nam|[ug]id|ent)|(getsp|getsg)(?:nam|ent)|(gethost|getserv|getproto|getnet|getrpc)(?:by|ent)"
    r"|(ether_)(?:hostton|ntohost)|(setpwent|initgroups|getgrouplist|getaddrinfo|getnameinfo|innetgr)$)"
)


def name_service(image: ImageView, search: LibrarySearch) -> CodeFollow:
    """Keep the files and modules of the databases that code in use looks things up in."""
    return _NameService(image, search).follow


class _NameService:
    def __init__(self, image: ImageView, search: LibrarySearch) -> None:
        self._image, self._search = image, search
        self._done: set[str] = set()
        self._elf: ElfFile | None = None

    def follow(self, codes: Sequence[Code], added: Sequence[str], kept: Kept) -> Iterator[Finding]:
        """Yield findings for each database once, because of the first code that uses it."""
        for code in codes:
            self._elf = self._elf or (code.elf if code.elf.needed else None)
            for name in sorted(code.mentions & _NAMED):
                yield from reach(self._image.tree, name, Reason(RULE, f"named in {code.path}", code.path))
            for function, databases in _databases(code.elf).items():
                detail = f"{code.path} calls {function}"
                yield from self._use(databases, Reason(RULE, detail, code.path))
        for path in _TOUCHED:
            if path in added and was_observed(path, kept):
                yield from self._use(_TOUCHED[path], Reason(RULE, f"{path} was read", path))

    def _use(self, databases: Sequence[str], reason: Reason) -> Iterator[Finding]:
        for database in databases:
            if database in self._done:
                continue
            self._done.add(database)
            for path in _FILES.get(database, ()):
                yield from reach(self._image.tree, path, reason)
            if not self._search.is_musl:
                yield from reach(self._image.tree, SWITCH, reason)
                yield from self._modules(database, reason)

    def _modules(self, database: str, reason: Reason) -> Iterator[Finding]:
        if self._elf is None:
            return
        for service in self._switch.get(database) or _DEFAULTS.get(database, ("files",)):
            module = f"libnss_{service}.so.2"
            group = next(self._search.groups(module, Seeker(self._elf, "/")), ())
            for path in group:
                detail = f"{SWITCH} has {service} for {database}, and {reason.detail}"
                yield from reach(self._image.tree, path, Reason(RULE, detail, reason.cause))

    @cached_property
    def _switch(self) -> Mapping[str, tuple[str, ...]]:
        return parse_switch(read_one(self._image, SWITCH, _SWITCH_LIMIT))


def parse_switch(content: bytes) -> Mapping[str, tuple[str, ...]]:
    """Read nsswitch.conf. Return the services of each database, without actions in brackets."""
    found: dict[str, tuple[str, ...]] = {}
    for line in os.fsdecode(content).splitlines():
        database, colon, services = line.partition("#")[0].partition(":")
        if colon:
            words = _ACTION.sub(" ", services).split()
            found[database.strip()] = tuple(word for word in words[:_SERVICES] if _SERVICE.fullmatch(word))
    return found


def _databases(elf: ElfFile) -> Mapping[str, tuple[str, ...]]:
    """Return the functions of the name service that a file imports, with their databases; {} for files of the name service itself."""
    if elf.soname.startswith(("libc.", "libnss_", "libresolv.", "libnsl.")):
        return {}
    found: dict[str, tuple[str, ...]] = {}
    for name in sorted(elf.imports):
        match = _FUNCTION.match(name)
        if match is not None:
            found[name] = _STEMS[str(match[match.lastindex or 0])]
    return found
