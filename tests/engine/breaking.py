"""Ways to break a slim image on purpose: in its archive and its configuration, behind slimmer's back."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from slimmer.engine import builds
from slimmer.engine.connection import Engine
from slimmer.image.config import ImageConfig
from slimmer.rebuild.archive import config_json, write_archive
from slimmer.rebuild.rootfs import RootFs

CAPABILITY = "SCHILY.xattr.security.capability"

Edit = Callable[[tarfile.TarInfo], object]
"""Changes a member of the archive."""


@dataclass(frozen=True, slots=True)
class Break:
    """One way to break an image.

    `lost`: paths that are taken out. `edited`: paths, and what happens to them. `unset`: variables that are.
    """

    lost: tuple[str, ...] = ()
    edited: Mapping[str, Edit] = field(default_factory=dict)
    unset: tuple[str, ...] = ()


def close(member: tarfile.TarInfo) -> None:
    """Nobody may execute it any more."""
    member.mode &= ~0o111


def disarm(member: tarfile.TarInfo) -> None:
    """It loses its file capabilities."""
    member.pax_headers = {name: value for name, value in member.pax_headers.items() if name != CAPABILITY}


def load_broken(engine: Engine, config: ImageConfig, good: RootFs, way: Break, place: Path, tag: str) -> str:
    """Load the image that `good` and `config` describe, but broken, under `tag`; the image's ID. `place`: for an archive."""
    place.write_bytes(broken_archive(good, way))
    content = place.read_bytes()
    rootfs = RootFs(place, len(content), f"sha256:{hashlib.sha256(content).hexdigest()}", {})
    env = tuple(entry for entry in config.env if entry.partition("=")[0] not in way.unset)
    configuration = config_json(dataclasses.replace(config, env=env), rootfs, config.created)
    return builds.load(engine, lambda file: write_archive(file, configuration, rootfs, tag), tag)


def broken_archive(good: RootFs, way: Break) -> bytes:
    """The archive with the break in it; what is to be broken must be there."""
    file = io.BytesIO()
    met = set()
    with tarfile.open(good.path) as source, tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as broken:
        for path, member in _members(source):
            met.add(path)
            if path in way.lost:
                continue
            if edit := way.edited.get(path):
                edit(member)
            broken.addfile(member, source.extractfile(member) if member.isreg() else None)
    assert met >= {*way.lost, *way.edited}, "the slim image has not what was to be broken"
    return file.getvalue()


def _members(source: tarfile.TarFile) -> Iterator[tuple[str, tarfile.TarInfo]]:
    return (("/" + member.name, member) for member in source)
