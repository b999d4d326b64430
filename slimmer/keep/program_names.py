"""The names of programs that no app needs to run, by what they are for.

The tables serve several rules: what a margin never adds (slimmer.keep.margin.exclusions), and what a build need not say of
(slimmer.keep.unproven).
"""

from __future__ import annotations

import re
from collections.abc import Collection

from slimmer.image.tool_names import PACKAGE_MANAGERS, without_version
from slimmer.keep.core import shell_tools
from slimmer.keep.word_tables import words

SHELLS = words("csh tcsh fish rbash mksh") | set(shell_tools.SHELLS)

OTHER_USERS = words("su sudo doas chroot nsenter unshare setpriv capsh")
"""They run a program as another user, or with other rights."""

COMPILERS = words(
    "cc c++ c89 c99 cpp gcc g++ clang clang++ tcc collect2 lto1 lto-wrapper lto-dump",
    "as ld gold ar nm ranlib objcopy objdump strip",
    "javac rustc go gofmt ghc ocaml gfortran f95 f77",
)

BUILD_TOOLS = words("make gmake cmake ninja m4 autoconf automake libtool")

TASK_RUNNERS = words(
    "ant maven mvn mvnw gradle gradlew sbt lein rake mix rebar3 grunt gulp nx turbo foreman honcho nodemon concurrently"
)
"""They run a task of a project, as package managers do (`npm start`)."""

DEBUGGERS = words("gdb gdbserver lldb strace ltrace perf valgrind rr bpftrace gcore")

NETWORK_CLIENTS = words(
    "curl wget aria2c axel ftp tftp lftp rsync lynx links elinks w3m",
    "ssh scp sftp ssh-add ssh-agent ssh-keygen ssh-keyscan slogin telnet rlogin rsh rcp mosh",
    "nc ncat netcat socat nmap tcpdump dig host nslookup nsupdate delv whois ping traceroute tracepath",
)

TOOLS_OF_ATTACKERS = SHELLS | OTHER_USERS | PACKAGE_MANAGERS | COMPILERS | BUILD_TOOLS | DEBUGGERS | NETWORK_CLIENTS
"""They help an attacker more than the app."""

_PARTS_OF_TOOLS = re.compile(r"(?:apt|dpkg|gcc|clang|llvm)-[\w-]+|cc1\w*")
"""Programs that belong to a package manager or compiler, and have its name."""

INITS = words("tini dumb-init catatonit")
STARTERS = words("gosu su-exec runuser env nice stdbuf timeout") | INITS | OTHER_USERS
"""They start another program, and end or wait for it."""

INTERPRETERS = words(
    "python pypy perl ruby node nodejs bun deno php java lua luajit tclsh guile julia Rscript dotnet mono"
)

_TRIPLET = re.compile(r"^(?:x86_64|i[3-6]86|aarch64|arm\w*|riscv64|powerpc64le|s390x)-(?:\w+-)?linux-(?:gnu|musl)\w*-")
_VARIANT = re.compile(
    r"\.(?:openbsd|traditional|netkit|inetutils|distrib|nosuid|static|real|bsd|gnu)$|^(?:inetutils|netkit|bsd|tn)-?"
)
"""What distributions add to the name of a program that several packages have (update-alternatives(1), dpkg-divert(1)): nc.openbsd, tnftp."""


def has_name_of(name: str, programs: Collection[str]) -> bool:
    """Return True if a program has one of these names, also with a version, a target or a variant: gcc-12, x86_64-linux-gnu-ld, nc.openbsd."""
    plain = _TRIPLET.sub("", name)
    return any(one in programs for one in (plain, without_version(plain), _VARIANT.sub("", plain)))


def is_tool_of_attackers(name: str) -> bool:
    """Return True for a name in TOOLS_OF_ATTACKERS, and for parts of these tools."""
    return has_name_of(name, TOOLS_OF_ATTACKERS) or _PARTS_OF_TOOLS.fullmatch(_TRIPLET.sub("", name)) is not None
