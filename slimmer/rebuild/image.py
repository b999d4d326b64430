"""The slim image out of its files and its configuration: which builder makes it, and making it.

`docker build` of the output folder is the default, since anybody can repeat it; what a Dockerfile cannot say is loaded
from an archive instead, and the reason is said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from slimmer.errors import UsageError
from slimmer.image.config import ImageConfig
from slimmer.image.tree import Entry
from slimmer.output_folder import OutputFolder
from slimmer.rebuild import dockerfile
from slimmer.rebuild.archive import config_json, write_archive
from slimmer.rebuild.rootfs import RootFs

DOCKERFILE, LOAD = "dockerfile", "load"

Build = Callable[[list[Path], str], str]
"""`docker build` with these files as its context, to a tag; returns the image's ID (slimmer.engine.builds.build)."""

Load = Callable[[Callable[[IO[bytes]], None], str], str]
"""`docker load` of what the function writes, to a tag; returns the image's ID (slimmer.engine.builds.load)."""


@dataclass(frozen=True, slots=True)
class Builder:
    """Which builder is used: "dockerfile" or "load", why, and what of the image no Dockerfile can say, in words."""

    name: str
    reason: str
    beyond: tuple[str, ...] = ()

    @property
    def whole_seconds(self) -> bool:
        """Whether times lose their nanoseconds on the way."""
        return self.name == DOCKERFILE


def choose_builder(
    asked: str,
    config: ImageConfig,
    kept: Iterable[Entry],
    architecture: str,
    *,
    is_podman: bool = False,
    lacks_workdir: bool = False,
    dated: bool = False,
) -> Builder:
    """The builder for an image with these kept entries, on an engine of this architecture; `asked` is "" for any.

    `lacks_workdir`: the image has no such directory (the engine makes it in each container, a build in the image).
    `dated`: the user gave the image's time of creation (SOURCE_DATE_EPOCH), which a build would stamp itself.
    Raises UsageError when a Dockerfile is asked for that cannot say everything: nothing is lost in silence.
    """
    beyond = dockerfile.beyond_dockerfile(config, kept, architecture)
    if lacks_workdir:
        beyond += ("a WORKDIR that the image does not have",)
    if asked == LOAD:
        return Builder(LOAD, "as asked", beyond)
    changes = (*beyond, "the labels, to which podman adds its own") if is_podman else beyond
    if not changes and dated and not asked:
        return Builder(LOAD, "docker build would stamp a time of its own, and SOURCE_DATE_EPOCH gives another", beyond)
    if not changes:
        return Builder(DOCKERFILE, "as asked" if asked else "anybody can repeat it without slimmer")
    words = f"a build would change {', '.join(changes)}"
    if asked == DOCKERFILE:
        raise UsageError(f"--builder dockerfile: {words}", hint="Leave out --builder, or use --builder load.")
    return Builder(LOAD, words, beyond)


def write_dockerfile(config: ImageConfig, builder: Builder, folder: OutputFolder) -> Path:
    """Write the folder's Dockerfile; one that cannot say everything says so. Raises OutputError."""
    with folder.writing_text(dockerfile.NAME) as file:
        file.write(dockerfile.render(config, builder.beyond))
    return folder.place(dockerfile.NAME)


def mark_unverified(folder: OutputFolder, words: str) -> None:
    """Say in the Dockerfile that was written why nobody should rely on it. Raises OutputError."""
    first, _, rest = folder.place(dockerfile.NAME).read_text(encoding="utf-8").partition("\n")
    with folder.writing_text(dockerfile.NAME) as file:
        file.write(f"{first}\n# NOT VERIFIED: {words}\n{rest}")


def make_image(
    config: ImageConfig,
    rootfs: RootFs,
    builder: Builder,
    folder: OutputFolder,
    tag: str,
    created: str,
    build: Build,
    load: Load,
) -> str:
    """Make the image, under `tag`, and return its ID; the folder's Dockerfile is written either way.

    `created` is its creation time (slimmer.rebuild.archive.creation_time), which `docker build` does not take.
    Raises BuildFailed, with the engine's words, or OutputError.
    """
    path = write_dockerfile(config, builder, folder)
    if builder.name == DOCKERFILE:
        return build([path, rootfs.path], tag)
    configuration = config_json(config, rootfs, created)
    return load(lambda file: write_archive(file, configuration, rootfs, tag), tag)
