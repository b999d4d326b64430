"""Make the bills of materials of a build's slim image, and of any image of the engine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from slimmer.artifacts.package_file import package_document, record
from slimmer.engine import images
from slimmer.engine.resources import EngineResources
from slimmer.image.inventory import read_inventory
from slimmer.image.package_files import PackageFiles
from slimmer.keep.keepset import KeepSet
from slimmer.observe.pristine import within
from slimmer.output_folder import OutputFolder
from slimmer.pipeline.original import Original
from slimmer.pipeline.progress import Progress, Say
from slimmer.pipeline.session import connected
from slimmer.probe_binary import probe_path
from slimmer.rebuild.rootfs import RootFs
from slimmer.runs.image_mount import image_tree, open_pristine
from slimmer.sandbox.sandbox import Sandbox
from slimmer.sbom import cyclonedx, spdx
from slimmer.sbom.document import Sbom, SbomFile
from slimmer.sbom.licences import warm
from slimmer.sbom.output import count_files, slim_sbom, whole_sbom


def packages_of(original: Original) -> dict[str, Any]:
    """Return the document of the original's packages with their inventory. It reads the image, which one thread at a time may do."""
    tree, config = original.tree, original.session.config
    stream = within(tree, original.pristine.stream)
    inventory = read_inventory(tree, original.packages, stream, Sandbox())  # what it cannot read is no keep rule's loss
    warm(name for one in inventory.packages for name in one.licences)
    return package_document(tree, original.packages, config.image_id, inventory, config.created)


def packed_files(original: Original, kept: KeepSet, rootfs: RootFs, sha1: Mapping[str, str]) -> Iterator[SbomFile]:
    """Yield the files and links of the slim image. `sha1` has the digests of regular files by path. An added file may stand in for one of the original."""
    found = (original.tree.get(path) for path in kept)
    paths = [entry.path for entry in found if entry is not None and not entry.is_directory]
    paths += [one.path for one in rootfs.added if one.content is not None]
    return (SbomFile(path, rootfs.digests.get(path, ""), sha1.get(path, "")) for path in paths)


def write_sboms(
    folder: OutputFolder,
    original: Original,
    packages: Mapping[str, Any],
    files: Iterable[SbomFile],
    image: str,
    digest: str,
    warn: Say,
) -> None:
    """Write the bills of materials of the slim image with this name, digest and files. `packages` is the result of packages_of. Warn of missing ones."""
    known = record(packages, original.tree)
    if warning := known.inventory.warning:
        warn(warning)
    owners = original.packages.owners
    sbom = slim_sbom(image, digest, known.created, known.inventory, known.files, files, owners)
    for name, pieces in ((cyclonedx.FILE, sbom.cyclonedx()), (spdx.FILE, sbom.spdx())):
        with folder.writing_text(name) as file:
            file.writelines(pieces)


def image_sbom(name: str, progress: Progress, docker_host: str = "") -> Sbom:
    """Return the bill of materials of an image of the engine, which is not run. Warns of package databases that cannot be read.

    Raises TargetNotFound, EngineError, or ObservationIncomplete if the image has more paths than slimmer can index.
    """
    with connected(docker_host) as engine:
        config = images.resolve(engine, name, may_pull=False)
        probe = probe_path(engine.architecture)
        with (
            EngineResources(engine) as scope,
            open_pristine(scope, config, config.image_id, probe, "inventory") as pristine,
            progress.stage("read packages"),
        ):
            tree, sandbox = image_tree(pristine, config), Sandbox()
            stream = within(tree, pristine.stream)
            packages = PackageFiles(tree, stream, sandbox)
            inventory = read_inventory(tree, packages, stream, sandbox)
            files = (entry.path for entry in tree if not entry.is_directory)
            counts = count_files(inventory, files, packages.owners)
    for path in packages.unreadable:
        progress.warn(f"packages may be missing: {path} could not be read: {sandbox.unreadable.get(path, '')}")
    if inventory.warning:
        progress.warn(inventory.warning)
    return whole_sbom(name, config.image_id, config.created, inventory, counts)
