"""Reads a command line: the program that it starts, and the programs that its arguments tell that program to start.

`exec gosu app nice -n 5 server --port 80` starts gosu, nice and server. Sources: the manual pages of the programs
named below; POSIX.1-2017, XCU, "Special Built-In Utilities".
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

_PYTHON = re.compile(r"(?:python|pypy)[0-9.]{0,8}t?")
_MODULE = re.compile(r"[A-Za-z_]\w{0,80}(?:\.\w{1,80}){0,10}")

SHELLS = frozenset(("sh", "bash", "dash", "ash", "ksh", "mksh", "zsh", "hush"))

_NESTED = 12
"""The most programs in one command line that start one another."""

_BUILTINS = frozenset(
    [
        ":",
        "[",
        "alias",
        "bg",
        "bind",
        "break",
        "builtin",
        "caller",
        "cd",
        "command",
        "compgen",
        "complete",
        "continue",
        "declare",
        "dirs",
        "disown",
        "echo",
        "enable",
        "exec",
        "exit",
        "export",
        "false",
        "fc",
        "fg",
        "getopts",
        "hash",
        "help",
        "history",
        "jobs",
        "kill",
        "let",
        "local",
        "logout",
        "mapfile",
        "popd",
        "printf",
        "pushd",
        "pwd",
        "read",
        "readarray",
        "readonly",
        "return",
        "shift",
        "shopt",
        "suspend",
        "test",
        "time",
        "times",
        "true",
        "type",
        "typeset",
        "ulimit",
        "umask",
        "unalias",
        "unset",
        "wait",
    ]
)
"""Commands that are built into dash, bash and ash, or most of them."""

_MANAGERS = frozenset(("apt", "apt-get", "aptitude", "dnf", "microdnf", "yum", "zypper", "apk", "pacman", "opkg"))
"""Package managers. They are large, and useless without their databases, which a slim image does not have."""


class Kind(StrEnum):
    """The ways in which a command line uses something."""

    PROGRAM = "called"
    SOURCED = "sourced"
    RUN = "run by a shell"
    TEXT = "text of a script"
    FOLDER = "folder whose files are run"
    MODULE = "module that Python runs"
    """The value is the program, a blank, and the name of the module."""

    @property
    def verb(self) -> str:
        """The verb for reasons: "called" by a script."""
        return "run" if self in (Kind.RUN, Kind.FOLDER, Kind.MODULE) else self.value


@dataclass(frozen=True, slots=True)
class Use:
    """Something that a command line needs to run. `value` may have holes."""

    kind: Kind
    value: str


@dataclass(frozen=True, slots=True)
class _Prefix:
    """A program that starts another one.

    `valued` are its options that take the next word as their value. `skipped` is the number of words between its options and the command.
    `assignments` is true if `NAME=value` may be among the options, `builtin` if the command may be one of the shell's own.
    """

    valued: frozenset[str] = frozenset()
    skipped: int = 0
    assignments: bool = False
    builtin: bool = False


def _options(text: str) -> frozenset[str]:
    return frozenset(text.split())


_PREFIXES = {
    "exec": _Prefix(_options("-a")),
    "command": _Prefix(builtin=True),
    "builtin": _Prefix(builtin=True),
    "time": _Prefix(_options("-f -o"), builtin=True),
    "nohup": _Prefix(),
    "setsid": _Prefix(),
    "nice": _Prefix(_options("-n --adjustment")),
    "ionice": _Prefix(_options("-c -n -P -u --class --classdata")),
    "chrt": _Prefix(_options("-T -P -D"), 1),
    "taskset": _Prefix(skipped=1),
    "numactl": _Prefix(_options("-i -N -m -C -l -p")),
    "env": _Prefix(_options("-u -C --unset --chdir"), assignments=True),
    "sudo": _Prefix(_options("-u -g -h -p -C -r -t -U -D -R -T --user --group"), assignments=True),
    "doas": _Prefix(_options("-u -C")),
    "gosu": _Prefix(skipped=1),
    "su-exec": _Prefix(skipped=1),
    "s6-setuidgid": _Prefix(skipped=1),
    "setuidgid": _Prefix(skipped=1),
    "chpst": _Prefix(_options("-u -U -b -e -/ -n -l -L -m -d -o -p -f -c -r -t")),
    "setpriv": _Prefix(
        _options(
            "--reuid --regid --ruid --rgid --euid --egid --groups --inh-caps --ambient-caps --bounding-set --securebits"
            " --pdeathsig --selinux-label --apparmor-profile"
        )
    ),
    "capsh": _Prefix(),
    "timeout": _Prefix(_options("-k -s --kill-after --signal"), 1),
    "xargs": _Prefix(_options("-a -d -E -I -L -n -P -s --arg-file --delimiter --max-args --max-procs --replace")),
    "stdbuf": _Prefix(_options("-i -o -e --input --output --error")),
    "chroot": _Prefix(skipped=1),
    "unshare": _Prefix(),
    "flock": _Prefix(_options("-w -E --timeout --wait --conflict-exit-code"), 1),
    "watch": _Prefix(_options("-n --interval")),
    "tini": _Prefix(_options("-p -e")),
    "dumb-init": _Prefix(_options("-r --rewrite")),
    "catatonit": _Prefix(),
    "busybox": _Prefix(),
    "toybox": _Prefix(),
    "xvfb-run": _Prefix(_options("-n -s -e -f -p -w --server-args")),
}
_OPTIONS_WITH_PROGRAM = {
    "start-stop-daemon": _options("-x --exec -a --startas"),
    "find": _options("-exec -execdir -ok -okdir"),
}


def uses(argv: Sequence[str], *, shell: bool = True) -> Iterator[Use]:
    """Yield what a command line uses. `shell` is true if a shell reads it, because a shell has commands of its own."""
    for _ in range(_NESTED):
        if not argv or not argv[0]:
            return
        name, rest = argv[0], argv[1:]
        base = posixpath.basename(name)
        if shell and base == name:
            special = _special(base, rest)
            if special is not None:
                yield from special
                return
            if base == "set":
                argv = rest[rest.index("--") + 1 :] if "--" in rest else ()
                continue
        if not (shell and name in _BUILTINS) and base not in _MANAGERS:
            yield Use(Kind.PROGRAM, name)
        if _PYTHON.fullmatch(base):
            yield from _module(name, rest)
        yield from _told(base, rest)
        prefix = _PREFIXES.get(base)
        if prefix is None or (base == "command" and rest[:1] and rest[0] in ("-v", "-V")):
            return
        argv, shell = _behind(prefix, rest), prefix.builtin


def _special(base: str, rest: Sequence[str]) -> tuple[Use, ...] | None:
    """Return what a command uses if only shells have this command; None for other commands."""
    words = [word for word in rest if not word.startswith("-")]
    if base in (".", "source"):
        return tuple(Use(Kind.SOURCED, word) for word in words[:1])
    if base == "eval":
        return (Use(Kind.TEXT, " ".join(rest)),)
    if base == "trap":
        return tuple(Use(Kind.TEXT, word) for word in words[:1])
    if base in ("type", "hash"):
        return tuple(Use(Kind.PROGRAM, word) for word in words)
    if base == "command" and rest[:1] and rest[0] in ("-v", "-V"):
        return tuple(Use(Kind.PROGRAM, word) for word in words)
    return None


def _told(base: str, rest: Sequence[str]) -> Iterator[Use]:
    """Yield what the options and arguments of a program tell it to start."""
    if base in SHELLS:
        yield from _shell(rest)
    elif base in ("su", "runuser"):
        yield from (Use(Kind.TEXT, rest[place + 1]) for place in _behind_option(rest, _options("-c --command")))
    elif base == "which":
        yield from (Use(Kind.PROGRAM, word) for word in rest if not word.startswith("-"))
    elif base == "run-parts":
        yield from (Use(Kind.FOLDER, word) for word in rest if word.startswith("/"))
    for place in _behind_option(rest, _OPTIONS_WITH_PROGRAM.get(base, frozenset())):
        yield Use(Kind.PROGRAM, rest[place + 1])
        if posixpath.basename(rest[place + 1]) in SHELLS:
            yield from _shell(rest[place + 2 :])


def _module(program: str, rest: Sequence[str]) -> Iterator[Use]:
    """Yield the module of `python -m NAME`. Options may come before it, but no script."""
    for place, word in enumerate(rest[:-1]):
        if word == "-m" and _MODULE.fullmatch(rest[place + 1]):
            yield Use(Kind.MODULE, f"{program} {rest[place + 1]}")
        if word == "-m" or not word.startswith("-") or word.startswith("-c"):
            return


def _shell(rest: Sequence[str]) -> Iterator[Use]:
    """Yield the text of `sh -c TEXT` or `sh -lc TEXT`, or the file of `sh FILE`."""
    place = 0
    while place < len(rest) and rest[place][:1] in ("-", "+") and len(rest[place]) > 1:
        word = rest[place]
        if not word.startswith("--") and "c" in word:
            yield from (Use(Kind.TEXT, text) for text in rest[place + 1 : place + 2])
            return
        place += 2 if word in ("-o", "+o", "-O", "+O", "--rcfile", "--init-file") else 1
    yield from (Use(Kind.RUN, word) for word in rest[place : place + 1])


def _behind_option(rest: Sequence[str], options: frozenset[str]) -> list[int]:
    return [place for place, word in enumerate(rest[:-1]) if word in options]


def _behind(prefix: _Prefix, rest: Sequence[str]) -> Sequence[str]:
    """Return the command after the options and arguments of a prefix."""
    place = 0
    while place < len(rest):
        word = rest[place]
        if word == "--":
            place += 1
            break
        if prefix.assignments and "=" in word and not word.startswith("-"):
            place += 1
        elif len(word) > 1 and word.startswith("-"):
            place += 2 if word in prefix.valued else 1
        else:
            break
    return rest[place + prefix.skipped :]
