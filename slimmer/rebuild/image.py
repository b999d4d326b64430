"""Choose the builder of the slim image, and make the image.

`docker build` of the output folder is the default, since anybody can repeat it. If a Dockerfile cannot express the image, it is
loaded from an archive instead, and the user is told why.
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
"""Runs `docker build` with these files as context and a tag. Returns the image's ID (slimmer.engine.builds.build)."""

Load = Callable[[Callable[[IO[bytes]], None], str], str]
"""Runs `docker load` with what the function writes, and a tag. Returns the image's ID (slimmer.engine.builds.load)."""


@dataclass(frozen=True, slots=True)
class Builder:
    """Which builder is used ("dockerfile" or "load"), why, and what no Dockerfile can express about the image, in words."""

    name: str
    reason: str
    beyond: tuple[str, ...] = ()

    @property
    def whole_seconds(self) -> bool:
        """True if the builder drops the nanoseconds of times."""
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
    """Choose the builder for an image with these kept entries, on an engine of this architecture. `asked` is "" for any.

    `lacks_workdir`: the image lacks its WORKDIR (the engine would make it in each container, a build makes it in the image).
    `dated`: the user set the image's creation time (SOURCE_DATE_EPOCH), but a build sets its own. Raises UsageError if the user asks for
    a Dockerfile and it cannot express everything: nothing is lost silently.
    """
    beyond = dockerfile.beyond_dockerfile(config, kept, architecture)
    if lacks_workdir:
        beyond += ("a WORKDIR that the image does not have",)
    if asked == LOAD:
        return Builder(LOAD, "as asked", beyond)
    changes = (*beyond, "the labels, to which podman adds its own") if is_podman else beyond
    if not changes and dated and not asked:
        return Builder(LOAD, "docker build would set its own creation time instead of SOURCE_DATE_EPOCH", beyond)
    if not changes:
        return Builder(DOCKERFILE, "as asked" if asked else "anybody can repeat it without slimmer")
    words = f"a build would change {', '.join(changes)}"
    if asked == DOCKERFILE:
        raise UsageError(f"--builder dockerfile: {words}", hint="Leave out --builder, or use --builder load.")
    return Builder(LOAD, words, beyond)


def write_dockerfile(config: ImageConfig, builder: Builder, folder: OutputFolder) -> Path:
    """Write the folder's Dockerfile. If it cannot express everything, it says so. Raises OutputError."""
    with folder.writing_text(dockerfile.NAME) as file:
        file.write(dockerfile.render(config, builder.beyond))
    return folder.place(dockerfile.NAME)


def mark_unverified(folder: OutputFolder, words: str) -> None:
    """Note in the Dockerfile why nobody should rely on it. Raises OutputError."""
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
    """Make the image as `tag`, and return its ID. The folder's Dockerfile is written in any case.

    `created` is its creation time (slimmer.rebuild.archive.creation_time), which `docker build` ignores. Raises BuildFailed with the
    engine's message, or OutputError.
    """
    path = write_dockerfile(config, builder, folder)
    if builder.name == DOCKERFILE:
        return build([path, rootfs.path], tag)
    configuration = config_json(config, rootfs, created)
    return load(lambda file: write_archive(file, configuration, rootfs, tag), tag)
