"""Make the bill of materials of an image, from its inventory or from the output folder of a build."""

from __future__ import annotations

import hashlib
import tarfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from pathlib import Path

from msgspec import UNSET

from slimmer.artifacts.build_output import BuildOutput
from slimmer.artifacts.report_file import Report
from slimmer.errors import UsageError
from slimmer.image.installed import Installed
from slimmer.image.inventory import Inventory, Ownership
from slimmer.image.packages import Package
from slimmer.image.purl import package_url
from slimmer.rebuild.rootfs import NAME as ROOTFS
from slimmer.sbom.document import Sbom, SbomFile, SbomPackage, document_time

PIECE = 1 << 20
CHUNK = 4096
DIGESTS_HINT = "The digests of the slim image's files come from it. `slimmer build` writes it again."

Owners = Callable[[Iterable[str]], Mapping[str, tuple[Package, ...]]]
"""Returns the packages of paths (slimmer.image.package_files.PackageFiles.owners)."""


def slim_sbom(
    image: str,
    digest: str,
    created: str,
    inventory: Inventory,
    files: Mapping[Package, int],
    kept_files: Iterable[SbomFile],
    owners: Owners,
) -> Sbom:
    """Return the bill of materials of a slim image: the packages of which it has a file or a link, with these files.

    `files` counts the files of each package in the original. `kept_files` are all files and links of the slim image.
    """
    kept: dict[Package, list[SbomFile]] = {}
    others: list[SbomFile] = []
    known: dict[Package, Installed] = {}
    ownership = Ownership(inventory.packages)
    ordered = sorted(kept_files, key=lambda file: file.path)
    found = owners([file.path for file in ordered])
    for file in ordered:
        owned_by = list(ownership.of(file.path, found.get(file.path, ())))
        for one in owned_by:
            known[one.package] = one
            kept.setdefault(one.package, []).append(file)
        if not owned_by:
            others.append(file)
    packages = tuple(
        _package(
            known[package], inventory, max(files.get(package, 0), len(kept[package])), len(kept[package]), kept[package]
        )
        for package in sorted(known)
    )
    return Sbom(image, digest, document_time(created), inventory.release, packages, tuple(others), lists_files=True)


def whole_sbom(
    image: str,
    digest: str,
    created: str,
    inventory: Inventory,
    files: Mapping[Package, int],
    kept: Mapping[Package, int] | None = None,
) -> Sbom:
    """Return the bill of materials of an image as it is. `files` counts the files of each package, and `kept` those that a slim image kept."""
    packages = tuple(
        _package(one, inventory, files.get(one.package, 0), None if kept is None else kept.get(one.package, 0))
        for one in inventory.packages
    )
    return Sbom(image, digest, document_time(created), inventory.release, packages)


def count_files(inventory: Inventory, paths: Iterable[str], owners: Owners) -> Counter[Package]:
    """Return how many of these files and links each package has. It asks for a bounded number of paths at a time."""
    ownership, counts = Ownership(inventory.packages), Counter[Package]()
    paths = iter(paths)
    while chunk := list(islice(paths, CHUNK)):
        counts.update(one.package for path, found in owners(chunk).items() for one in ownership.of(path, found))
    return counts


def output_sbom(output: BuildOutput, of: str) -> Sbom:
    """Return the bill of materials of the "original" or the "slim" image of a build.

    Raises UsageError if the folder lacks what is needed, for example because an earlier slimmer wrote it.
    """
    record, report = output.packages, output.report
    if not record.has_inventory:
        raise UsageError(
            f"{output.folder} has no inventory of its packages",
            hint="Build the image again: an earlier slimmer wrote it.",
        )
    lines = {path: line for path, line in output.lines.items() if line.kind != "directory"}
    if of == "original":
        kept = count_files(record.inventory, [path for path, line in lines.items() if not line.added], record.owners)
        target = report.target
        return whole_sbom(target.name, target.id, record.created, record.inventory, record.files, kept)
    sha1 = sha1_digests(output.folder / ROOTFS)
    files = (SbomFile(path, line.sha256, sha1.get(path, "")) for path, line in lines.items())
    name, digest = _slim_identity(report, output.folder / ROOTFS)
    return slim_sbom(name, digest, record.created, record.inventory, record.files, files, record.owners)


def _slim_identity(report: Report, archive: Path) -> tuple[str, str]:
    """Return the name and the digest of the slim image. `slimmer keep` made none: then they are the original's name and the archive's digest."""
    if report.slim is not UNSET:
        return report.slim.tag or report.target.name, report.slim.id
    with archive.open("rb") as file:
        return report.target.name, f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def sha1_digests(archive: Path) -> dict[str, str]:
    """Return the SHA-1 in hex of each regular file of a rootfs.tar by its path in the image. SPDX identifies files by it.

    Raises UsageError if it cannot be read.
    """
    digests: dict[str, str] = {}
    try:
        with tarfile.open(archive, "r:") as tar:
            while (member := tar.next()) is not None:
                tar.members = []  # type: ignore[attr-defined]  # or it would remember every member
                if member.islnk():
                    digests[f"/{member.name}"] = digests.get(f"/{member.linkname}", "")
                elif member.isreg():
                    digests[f"/{member.name}"] = _sha1(tar, member)
    except (tarfile.TarError, OSError) as error:
        why = (error.strerror if isinstance(error, OSError) else "") or str(error)
        raise UsageError(f"cannot read {archive}: {why}", hint=DIGESTS_HINT) from error
    return digests


def _sha1(tar: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    digest = hashlib.sha1(usedforsecurity=False)
    source = tar.extractfile(member)
    while source is not None and (piece := source.read(PIECE)):
        digest.update(piece)
    return digest.hexdigest()


def _package(
    one: Installed, inventory: Inventory, files: int, kept: int | None, kept_files: Iterable[SbomFile] = ()
) -> SbomPackage:
    package = one.package
    purl = package_url(package, inventory.release, one.origin)
    return SbomPackage(
        package.manager, package.name, package.version, purl, one.licences, files, kept, tuple(kept_files)
    )
