"""Write a bill of materials in CycloneDX 1.6: one component a line, so that two documents can be compared line by line.

Source: CycloneDX 1.6, bom-1.6.schema.json.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from slimmer.sbom.document import Sbom, SbomFile, SbomPackage
from slimmer.sbom.licences import all_of, spdx_expression
from slimmer.version import __version__

FILE = "sbom.cdx.json"
IMAGE = "image"
"""The reference of the component that stands for the image."""


def pieces(sbom: Sbom) -> Iterator[str]:
    """Yield the document as pieces of text in ASCII."""
    head = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{sbom.identifier('cyclonedx')}",
        "version": 1,
        "metadata": {
            "timestamp": sbom.created,
            "tools": {"components": [{"type": "application", "name": "slimmer", "version": __version__}]},
            "component": _image(sbom),
        },
    }
    yield json.dumps(head, indent=2)[:-2] + ',\n  "components": ['
    separator = "\n    "
    for component in _components(sbom):
        yield separator + json.dumps(component)
        separator = ",\n    "
    references = [_reference(number) for number, _ in enumerate(sbom.packages)]
    yield '\n  ],\n  "dependencies": ' + json.dumps([{"ref": IMAGE, "dependsOn": references}]) + "\n}\n"


def _image(sbom: Sbom) -> dict[str, Any]:
    digest = sbom.hex_digest
    return {
        "type": "container",
        "bom-ref": IMAGE,
        "name": sbom.image,
        "version": sbom.digest,
        **({"hashes": [{"alg": "SHA-256", "content": digest}]} if digest else {}),
    }


def _components(sbom: Sbom) -> Iterator[dict[str, Any]]:
    if sbom.release.id:
        version = {"version": sbom.release.version} if sbom.release.version else {}
        yield {"type": "operating-system", "name": sbom.release.id, **version}
    for number, package in enumerate(sbom.packages):
        yield _package(package, _reference(number))
    for file in sbom.other_files:
        yield _file(file)


def _package(package: SbomPackage, reference: str) -> dict[str, Any]:
    counts = {"slimmer:files": package.files, "slimmer:kept-files": package.kept}
    return {
        "type": "library",
        "bom-ref": reference,
        "name": package.name,
        **({"version": package.version} if package.version else {}),
        **({"purl": package.purl} if package.purl else {}),
        **({"licenses": _licences(package.licences)} if package.licences else {}),
        "properties": [
            {"name": "slimmer:manager", "value": package.manager},
            *({"name": name, "value": str(count)} for name, count in counts.items() if count is not None),
        ],
        **({"components": [_file(file) for file in package.kept_files]} if package.kept_files else {}),
    }


def _licences(licences: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return one expression if all licences have one; the schema allows no expression beside other licences."""
    expressions = [spdx_expression(licence) for licence in licences]
    if all(expressions):
        return [{"expression": all_of(expressions)}]
    return [{"license": {"name": licence}} for licence in licences]


def _file(file: SbomFile) -> dict[str, Any]:
    hashes = {"SHA-1": file.sha1, "SHA-256": file.sha256}
    known = [{"alg": name, "content": value} for name, value in hashes.items() if value]
    return {"type": "file", "name": file.path, **({"hashes": known} if known else {})}


def _reference(number: int) -> str:
    return f"package-{number}"
