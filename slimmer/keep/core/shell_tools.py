"""The paths that --include-shell keeps: the image's shells, everyday tools, the shells' profiles, and descriptions of terminals."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator

from slimmer.errors import UsageError
from slimmer.image.tree import Tree
from slimmer.keep.image_view import ImageView

SHELLS = ("sh", "bash", "ash", "dash", "busybox", "zsh", "ksh")
_TOOLS = (
    "[ awk base64 basename bzip2 bunzip2 cat chgrp chmod chown clear cmp cp cut date dd df diff dirname du echo egrep env expr"
    " false fgrep find free getent grep groups gunzip gzip head hexdump hostname id kill less ln ls md5sum mkdir mkfifo mktemp"
    " more mv nl nohup od paste pgrep pidof printenv printf ps pwd readlink realpath reset rm rmdir sed seq sha256sum sleep"
    " sort split stat stty sync tail tar tee test time timeout top touch tput tr true truncate tty uname uniq uptime vi watch"
    " wc which whoami xargs xxd yes zcat"
)
TOOLS = tuple(_TOOLS.split())
"""Everyday commands. A shell without them is of little use."""

_PROFILES = ("/etc/profile", "/etc/bash.bashrc", "/etc/bashrc", "/etc/inputrc", "/etc/shells", "/etc/environment")
_PROFILE_FOLDERS = ("/etc/profile.d", "/etc/bashrc.d")
_HOME_PROFILES = (".profile", ".bashrc", ".bash_profile", ".bash_logout", ".ashrc", ".zshrc", ".inputrc")
_TERMINAL_FOLDERS = ("/etc/terminfo", "/lib/terminfo", "/usr/lib/terminfo", "/usr/share/terminfo")
_TERMINALS = ("ansi", "dumb", "linux", "screen", "tmux", "vt100", "vt220", "xterm", "xterm-color", "xterm-256color")


def shell_tools(image: ImageView) -> Iterator[str]:
    """Yield those of these paths that the image has, links unresolved. Raise UsageError if it has no shell."""
    shells = list(_commands(image, SHELLS))
    if not shells:
        raise UsageError(
            "--include-shell: the image has no shell",
            hint="Add one to the image, e.g. busybox, or leave the option out.",
        )
    yield from shells
    yield from _commands(image, TOOLS)
    yield from _profiles(image.tree)
    yield from _terminals(image)


def _commands(image: ImageView, names: Iterable[str]) -> Iterator[str]:
    return (found for name in names if (found := image.which(name)) is not None)


def _profiles(tree: Tree) -> Iterator[str]:
    yield from (path for path in _PROFILES if path in tree)
    for folder in _PROFILE_FOLDERS:
        yield from (entry.path for entry in tree.children(folder) if entry.path.endswith(".sh"))
    homes = ["/root", *(entry.path for entry in tree.children("/home"))]
    for home in homes:
        yield from (path for name in _HOME_PROFILES if (path := posixpath.join(home, name)) in tree)


def _terminals(image: ImageView) -> Iterator[str]:
    """Yield descriptions of terminals. The folder of each is named after its first letter, or that letter's code in hex (terminfo(5))."""
    for folder in _TERMINAL_FOLDERS:
        for name in _TERMINALS:
            places = (posixpath.join(folder, letter, name) for letter in (name[0], f"{ord(name[0]):x}"))
            yield from (place for place in places if image.end(place) is not None)
