"""Keep what programs need to log users in: PAM's services, the modules that these name, and the homes and shells of the users.

A server opens its service in /etc/pam.d for the first login only. Without a module of it, nobody can log in. A program that imports
pam_start(3) uses the service that has its name or comes with its package, those of no package (an author wrote them), and "other".
Whoever is logged in gets a home, and a program that opens terminals for users starts their shells; both are in /etc/passwd.
Sources: pam.conf(5), pam.d(5), pam(8); Linux-PAM, libpam/pam_handlers.c (`include`, `substack`, Debian's `@include`, module paths).
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from slimmer.image.elf_file import ElfFile
from slimmer.keep.analyzer import Kept
from slimmer.keep.image_view import ImageView, reach
from slimmer.keep.keepset import Finding, Reason
from slimmer.keep.native.code_reader import Code, CodeFollow, read_one
from slimmer.keep.native.library_search import LibrarySearch, Seeker
from slimmer.keep.sources.named_paths import whole_folder

RULE = "login"
HOME = "home"
"""The rule of what lies in homes: content, which need not be code in use."""

SERVICES_FOLDERS = ("/etc/pam.d", "/usr/lib/pam.d")
FILE_BYTES = 1 << 16
"""The largest service, list of users, or file of settings that counts, in bytes."""

SERVICES, MODULES, USERS = 64, 128, 32
"""The most services and modules that stay, and the most users whose homes and shells do."""

_STARTS = frozenset(("pam_start", "pam_start_confdir"))
_TERMINALS = frozenset(("openpty", "forkpty", "posix_openpt", "getpt"))
_RECORDS = frozenset(("pututxline", "pututline", "updwtmp", "updwtmpx", "logwtmp"))
"""Functions that record a login (utmp(5)). Runtimes of languages can open terminals and change users, but they record nobody."""


_SETTINGS = ("/etc/login.defs", "/etc/environment", "/etc/default/locale", "/etc/shells", "/etc/shadow")
_SETTINGS_FOLDER = "/etc/security"
_HELPERS = {"pam_unix.so": "/sbin/unix_chkpwd", "pam_mkhomedir.so": "/sbin/mkhomedir_helper"}
"""Programs that modules start: what the program's user may not read or write itself (pam_unix(8), pam_mkhomedir(8))."""

_ENTRY = re.compile(
    r"-?(?:auth|account|password|session)\s+(?:\[[^\]]{0,1000}\]|\S{1,100})\s+(\S{1,250})(.{0,2000})", re.IGNORECASE
)
_INCLUDED = re.compile(
    r"(?:@include|-?(?:auth|account|password|session)\s+(?:include|substack))\s+(\S{1,250})", re.IGNORECASE
)
_NO_SHELL = frozenset(("nologin", "false", "true", "sync"))
_FIRST_USER = 1000
_HOME = re.compile(r"/(?:home|srv|opt|data|app|config|mnt|media|users?)(?:/[^/\0]{1,250}){1,8}")
"""Homes that belong to users alone. Those of the system's users lie elsewhere (/var/mail, /usr/sbin), or have rules of their own."""


@dataclass(frozen=True, slots=True)
class User:
    """A line of /etc/passwd."""

    name: str
    home: str
    shell: str


def logins(image: ImageView, search: LibrarySearch) -> CodeFollow:
    """Keep the services and modules of PAM for programs that start it, and shells for those that log users in."""
    return _Logins(image, search).follow


