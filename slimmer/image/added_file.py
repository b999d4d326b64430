"""Files of a slim image that slimmer writes itself. Everything else in it comes from the original."""

from __future__ import annotations

import hashlib
import stat
from dataclasses import dataclass, field

from slimmer.image.tree import Entry


@dataclass(frozen=True, slots=True)
class AddedFile:
    """A file, or a directory if `content` is None. It belongs to root. `mtime` is in seconds since 1970; `detail` says what it is for."""

    path: str
    content: bytes | None = field(repr=False)
    mtime: int
    detail: str

    @property
    def size(self) -> int:
        """The bytes of the content."""
        return len(self.content or b"")

    @property
    def sha256(self) -> str:
        """The digest of the content, in hex; "" for a directory."""
        return "" if self.content is None else hashlib.sha256(self.content).hexdigest()

    @property
    def entry(self) -> Entry:
        """The entry as it is in the slim image."""
        mode = stat.S_IFDIR | 0o755 if self.content is None else stat.S_IFREG | 0o644
        return Entry(
            path=self.path,
            mode=mode,
            uid=0,
            gid=0,
            size=self.size,
            mtime=(self.mtime, 0),
            links=1,
            inode=0,
            ctime=0,
            device=(0, 0),
            target="",
            xattrs=(),
        )
