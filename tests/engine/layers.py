"""An image's layers as `docker save` gives them, entry by entry, as diffoci compares images."""

from __future__ import annotations

import hashlib
import json
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import docker


@dataclass(frozen=True, slots=True)
class LayerEntry:
    """A member of a layer. `mtime` is as the archive says it, with all its digits; `link` of a symbolic or hard link."""

    name: str
    kind: bytes
    mode: int
    owner: tuple[int, int]
    size: int
    mtime: str
    link: str
    device: tuple[int, int]
    xattrs: Mapping[str, str]
    digest: str


def layer_entries(client: docker.DockerClient, image: str) -> tuple[tuple[LayerEntry, ...], ...]:
    """The layers from the lowest one on, each in the order of its archive."""
    with tempfile.TemporaryFile() as file:
        for chunk in client.api.get_image(image):
            file.write(chunk)
        file.seek(0)
        with tarfile.open(fileobj=file) as saved:
            manifest = saved.extractfile("manifest.json")
            assert manifest is not None
            return tuple(tuple(_entries(saved, name)) for name in json.load(manifest)[0]["Layers"])


def _entries(saved: tarfile.TarFile, name: str) -> Iterator[LayerEntry]:
    with tarfile.open(fileobj=saved.extractfile(name)) as layer:
        for member in layer:
            content = layer.extractfile(member) if member.isreg() else None
            headers = member.pax_headers
            yield LayerEntry(
                name=member.name,
                kind=member.type,
                mode=member.mode,
                owner=(member.uid, member.gid),
                size=member.size,
                mtime=headers.get("mtime", str(member.mtime)),
                link=member.linkname,
                device=(member.devmajor, member.devminor),
                xattrs={name: value for name, value in headers.items() if name.startswith("SCHILY.xattr.")},
                digest=hashlib.file_digest(content, "sha256").hexdigest() if content else "",  # type: ignore[arg-type]
            )