class _Logins:
    def __init__(self, image: ImageView, search: LibrarySearch) -> None:
        self._image, self._tree, self._search = image, image.tree, search
        self._read: set[str] = set()
        self._modules: set[str] = set()
        self._users: list[User] | None = None
        self._has_homes = self._has_shells = False

    def follow(self, codes: Sequence[Code], added: Sequence[str], kept: Kept) -> Iterator[Finding]:
        """Yield what each program that starts PAM may need."""
        for code in codes:
            if not _STARTS.isdisjoint(code.elf.imports):
                yield from self._services(code)
            if not (_TERMINALS.isdisjoint(code.elf.imports) or _RECORDS.isdisjoint(code.elf.imports)):
                yield from self._shells(code)

    def _services(self, code: Code) -> Iterator[Finding]:
        reason = Reason(RULE, f"{code.path} starts PAM", code.path)
        for path in self._named_services(code):
            yield from self._service(path, code.elf, reason)
        if self._modules:
            folder = (entry.path for entry in self._tree.children(_SETTINGS_FOLDER) if entry.path.endswith(".conf"))
            yield from self._small((*_SETTINGS, *folder), reason)
        if not self._has_homes:
            self._has_homes = True
            yield from self._homes(code)

    def _named_services(self, code: Code) -> Iterator[str]:
        """Yield the services that a program may use: its own, those of its package, those of no package, and the default."""
        found = [entry.path for folder in SERVICES_FOLDERS for entry in self._tree.children(folder)][:SERVICES]
        owners = self._image.packages.owners((code.path, *found)) if found else {}
        own = frozenset(owners.get(code.path, ()))
        for path in found:
            is_named = posixpath.basename(path) in ("other", posixpath.basename(code.path))
            packages = owners.get(path, ())
            if is_named or not packages or not own.isdisjoint(packages):
                yield path

    def _service(self, path: str, elf: ElfFile, reason: Reason) -> Iterator[Finding]:
        """Yield a service, those that it includes, and their modules."""
        waiting = [path]
        while waiting and len(self._read) < SERVICES:
            service = waiting.pop(0)
            if service in self._read or self._image.end(service) is None:
                continue
            self._read.add(service)
            yield from reach(self._tree, service, reason)
            text = os.fsdecode(read_one(self._image, service, FILE_BYTES))
            named = Reason(RULE, f"named in {service}, and {reason.detail}", reason.cause)
            for line in _lines(text):
                if included := _INCLUDED.match(line):
                    waiting += [posixpath.join(folder, included[1]) for folder in SERVICES_FOLDERS]
                elif entry := _ENTRY.match(line):
                    yield from self._module(entry[1], elf, named)
                    yield from self._small(_paths(entry[2]), named)

    def _module(self, name: str, elf: ElfFile, reason: Reason) -> Iterator[Finding]:
        if name in self._modules or len(self._modules) >= MODULES:
            return
        self._modules.add(name)
        places = (name,) if name.startswith("/") else (f"/$LIB/security/{name}", f"/usr/$LIB/security/{name}")
        for place in places:
            group = next(self._search.groups(place, Seeker(elf, "/")), ())
            for path in group:
                yield from reach(self._tree, path, reason)
        helper = _HELPERS.get(posixpath.basename(name))
        if helper is not None:
            yield from reach(self._tree, helper, Reason(RULE, f"started by {name}, and {reason.detail}", reason.cause))

    def _small(self, paths: Iterable[str], reason: Reason) -> Iterator[Finding]:
        """Yield those of these files that are small, or programs."""
        for path in paths:
            entry = self._image.end(path)
            if entry is not None and entry.is_file and (entry.size <= FILE_BYTES or entry.mode & 0o111):
                yield from reach(self._tree, path, reason)

    def _homes(self, code: Code) -> Iterator[Finding]:
        for user in self._people():
            end = self._image.end(user.home) if _HOME.fullmatch(user.home) else None
            if end is not None and end.is_directory:
                reason = Reason(HOME, f"the home of {user.name}, whom {code.path} may log in", code.path)
                yield from reach(self._tree, user.home, reason)
                yield from whole_folder(self._tree, end.path, reason)

    def _shells(self, code: Code) -> Iterator[Finding]:
        if self._has_shells:
            return
        self._has_shells = True
        for user in self._people():
            if posixpath.basename(user.shell) not in _NO_SHELL and self._image.is_executable(user.shell):
                reason = Reason(RULE, f"the shell of {user.name}, whom {code.path} may log in", code.path)
                yield from reach(self._tree, user.shell, reason)

    def _people(self) -> list[User]:
        if self._users is None:
            text = os.fsdecode(read_one(self._image, "/etc/passwd", FILE_BYTES))
            self._users = list(_people(text))[:USERS]
        return self._users


def _lines(text: str) -> Iterator[str]:
    joined = text.replace("\\\n", " ")
    return (line.partition("#")[0].strip() for line in joined.splitlines())


def _paths(arguments: str) -> Iterator[str]:
    """Yield the absolute paths in a module's arguments (`file=/etc/ftpusers`)."""
    for word in arguments.split():
        path = word.rpartition("=")[2].strip("[]")
        if path.startswith("/") and "\0" not in path:
            yield path


def _people(passwd: str) -> Iterator[User]:
    """Yield root and the users that are people (passwd(5))."""
    for line in passwd.splitlines():
        fields = line.split(":")
        if len(fields) != 7 or not fields[2].isdecimal():
            continue
        number = int(fields[2][:10])
        if number == 0 or number >= _FIRST_USER:
            yield User(fields[0], fields[5], fields[6].strip() or "/bin/sh")
