"""Keep the interpreters of kept scripts: what their first line names, and what env(1) finds for them. Source: execve(2)."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator, Sequence

from slimmer.keep.analyzer import Follow, Kept
from slimmer.keep.image_view import ImageView, reach
from slimmer.keep.keepset import Finding, Reason

SCRIPT_LIMIT = 1 << 20
"""Bytes of a script; what is larger, and may be executed, is a program."""

_LINE = 256
"""The kernel looks no further (BINPRM_BUF_SIZE)."""


def interpreters(image: ImageView) -> Follow:
    """For files that may be executed and begin with `#!`."""
    tree = image.tree

    def follow(fresh: Sequence[str], kept: Kept) -> Iterator[Finding]:
        scripts = [path for path in fresh if _may_be_script(path)]
        for path, content in image.read(scripts) if scripts else ():
            for interpreter in _named(content or b""):
                reason = Reason("interpreter", f"runs {path}", path)
                for candidate in _candidates(interpreter):
                    yield from reach(tree, candidate, reason)

    def _may_be_script(path: str) -> bool:
        entry = tree.get(path)
        return entry is not None and entry.is_file and bool(entry.mode & 0o111) and 2 < entry.size <= SCRIPT_LIMIT

    def _candidates(interpreter: str) -> Iterator[str]:
        if "/" in interpreter:
            yield interpreter
            return
        paths = (posixpath.join(folder, interpreter) for folder in image.config.search_path)
        yield from (path for path in paths if tree.resolve(path).end is not None)

    return follow


def _named(content: bytes) -> Iterator[str]:
    """The interpreter, and the command that `env` is to find."""
    if not content.startswith(b"#!"):
        return
    words = os.fsdecode(content[2:_LINE].partition(b"\n")[0]).split()
    yield from words[:1]
    if words and posixpath.basename(words[0]) == "env":
        command = (word for word in words[1:] if not word.startswith("-") and "=" not in word)
        yield from (word for word in [next(command, "")] if word)
