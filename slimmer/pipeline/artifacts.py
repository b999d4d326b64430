"""The artifacts beside Dockerfile and rootfs.tar, which a build and `slimmer keep` leave alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from slimmer.artifacts import manifest, package_file, report_file, tree_file
from slimmer.image.engine_artifacts import ImageTree
from slimmer.keep.keepset import KeepSet
from slimmer.observe.log import AccessLog, write_log
from slimmer.output_folder import OutputFolder
from slimmer.pipeline.observation import LOG_NAME
from slimmer.pipeline.report import as_json


def write_artifacts(
    folder: OutputFolder,
    own: ImageTree,
    kept: KeepSet,
    digests: Mapping[str, str],
    log: AccessLog,
    packages: Mapping[str, Any],
    report: dict[str, Any],
) -> None:
    """Write what was observed, what is kept and why, the image's tree and packages, and the report, which comes last.

    `digests` are those of the kept files (slimmer.rebuild.rootfs.RootFs), `packages` the document of package_document.
    Raises OutputError.
    """
    with folder.writing_text(LOG_NAME) as file:
        write_log(log, file)
    with folder.writing_text(manifest.NAME) as file:
        manifest.write_manifest(log.image_id, manifest.manifest(own.tree, kept, digests, own.mtime), file)
    with folder.writing(tree_file.NAME) as archive:
        tree_file.write_tree(own.tree, log.image_id, archive)
    with folder.writing(package_file.NAME) as archive:
        package_file.write_packages(packages, archive)
    with folder.writing_text(report_file.NAME) as file:
        file.write(as_json(report) + "\n")
