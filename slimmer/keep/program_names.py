"""The names of programs and packages that no app needs to run, by what they are for.

The tables serve several rules: what a margin never adds (slimmer.keep.margin.exclusions), and what a build need not say of
(slimmer.keep.unproven).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from fnmatch import translate

from slimmer.keep.core.shell_tools import SHELLS as EVERYDAY_SHELLS

SHELLS = frozenset((*EVERYDAY_SHELLS, *["csh", "tcsh", "fish", "rbash", "mksh"]))

OTHER_USERS = frozenset(["su", "sudo", "doas", "chroot", "nsenter", "unshare", "setpriv", "capsh"])
"""They run a program as another user, or with other rights."""

SYSTEM_PACKAGE_MANAGERS = frozenset(
    [
        "apk",
        "apt",
        "apt-get",
        "apt-cache",
        "apt-config",
        "apt-key",
        "apt-mark",
        "aptitude",
        "dpkg",
        "dselect",
        "rpm",
        "rpmdb",
        "yum",
        "dnf",
        "microdnf",
        "tdnf",
        "zypper",
        "pacman",
    ]
)
LANGUAGE_PACKAGE_MANAGERS = frozenset(
    [
        "pip",
        "easy_install",
        "conda",
        "mamba",
        "poetry",
        "pipenv",
        "uv",
        "uvx",
        "npm",
        "npx",
        "yarn",
        "yarnpkg",
        "pnpm",
        "pnpx",
        "corepack",
        "gem",
        "bundle",
        "bundler",
        "composer",
        "cargo",
        "cpan",
        "cpanm",
        "luarocks",
        "pear",
        "pecl",
        "nuget",
    ]
)
PACKAGE_MANAGERS = SYSTEM_PACKAGE_MANAGERS | LANGUAGE_PACKAGE_MANAGERS

COMPILERS = frozenset(
    [
        "cc",
        "c++",
        "c89",
        "c99",
        "cpp",
        "gcc",
        "g++",
        "clang",
        "clang++",
        "tcc",
        "as",
        "ld",
        "gold",
        "ar",
        "nm",
        "ranlib",
        "objcopy",
        "objdump",
        "strip",
        "javac",
        "rustc",
        "go",
        "gofmt",
        "ghc",
        "ocaml",
        "gfortran",
        "f95",
        "f77",
        "lto-dump",
        "collect2",
        "lto1",
        "lto-wrapper",
    ]
)
BUILD_TOOLS = frozenset(["make", "gmake", "cmake", "ninja", "m4", "autoconf", "automake", "libtool"])
TASK_RUNNERS = frozenset(
    [
        "ant",
        "maven",
        "mvn",
        "mvnw",
        "gradle",
        "gradlew",
        "sbt",
        "lein",
        "rake",
        "mix",
        "rebar3",
        "grunt",
        "gulp",
        "nx",
        "turbo",
        "foreman",
        "honcho",
        "nodemon",
        "concurrently",
    ]
)
"""They run a task of a project, as package managers do (`npm start`)."""

DEBUGGERS = frozenset(["gdb", "gdbserver", "lldb", "strace", "ltrace", "perf", "valgrind", "rr", "bpftrace", "gcore"])
NETWORK_CLIENTS = frozenset(
    [
        "curl",
        "wget",
        "nc",
        "ncat",
        "netcat",
        "socat",
        "ssh",
        "scp",
        "sftp",
        "ssh-add",
        "ssh-agent",
        "ssh-keygen",
        "ssh-keyscan",
        "slogin",
        "telnet",
        "ftp",
        "tftp",
        "lftp",
        "rsync",
        "nmap",
        "tcpdump",
        "dig",
        "host",
        "nslookup",
        "nsupdate",
        "delv",
        "whois",
        "lynx",
        "links",
        "elinks",
        "w3m",
        "aria2c",
        "axel",
        "rlogin",
        "rsh",
        "rcp",
        "mosh",
        "ping",
        "traceroute",
        "tracepath",
    ]
)

TOOLS_OF_ATTACKERS = SHELLS | OTHER_USERS | PACKAGE_MANAGERS | COMPILERS | BUILD_TOOLS | DEBUGGERS | NETWORK_CLIENTS
"""They help an attacker more than the app."""

_PARTS_OF_TOOLS = re.compile(r"(?:apt|dpkg|gcc|clang|llvm)-[\w-]+|cc1\w*")
"""Programs that belong to a package manager or compiler, and have its name."""

INITS = frozenset(["tini", "dumb-init", "catatonit"])
STARTERS = INITS | OTHER_USERS | frozenset(["gosu", "su-exec", "runuser", "env", "nice", "stdbuf", "timeout"])
"""They start another program, and end or wait for it."""

INTERPRETERS = frozenset(["python", "pypy", "perl", "ruby", "node", "php", "java", "lua"])

_VERSION = re.compile(r"(?:[-_.]?\d[\d.]*)?(?:-\d[\d.]*)?$")
_TRIPLET = re.compile(r"^(?:x86_64|i[3-6]86|aarch64|arm\w*|riscv64|powerpc64le|s390x)-(?:\w+-)?linux-(?:gnu|musl)\w*-")
_VARIANT = re.compile(
    r"\.(?:openbsd|traditional|netkit|inetutils|distrib|nosuid|static|real|bsd|gnu)$|^(?:inetutils|netkit|bsd|tn)-?"
)
"""What distributions add to the name of a program that several packages have (update-alternatives(1), dpkg-divert(1)): nc.openbsd, tnftp."""


def has_name_of(name: str, programs: Collection[str]) -> bool:
    """Return True if a program has one of these names, also with a version, a target or a variant: gcc-12, x86_64-linux-gnu-ld, nc.openbsd."""
    plain = _TRIPLET.sub("", name)
    return any(one in programs for one in (plain, _VERSION.sub("", plain), _VARIANT.sub("", plain)))


def is_tool_of_attackers(name: str) -> bool:
    """Return True for a name in TOOLS_OF_ATTACKERS, and for parts of these tools."""
    return has_name_of(name, TOOLS_OF_ATTACKERS) or _PARTS_OF_TOOLS.fullmatch(_TRIPLET.sub("", name)) is not None


def table(words: str) -> re.Pattern[str]:
    """Return a pattern for names in a table: words with spaces between them, where `*` stands for any characters. Case does not count."""
    return re.compile("|".join(map(translate, words.split())), re.IGNORECASE)
