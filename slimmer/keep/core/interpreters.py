"""Keep the interpreters of kept scripts: the program in the first line, and the one that env(1) finds. Source: execve(2)."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator, Sequence

from slimmer.keep.analyzer import BEYOND_OBSERVED, Follow, FunctionAnalyzer, Kept
from slimmer.keep.evidence import Evidence
from slimmer.keep.image_view import ImageView, reach
from slimmer.keep.keepset import Finding, Reason

RULE = "interpreter"
SCRIPT_LIMIT = 1 << 20
"""The largest script that is read, in bytes. A larger executable file is a program."""

_LINE = 256
"""The kernel reads at most this many bytes of the first line (BINPRM_BUF_SIZE)."""


def interpreters(image: ImageView) -> Follow:
    """Keep the interpreter of each executable file that begins with `#!`."""

    def follow(added: Sequence[str], kept: Kept) -> Iterator[Finding]:
        scripts = [path for path in added if _may_be_script(image, path)]
        for path, content in image.read(scripts) if scripts else ():
            reason = Reason(RULE, f"runs {path}", path)
            for name in _named(content or b""):
                for place in (name,) if "/" in name else image.which_all(name):
                    yield from reach(image.tree, place, reason)

    return follow


def _may_be_script(image: ImageView, path: str) -> bool:
    entry = image.tree.get(path)
    return entry is not None and entry.is_file and image.is_executable(path) and 2 < entry.size <= SCRIPT_LIMIT


def _named(content: bytes) -> Iterator[str]:
    """Yield the interpreter, and the command that `env` looks for."""
    if not content.startswith(b"#!"):
        return
    words = os.fsdecode(content[2:_LINE].partition(b"\n")[0]).split()
    yield from words[:1]
    if words and posixpath.basename(words[0]) == "env":
        command = (word for word in words[1:] if not word.startswith("-") and "=" not in word)
        yield from (word for word in [next(command, "")] if word)


ANALYZER = FunctionAnalyzer("interpreter", BEYOND_OBSERVED, {RULE: Evidence.USED}, follower=interpreters)
