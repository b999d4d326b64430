"""Write a bill of materials in SPDX 2.3 as JSON: one element a line, so that two documents can be compared line by line.

A file of SPDX needs its SHA-1 and belongs to a package whose files were all analyzed. So a document lists files only if it is about a slim
image: then a package stands for its part in that image. Links have no content, and are no files of SPDX. Source: SPDX 2.3, clauses 6 to
11, and its JSON schema.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any

from slimmer.sbom.document import Sbom, SbomFile, SbomPackage
from slimmer.sbom.licences import all_of, reference, spdx_expression
from slimmer.version import __version__

FILE = "sbom.spdx.json"
DOCUMENT, IMAGE = "SPDXRef-DOCUMENT", "SPDXRef-Image"
UNKNOWN = "NOASSERTION"


def pieces(sbom: Sbom) -> Iterator[str]:
    """Yield the document as pieces of text in ASCII."""
    numbers = _numbers(sbom)
    head = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": DOCUMENT,
        "name": sbom.image,
        "documentNamespace": f"urn:uuid:{sbom.identifier('spdx')}",
        "creationInfo": {"created": sbom.created, "creators": [f"Tool: slimmer-{__version__}"]},
    }
    yield json.dumps(head, indent=2)[:-2]
    yield from _list("packages", [_image(sbom, numbers)], (_package(*each) for each in enumerate(sbom.packages)))
    yield from _list("files", (_file(file, numbers) for file in _files(sbom)))
    yield from _list("relationships", _relationships(sbom, numbers))
    yield from _list("hasExtractedLicensingInfos", _extracted(sbom))
    yield "\n}\n"


def _list(name: str, *elements: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Yield a member of the document that is a list; nothing if it is empty."""
    begin = f',\n  "{name}": [\n    '
    empty = True
    for element in (one for some in elements for one in some):
        yield (begin if empty else ",\n    ") + json.dumps(element)
        empty = False
    if not empty:
        yield "\n  ]"


def _files(sbom: Sbom) -> Iterator[SbomFile]:
    """Yield each file with content once. A file may belong to several packages."""
    seen: set[str] = set()
    for file in (*(file for package in sbom.packages for file in package.kept_files), *sbom.other_files):
        if file.sha1 and file.path not in seen:
            seen.add(file.path)
            yield file


def _numbers(sbom: Sbom) -> dict[str, int]:
    return {file.path: number for number, file in enumerate(_files(sbom))}


def _image(sbom: Sbom, numbers: dict[str, int]) -> dict[str, Any]:
    digest = sbom.hex_digest
    return {
        "SPDXID": IMAGE,
        "name": sbom.image,
        "versionInfo": sbom.digest,
        "downloadLocation": UNKNOWN,
        **_analyzed(_files(sbom) if sbom.lists_files and numbers else ()),
        **({"checksums": [{"algorithm": "SHA256", "checksumValue": digest}]} if digest else {}),
        "licenseConcluded": UNKNOWN,
        "licenseDeclared": UNKNOWN,
        "copyrightText": UNKNOWN,
        "primaryPackagePurpose": "CONTAINER",
    }


def _package(number: int, package: SbomPackage) -> dict[str, Any]:
    kept = "" if package.kept is None else f"slimmer:kept-files={package.kept} "
    purl = {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": package.purl}
    return {
        "SPDXID": _package_id(number),
        "name": package.name,
        **({"versionInfo": package.version} if package.version else {}),
        "downloadLocation": UNKNOWN,
        **_analyzed(package.kept_files),
        "licenseConcluded": UNKNOWN,
        "licenseDeclared": all_of(_declared(package)) or UNKNOWN,
        "copyrightText": UNKNOWN,
        "comment": f"{kept}slimmer:files={package.files} slimmer:manager={package.manager}",
        **({"externalRefs": [purl]} if package.purl else {}),
    }


def _analyzed(files: Iterable[SbomFile]) -> dict[str, Any]:
    """Return if all files of a package were analyzed, with the code that is made of their digests (SPDX 2.3, 7.9)."""
    digests = sorted(file.sha1 for file in files if file.sha1)
    if not digests:
        return {"filesAnalyzed": False}
    code = hashlib.sha1("".join(digests).encode("ascii"), usedforsecurity=False).hexdigest()
    return {"filesAnalyzed": True, "packageVerificationCode": {"packageVerificationCodeValue": code}}


def _file(file: SbomFile, numbers: dict[str, int]) -> dict[str, Any]:
    checksums = {"SHA1": file.sha1, "SHA256": file.sha256}
    return {
        "SPDXID": _file_id(numbers[file.path]),
        "fileName": f".{file.path}",
        "checksums": [{"algorithm": name, "checksumValue": value} for name, value in checksums.items() if value],
        "licenseConcluded": UNKNOWN,
        "licenseInfoInFiles": [UNKNOWN],
        "copyrightText": UNKNOWN,
    }


def _relationships(sbom: Sbom, numbers: dict[str, int]) -> Iterator[dict[str, str]]:
    yield _relationship(DOCUMENT, "DESCRIBES", IMAGE)
    for number, package in enumerate(sbom.packages):
        yield _relationship(IMAGE, "CONTAINS", _package_id(number))
        for file in package.kept_files:
            if file.path in numbers:
                yield _relationship(_package_id(number), "CONTAINS", _file_id(numbers[file.path]))
    for file in sbom.other_files:
        if file.path in numbers:
            yield _relationship(IMAGE, "CONTAINS", _file_id(numbers[file.path]))


def _relationship(element: str, kind: str, other: str) -> dict[str, str]:
    return {"spdxElementId": element, "relationshipType": kind, "relatedSpdxElement": other}


def _declared(package: SbomPackage) -> Iterator[str]:
    return (spdx_expression(licence) or reference(licence) for licence in package.licences)


def _extracted(sbom: Sbom) -> Iterator[dict[str, str]]:
    """Yield the licences that are not on SPDX's list. Packages give their names, but not their texts."""
    names = dict.fromkeys(licence for package in sbom.packages for licence in package.licences)
    for name in names:
        if not spdx_expression(name):
            yield {"licenseId": reference(name), "name": name, "extractedText": name}


def _package_id(number: int) -> str:
    return f"SPDXRef-Package-{number}"


def _file_id(number: int) -> str:
    return f"SPDXRef-File-{number}"
