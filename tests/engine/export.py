"""An image's files as `docker export` shows them: read without slimmer's probe, to judge what slimmer made."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from io import RawIOBase

import docker

ENGINE_MADE = {
    ".dockerenv", "dev/console", "dev/pts", "dev/shm", "etc/hostname", "etc/hosts", "etc/mtab", "etc/resolv.conf",
}  # fmt: skip
"""What moby's setupInitLayer makes in every container; an export cannot tell it from the image's own."""


@dataclass(frozen=True)
class Exported:
    """One path of an image. `link` is the target of a symbolic or hard link."""

    kind: bytes
    mode: int
    owner: tuple[int, int]
    size: int
    mtime: int
    link: str
    xattrs: tuple[tuple[str, str], ...]
    digest: str


class _Stream(RawIOBase):
    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks, self._rest = chunks, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._rest:
            try:
                self._rest = next(self._chunks)
            except StopIteration:
                return 0
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size


def content_size(client: docker.DockerClient, image: str) -> int:
    """The bytes of an image's regular files. A file with several names counts once."""
    return sum(member.size for member in export(client, image).values() if member.kind == tarfile.REGTYPE)


def export(client: docker.DockerClient, image: str) -> dict[str, Exported]:
    """Every path of an image ("" is the root), read from a container that is created, exported and removed."""
    container = client.api.create_container(image, command=["x"], entrypoint=["x"])
    try:
        with tarfile.open(fileobj=_Stream(client.api.export(container["Id"])), mode="r|", bufsize=1 << 20) as tar:
            return {name: member for name, member in _members(tar) if name not in ENGINE_MADE}
    finally:
        client.api.remove_container(container["Id"], v=True, force=True)


def _members(tar: tarfile.TarFile) -> Iterator[tuple[str, Exported]]:
    for member in tar:
        file = tar.extractfile(member) if member.isreg() else None
        digest = hashlib.sha256(file.read()).hexdigest() if file else ""
        xattrs = tuple(sorted((k, v) for k, v in member.pax_headers.items() if k.startswith("SCHILY.xattr.")))
        yield (
            member.name.strip("/"),
            Exported(
                member.type, member.mode, (member.uid, member.gid), member.size, int(member.mtime), member.linkname, xattrs, digest
            ),
        )  # fmt: skip
