"""A comparison as JSON, as `slimmer compare --format json` writes it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from msgspec import Struct, to_builtins

from slimmer.image.image_stats import ImageStats
from slimmer.image.new_paths import NewPath
from slimmer.image.packages import Package
from slimmer.report import vulnerability_document
from slimmer.report.comparison import Comparison, differences, quotient
from slimmer.report.gate import Gate
from slimmer.report.since import Since
from slimmer.report.vulnerabilities import Vulnerabilities
from slimmer.report.vulnerability_document import VulnerabilityDocument
from slimmer.versioned_json import Format, Version


class ComparedPackages(Struct, frozen=True):
    """The packages of an image. `unread_databases` exist but could not be read, so their packages are not counted."""

    count: int
    by_manager: dict[str, int]
    unread_databases: tuple[str, ...]
    installed: tuple[Package, ...]


class ComparedImage(Struct, frozen=True, kw_only=True):
    """The contents of an image. Sizes are in bytes. `shells` and `package_managers` are found by the names of programs.

    `size` is that of its files, unpacked: a file with several names counts once. `layers_size` is that of the layers as tar archives.
    `compressed_size` (gzip) and `compressed_size_zstd` are those of the layers in a registry.
    """

    name: str
    id: str
    size: int
    layers_size: int
    compressed_size: int
    compressed_size_zstd: int
    layers: int
    files: int
    directories: int
    links: int
    executables: int
    setuid: tuple[str, ...]
    setgid: tuple[str, ...]
    capabilities: tuple[str, ...]
    shells: tuple[str, ...]
    packages: ComparedPackages
    package_managers: tuple[str, ...] | None = None
    paths: int | None = None


class Ratios(Struct, frozen=True):
    """How many times larger the first image is; null if the second value is 0."""

    size: float | None
    layers_size: float | None
    compressed_size: float | None
    compressed_size_zstd: float | None
    files: float | None


class ConfigurationDifference(Struct, frozen=True):
    """A part of the configuration in both images. For a list, only the entries that the other image lacks."""

    before: Any
    after: Any


class NewFiles(Struct, frozen=True):
    """The number of paths that only the second image has, or has with other content, and the first of them."""

    count: int
    paths: tuple[NewPath, ...]


class ComparisonDocument(Struct, frozen=True):
    """Two images side by side.

    `new_files` is null unless the files were compared (--fail-on new-file). `gates` are what --max-size, --min-ratio and --fail-on demand;
    `ok` is true if none failed. `since` is what changed since --baseline. `warnings` has those of --report, too, and `unproven` what the
    build did not prove. `vulnerabilities` is null without --vulnerabilities. Its findings are the first of those that are not gone, the worst
    first.
    """

    before: ComparedImage
    after: ComparedImage
    ratio: Ratios
    configuration: dict[str, ConfigurationDifference]
    new_files: NewFiles | None = None
    ok: bool = True
    gates: tuple[Gate, ...] = ()
    since: Since | None = None
    warnings: tuple[str, ...] = ()
    unproven: tuple[str, ...] = ()
    vulnerabilities: VulnerabilityDocument | None = None


FORMAT = Format("slimmer-comparison", Version(1, 2), ComparisonDocument)

FINDINGS = 1000
"""The most findings that a document lists. It also has the numbers of all."""

NEW_FILES = 1000
"""The most new paths that a document lists. It also has the number of all."""


def as_json(comparison: Comparison) -> str:
    """Return the comparison as JSON in ASCII, because names in images need not be UTF-8."""
    before, after = comparison.before, comparison.after
    document = ComparisonDocument(
        before=_image(comparison.before_name, before),
        after=_image(comparison.after_name, after),
        ratio=Ratios(
            size=comparison.ratio,
            layers_size=quotient(before.layer_sizes.tar, after.layer_sizes.tar),
            compressed_size=quotient(before.layer_sizes.gzip, after.layer_sizes.gzip),
            compressed_size_zstd=quotient(before.layer_sizes.zstd, after.layer_sizes.zstd),
            files=quotient(before.files, after.files),
        ),
        configuration={name: ConfigurationDifference(first, second) for name, first, second in differences(comparison)},
        new_files=_new_files(comparison.new_files),
        ok=comparison.ok,
        gates=comparison.gates,
        since=comparison.since,
        warnings=comparison.warnings,
        unproven=comparison.build.unproven if comparison.build else (),
        vulnerabilities=_vulnerabilities(comparison.vulnerabilities),
    )
    return json.dumps({**FORMAT.head, **to_builtins(document)}, indent=2)


def _image(name: str, stats: ImageStats) -> ComparedImage:
    return ComparedImage(
        name=name,
        id=stats.config.image_id,
        size=stats.size,
        layers_size=stats.layer_sizes.tar,
        compressed_size=stats.layer_sizes.gzip,
        compressed_size_zstd=stats.layer_sizes.zstd,
        layers=stats.layers,
        files=stats.files,
        directories=stats.directories,
        links=stats.links,
        executables=stats.executables,
        setuid=stats.setuid,
        setgid=stats.setgid,
        capabilities=stats.capable,
        shells=stats.shells,
        packages=ComparedPackages(
            count=len(stats.packages),
            by_manager=dict(stats.packages_by_manager),
            unread_databases=stats.unread,
            installed=stats.packages,
        ),
        package_managers=stats.package_managers,
        paths=stats.paths,
    )


def _new_files(found: Sequence[NewPath] | None) -> NewFiles | None:
    return None if found is None else NewFiles(len(found), tuple(found[:NEW_FILES]))


def _vulnerabilities(found: Vulnerabilities | None) -> VulnerabilityDocument | None:
    return None if found is None else vulnerability_document.document(found, found.left[:FINDINGS])
