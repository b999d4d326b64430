"""Write the artifacts that `slimmer build` and `slimmer keep` have in common, besides Dockerfile and rootfs.tar, or only a log."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from slimmer.artifacts import manifest, package_file, report_file, tree_file
from slimmer.image.engine_artifacts import ImageTree
from slimmer.keep.keepset import KeepSet
from slimmer.observe.log import AccessLog, write_log
from slimmer.output_folder import OutputFolder, Tell
from slimmer.pipeline.observation import LOG_NAME
from slimmer.pipeline.report import as_json
from slimmer.rebuild.rootfs import NAME as ROOTFS
from slimmer.rebuild.rootfs import RootFs

JSON_SUFFIX = ".json"


def write_artifacts(
    folder: OutputFolder,
    image: ImageTree,
    kept: KeepSet,
    rootfs: RootFs,
    log: AccessLog,
    packages: Mapping[str, Any],
) -> None:
    """Write the access log, the manifest, and the image's tree and packages.

    `rootfs` holds the kept files, `packages` is the result of package_document.
    Raises OutputError.
    """
    with folder.writing_text(LOG_NAME) as file:
        write_log(log, file)
    with folder.writing_text(manifest.NAME) as file:
        lines = manifest.manifest(image.tree, kept, rootfs.digests, image.mtime, rootfs.added)
        manifest.write_manifest(log.image_id, lines, file)
    with folder.writing(tree_file.NAME) as archive:
        tree_file.write_tree(image.tree, log.image_id, archive)
    with folder.writing(package_file.NAME) as archive:
        package_file.write_packages(packages, archive)


def write_report(folder: OutputFolder, report: dict[str, Any], rootfs: RootFs) -> None:
    """Write the report, which says how long everything else took. It gets the digests of all other files of the folder. Raises OutputError."""
    report["files"] = [{"name": name, "sha256": _sha256(folder, name, rootfs)} for name in sorted(folder.written)]
    with folder.writing_text(report_file.NAME) as file:
        file.write(as_json(report) + "\n")


def _sha256(folder: OutputFolder, name: str, rootfs: RootFs) -> str:
    """Return the digest of a file that was written, in hex. That of the archive is known already."""
    if name == ROOTFS:
        return rootfs.diff_id.removeprefix("sha256:")
    with folder.place(name).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def log_file(out: Path | None, tell: Tell) -> Iterator[Callable[[AccessLog], Path | None]]:
    """Open the place for an access log, and yield a function that writes it there and returns the file's path.

    `out` is the file (NAME.json), or a folder for an access.json. If it is None, nothing is written. Raises OutputError.
    """
    if out is None:
        yield lambda log: None
        return
    folder, name = (out.parent, out.name) if out.suffix == JSON_SUFFIX else (out, LOG_NAME)
    with OutputFolder(folder, for_one_file=True, tell=tell) as output:

        def write(log: AccessLog) -> Path:
            with output.writing_text(name) as file:
                write_log(log, file)
            return folder / name

        yield write
