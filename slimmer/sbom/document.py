"""What a software bill of materials says, whatever its format."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from slimmer.image.os_release import Release

EPOCH = "SOURCE_DATE_EPOCH"
"""The variable that sets the document's time: reproducible-builds.org, "SOURCE_DATE_EPOCH"."""

_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(?:Z|\+00:00)")
_NAMESPACE = uuid.UUID("a3e5a6a6-6d6b-5d52-9f6a-6d0f2f3f9a10")
"""The namespace of the identifiers of slimmer's documents (RFC 9562, 5.5). It was made once and never changes."""


@dataclass(frozen=True, slots=True)
class SbomFile:
    """A file or link that is in the image. The digests are in hex; "" for a link, and for what is not known."""

    path: str
    sha256: str = ""
    sha1: str = ""


@dataclass(frozen=True, slots=True)
class SbomPackage:
    """A package. `manager` is deb, apk, rpm, python, node, ruby, php, java or go; `purl` is its package URL, or "".

    `licences` are as the package declares them. `files` counts its files and links in the original image, `kept` those in the slim image; `kept` is None
    if there is no slim image. `kept_files` are these files, if the document is about the slim image.
    """

    manager: str
    name: str
    version: str
    purl: str
    licences: tuple[str, ...]
    files: int
    kept: int | None = None
    kept_files: tuple[SbomFile, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Sbom:
    """The bill of materials of an image.

    `image` is its name, and `digest` identifies its content: "sha256:" and the image's ID in hex, or for the output of `slimmer keep`, which made no
    image, the digest of rootfs.tar. `created` is the time of the document: SOURCE_DATE_EPOCH, or when the original was made. `other_files` are files
    of the slim image that belong to no package. `lists_files`: the document is about a slim image, all of whose files are known.
    """

    image: str
    digest: str
    created: str
    release: Release
    packages: tuple[SbomPackage, ...]
    other_files: tuple[SbomFile, ...] = field(default=(), repr=False)
    lists_files: bool = False

    @property
    def hex_digest(self) -> str:
        """The digest without its algorithm; "" if it is no SHA-256."""
        algorithm, _, value = self.digest.partition(":")
        return value if algorithm == "sha256" and re.fullmatch("[0-9a-f]{64}", value) else ""

    def identifier(self, form: str) -> str:
        """Return a UUID that is the same for the same content in this format."""
        return str(uuid.uuid5(_NAMESPACE, f"{form} {self.digest}"))

    def cyclonedx(self) -> Iterator[str]:
        """Yield the document in CycloneDX 1.6, as pieces of JSON."""
        from slimmer.sbom.cyclonedx import pieces

        return pieces(self)

    def spdx(self) -> Iterator[str]:
        """Yield the document in SPDX 2.3, as pieces of JSON."""
        from slimmer.sbom.spdx import pieces

        return pieces(self)


def document_time(created: str) -> str:
    """Return SOURCE_DATE_EPOCH if it is set and a number, or else this creation time (RFC 3339), in UTC and whole seconds.

    1970-01-01T00:00:00Z stands for a time that is not known.
    """
    epoch = os.environ.get(EPOCH, "")
    if re.fullmatch("[0-9]{1,10}", epoch):
        return f"{datetime.fromtimestamp(int(epoch), UTC):%Y-%m-%dT%H:%M:%SZ}"
    match = _TIME.fullmatch(created)
    try:
        known = match is not None and datetime.fromisoformat(match[1]).year >= 1970
    except ValueError:
        known = False
    return f"{match[1]}Z" if match and known else "1970-01-01T00:00:00Z"
