"""What makes a shell work for a person: shells, the tools that hands type by themselves, their profiles, terminals."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from slimmer.errors import UsageError
from slimmer.image.config import ImageConfig
from slimmer.image.tree import Tree

SHELLS = ("sh", "bash", "ash", "dash", "busybox", "zsh", "ksh")
_TOOLS = (
    "[ awk base64 basename bzip2 bunzip2 cat chgrp chmod chown clear cmp cp cut date dd df diff dirname du echo egrep env expr"
    " false fgrep find free getent grep groups gunzip gzip head hexdump hostname id kill less ln ls md5sum mkdir mkfifo mktemp"
    " more mv nl nohup od paste pgrep pidof printenv printf ps pwd readlink realpath reset rm rmdir sed seq sha256sum sleep"
    " sort split stat stty sync tail tar tee test time timeout top touch tput tr true truncate tty uname uniq uptime vi watch"
    " wc which whoami xargs xxd yes zcat"
)
TOOLS = tuple(_TOOLS.split())
"""Those of them that the image has are kept; a shell without them is no place to look around."""

_PROFILES = ("/etc/profile", "/etc/bash.bashrc", "/etc/bashrc", "/etc/inputrc", "/etc/shells", "/etc/environment")
_PROFILE_FOLDERS = ("/etc/profile.d", "/etc/bashrc.d")
_HOME_PROFILES = (".profile", ".bashrc", ".bash_profile", ".bash_logout", ".ashrc", ".zshrc", ".inputrc")
_TERMINAL_FOLDERS = ("/etc/terminfo", "/lib/terminfo", "/usr/lib/terminfo", "/usr/share/terminfo")
_TERMINALS = ("ansi", "dumb", "linux", "screen", "tmux", "vt100", "vt220", "xterm", "xterm-color", "xterm-256color")


def shell_tools(tree: Tree, config: ImageConfig) -> Iterator[str]:
    """Paths of all that, links unresolved. Raises UsageError when the image has no shell at all."""
    shells = list(_commands(tree, config, SHELLS))
    if not shells:
        raise UsageError(
            "--include-shell: the image has no shell",
            hint="Add one to the image, e.g. busybox, or leave the option out.",
        )
    yield from shells
    yield from _commands(tree, config, TOOLS)
    yield from _profiles(tree)
    yield from _terminals(tree)


def _commands(tree: Tree, config: ImageConfig, names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        paths = (posixpath.join(folder, name) for folder in config.search_path)
        found = next((path for path in paths if tree.resolve(path).end is not None), None)
        if found is not None:
            yield found


def _profiles(tree: Tree) -> Iterator[str]:
    yield from (path for path in _PROFILES if path in tree)
    for folder in _PROFILE_FOLDERS:
        yield from (entry.path for entry in tree.children(folder) if entry.path.endswith(".sh"))
    homes = ["/root", *(entry.path for entry in tree.children("/home"))]
    for home in homes:
        yield from (path for name in _HOME_PROFILES if (path := posixpath.join(home, name)) in tree)


def _terminals(tree: Tree) -> Iterator[str]:
    """Descriptions lie under the first letter of their name, or its code in hex (terminfo(5))."""
    for folder in _TERMINAL_FOLDERS:
        for name in _TERMINALS:
            for letter in (name[0], f"{ord(name[0]):x}"):
                path = posixpath.join(folder, letter, name)
                if tree.resolve(path).end is not None:
                    yield path
