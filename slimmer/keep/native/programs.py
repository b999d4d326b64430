"""Keep the programs that native code names by absolute paths to start them: /bin/ps for a monitoring check, a helper for a server.

A program or plug-in counts if it imports a function that starts programs. Shells are left out, because most of the code that can start
one never does, and so are programs with setuid or setgid.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence

from slimmer.keep.analyzer import Kept
from slimmer.keep.core.shell_tools import SHELLS
from slimmer.keep.image_view import ImageView, reach
from slimmer.keep.keepset import Finding, Reason
from slimmer.keep.native.code_reader import Code, CodeFollow
from slimmer.keep.sources.named_paths import PROGRAM

RULE = PROGRAM
PROGRAM_BYTES, BYTES = 2 << 20, 8 << 20
"""The largest program that stays because code names it, and the most bytes of all such programs."""


def programs(image: ImageView) -> CodeFollow:
    """Follow native code to the programs that it names."""
    return _Programs(image).follow


class _Programs:
    def __init__(self, image: ImageView) -> None:
        self._image, self._left = image, BYTES
        self._found: dict[str, bool] = {}

    def follow(self, codes: Sequence[Code], added: Sequence[str], kept: Kept) -> Iterator[Finding]:
        """Yield the programs that each new file names."""
        for code in codes:
            for path in code.elf.program_names if code.elf.is_program or code.elf.is_plugin else ():
                if path not in self._found:
                    self._found[path] = self._counts(path)
                if self._found[path]:
                    yield from reach(self._image.tree, path, Reason(RULE, f"started by {code.path}", code.path))

    def _counts(self, path: str) -> bool:
        entry = self._image.end(path)
        if entry is None or not entry.is_plain_program:
            return False
        if not {posixpath.basename(path), posixpath.basename(entry.path)}.isdisjoint(SHELLS):
            return False
        if entry.size > min(self._left, PROGRAM_BYTES):
            return False
        self._left -= entry.size
        return True
