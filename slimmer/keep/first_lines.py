"""The first lines of scripts: the program that the kernel starts for a file that begins with `#!`. Source: execve(2).

Each file is read once, no matter how many analyzers ask for it. A script counts no matter which program opened it. A program may open it
only to copy it, as git does with its templates of hooks, and start the copy later.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from slimmer.image.tree import Tree
from slimmer.observe.log import AccessLog, Operation

SCRIPT_LIMIT = 1 << 20
"""The largest script that is read, in bytes. A larger executable file is a program."""

_LINE = 256
"""The kernel reads at most this many bytes of the first line (BINPRM_BUF_SIZE)."""

_SAMPLES = frozenset((".sample", ".example", ".dist", ".orig", ".bak", ".disabled", ".template", ".in", ".dpkg-dist"))
"""Suffixes of scripts that are examples: they are run only under another name."""

_COPIERS = frozenset(("cp", "install", "mv", "rsync", "tar", "cpio", "unzip", "git", "envsubst", "gomplate", "j2"))
"""Programs that make files from others. What they make may be run."""


class FirstLines:
    """The first lines of the executable files of one image."""

    def __init__(
        self,
        tree: Tree,
        log: AccessLog,
        folders: Iterable[str],
        read: Callable[[Iterable[str]], Iterator[tuple[str, bytes | None]]],
    ) -> None:
        """`folders` are those of PATH."""
        self._tree, self._log, self._folders, self._read = tree, log, tuple(folders), read
        self._words: dict[str, tuple[str, ...]] = {}
        self._opened: Mapping[str, bool] | None = None
        self._commands: frozenset[str] | None = None
        self._asked: tuple[Sequence[str], list[str]] = ((), [])

    def may_be_script(self, path: str) -> bool:
        """Return True if a real path is an executable file, and short enough for a script."""
        entry = self._tree.get(path)
        return entry is not None and entry.is_file and bool(entry.mode & 0o111) and 2 < entry.size <= SCRIPT_LIMIT

    def scripts_among(self, paths: Sequence[str]) -> list[str]:
        """Return those of these real paths that may be scripts and are no examples. All languages ask for the same paths, one after the other."""
        if self._asked[0] is not paths:
            self._asked = (paths, [path for path in paths if self.may_be_script(path) and not is_sample(path)])
        return self._asked[1]

    def was_opened(self, path: str) -> bool:
        """Return True if any program opened or started the file at a real path."""
        return path in self._seen()

    def was_copied(self, path: str) -> bool:
        """Return True if a program that copies or rewrites files opened the file at a real path."""
        return self._seen().get(path, False)

    def _seen(self) -> Mapping[str, bool]:
        """Return the files that were opened or started, each with whether a program opened it that copies files."""
        if self._opened is None:
            wanted = (Operation.OPEN, Operation.EXEC)
            asked: dict[str, bool] = {}
            for one in self._log.accesses:
                if one.found and one.operation in wanted:
                    path = one.resolved or one.asked
                    asked[path] = asked.get(path, False) or posixpath.basename(one.executable) in _COPIERS
            ends = ((self._tree.resolve(path).end, is_copied) for path, is_copied in asked.items())
            self._opened = {end: is_copied for end, is_copied in ends if end is not None}
        return self._opened

    def has_program(self, pattern: re.Pattern[str]) -> bool:
        """Return True if a folder of PATH has an entry whose whole name matches."""
        if self._commands is None:
            ends = (self._tree.resolve(folder).end for folder in self._folders)
            entries = (entry for end in ends if end is not None for entry in self._tree.children(end))
            self._commands = frozenset(posixpath.basename(entry.path) for entry in entries if not entry.is_directory)
        return any(pattern.fullmatch(name) for name in self._commands)

    def programs(self, paths: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """Return, for each real path that begins with `#!`, the interpreter, and the command that env(1) looks for.

        Other paths are left out. Costs one round trip for those that were not asked for before.
        """
        wanted = list(dict.fromkeys(paths))
        unread = [path for path in wanted if path not in self._words and self.may_be_script(path)]
        for path, content in self._read(unread) if unread else ():
            self._words[path] = tuple(_named(content or b""))
        return {path: words for path in wanted if (words := self._words.get(path, ()))}


def is_sample(path: str) -> bool:
    """Return True if the name of a script says that it is an example. Examples are run only under another name."""
    return posixpath.splitext(path)[1].lower() in _SAMPLES


def _named(content: bytes) -> Iterator[str]:
    """Yield the interpreter, and the command that `env` looks for."""
    if not content.startswith(b"#!"):
        return
    words = os.fsdecode(content[2:_LINE].partition(b"\n")[0]).split()
    yield from words[:1]
    if words and posixpath.basename(words[0]) == "env":
        command = (word for word in words[1:] if not word.startswith("-") and "=" not in word)
        yield from (word for word in [next(command, "")] if word)
