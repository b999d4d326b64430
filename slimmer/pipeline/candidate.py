"""Make a candidate for the slim image: pack it, build it, and compare its files with the original's. It has no name of its own yet."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from slimmer.engine import builds, images
from slimmer.formatting import human_size
from slimmer.image.added_file import AddedFile
from slimmer.image.config import ImageConfig
from slimmer.image.engine_artifacts import overrides
from slimmer.image.tree import Entry, content_size
from slimmer.keep.keepset import KeepSet
from slimmer.keep.selection import Patterns, Selection
from slimmer.output_folder import OutputFolder
from slimmer.pipeline.original import Original, tree_of
from slimmer.pipeline.progress import Say
from slimmer.pipeline.session import Session
from slimmer.rebuild import image as rebuild
from slimmer.rebuild.image import Builder, make_image
from slimmer.rebuild.rootfs import RootFs, check_size, write_rootfs
from slimmer.runs.image_mount import open_pristine
from slimmer.verify import check
from slimmer.verify.check import Side
from slimmer.verify.structure import Difference

logger = logging.getLogger(__name__)

LARGE = 1 << 30
"""Bytes of kept files above which the user is told to wait. An engine writes them two or three times (half a minute per gigabyte on a busy machine)."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A slim image that was built but not tagged yet. `config` is the configuration that it must have."""

    image_id: str
    config: ImageConfig
    rootfs: RootFs
    builder: Builder


def choose_builder(
    original: Original, config: ImageConfig, asked: str, kept: KeepSet, *, dated: bool = False
) -> Builder:
    """Return the builder for a slim image with this configuration, and the reason. Raise UsageError if the one that was asked for cannot build it.

    `dated`: SOURCE_DATE_EPOCH sets the image's creation time.
    """
    engine = original.session.engine
    workdir = config.working_dir
    builder = rebuild.choose_builder(
        asked,
        config,
        _entries(original, kept),
        engine.architecture,
        is_podman=engine.is_podman,
        lacks_workdir=bool(workdir) and original.tree.resolve(workdir).end is None,
        dated=dated,
    )
    logger.info("builder %s: %s", builder.name, builder.reason)
    return builder


def slim_size(original: Original, kept: KeepSet, added: Sequence[AddedFile]) -> int:
    """Return the size of the kept and the added files in bytes, as Tree.content_size counts."""
    return content_size(_entries(original, kept)) + sum(one.size for one in added)


def pack(
    original: Original,
    kept: KeepSet,
    folder: OutputFolder,
    say: Say = lambda text: None,
    *,
    selection: Selection | None = None,
    warn: Say = lambda text: None,
) -> RootFs:
    """Pack the kept paths into the folder, and with them the data about their packages, unless the user's selection leaves it out.

    Raise BuildFailed if sparse files make them too large.
    """
    size = check_size(_entries(original, kept), original.session.config.engine_size)
    if size >= LARGE:
        say(f"{human_size(size)} are kept. Packing them and building the image takes minutes")
    added = _package_data(original, kept, selection or Selection(), warn)
    logger.info("package data: %d files, %d bytes", len(added), sum(one.size for one in added))
    return write_rootfs(original.pristine, overrides(list(kept), original.image), folder, added)


def _package_data(original: Original, kept: KeepSet, selection: Selection, warn: Say) -> tuple[AddedFile, ...]:
    """Return the data about the packages of the kept paths. Warn of databases that could not be read."""
    if not selection.package_data:
        return ()
    data, excluded = original.package_data, Patterns(original.tree, selection.exclude, "--exclude")
    added = data.of(kept.reasons, excluded.match)
    for path, why in data.unreadable.items():
        warn(f"scanners will miss packages of the slim image: {path} could not be read: {why}")
    return added


def make(
    session: Session,
    config: ImageConfig,
    rootfs: RootFs,
    builder: Builder,
    folder: OutputFolder,
    created: str,
    purpose: str,
) -> Candidate:
    """Build the candidate with this configuration from the packed folder, under a temporary tag."""
    engine, scope, platform = session.engine, session.scope, session.options.platform
    image_id = make_image(
        config,
        rootfs,
        builder,
        folder,
        scope.temporary_tag(session.unique(purpose)),
        created,
        lambda files, tag: builds.build(engine, files, tag, platform, scope.lifeline.image, scope.making),
        lambda write, tag: builds.load(engine, write, tag, scope.making),
    )
    logger.info("candidate: %s, %d bytes of contents", image_id, rootfs.size)
    return Candidate(image_id, config, rootfs, builder)


def check_structure(original: Original, kept: KeepSet, candidate: Candidate, purpose: str) -> tuple[Difference, ...]:
    """Return the differences in paths, contents and configuration."""
    session = original.session
    config = images.inspect(session.engine, candidate.image_id)
    with open_pristine(session.scope, config, candidate.image_id, session.probe, session.unique(purpose)) as slim:
        return check.check_structure(
            Side(original.image, candidate.config),
            Side(tree_of(session, slim), config),
            list(kept),
            candidate.rootfs.digests,
            slim.hash,
            whole_seconds=candidate.builder.whole_seconds,
            added=candidate.rootfs.added,
        )


def _entries(original: Original, kept: KeepSet) -> Iterator[Entry]:
    return (entry for path in kept if (entry := original.tree.get(path)) is not None)
