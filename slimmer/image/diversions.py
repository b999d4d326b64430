"""Where dpkg puts a file that another package has diverted. Source: dpkg-divert(1); dpkg, lib/dpkg/db-fsys-divert.c."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from slimmer.image.lines import Unreadable

DIVERSIONS = "/var/lib/dpkg/diversions"
LIMIT = 1 << 14
"""The number of diversions. Debian's packages make a few hundred in all."""

_BYTES = 1 << 22
"""The bytes of all of them."""


class Diversions:
    """The diversions of one image. Every package's file is at its usual path, until they are read."""

    def __init__(self) -> None:
        self._targets: dict[bytes, tuple[bytes, str]] = {}

    def read(self, lines: Iterable[bytes]) -> Iterator[bytes]:
        """Take the lines of dpkg's list, three for each diversion: from, to, and the package whose own file stays (":" for none).

        Yield the paths from which a file is diverted. Raises Unreadable.
        """
        left = _BYTES
        rest = iter(lines)
        for path, target, package in zip(rest, rest, rest, strict=False):
            left -= len(path) + len(target) + len(package)
            if len(self._targets) == LIMIT or left < 0:
                raise Unreadable(f"it has more than {LIMIT:,} diversions, or long ones")
            if path.startswith(b"/") and target.startswith(b"/"):
                self._targets.setdefault(path, (target, package.decode(errors="replace").partition(":")[0]))
                yield path

    def place(self, package: str, path: bytes) -> bytes:
        """Return where a package's file is that it lists under this absolute path."""
        target, owner = self._targets.get(path, (path, package))
        return path if owner == package else target
