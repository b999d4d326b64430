"""Read what `grype IMAGE -o json` writes.

Sources: Grype's presenter (grype/presenter/models/document.go, match.go, package.go, source.go); Syft's types of packages
(syft/pkg/type.go).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from msgspec import Struct, field

from slimmer.scans.coordinates import Coordinates, coordinates, from_purl
from slimmer.scans.locations import absolute, is_list
from slimmer.scans.scan import Finding, Scan, ScannedImage, digest_of, severity

KINDS = {
    "deb": "deb", "apk": "apk", "rpm": "rpm", "python": "pypi", "npm": "npm", "gem": "gem", "php-composer": "composer",
    "go-module": "golang", "java-archive": "maven", "jenkins-plugin": "maven", "rust-crate": "cargo", "dotnet": "nuget", "hex": "hex",
    "lua-rocks": "luarocks",
}  # fmt: skip
"""The type of a package URL by Syft's type of a package, for packages without a package URL."""

WHOLE = frozenset(("java-archive", "jenkins-plugin", "go-module", "rust-crate"))
"""Types whose location in an image is the file that holds the package, unless that file is only a list.

The type "binary" is not among them: Syft knows a JDK by its file `release`, Go by `VERSION`, and MySQL by its client program."""


class Location(Struct, frozen=True, gc=False):
    """A path of the image, links resolved."""

    path: str = ""


class Artifact(Struct, frozen=True, gc=False):
    """The package of a match."""

    name: str
    version: str = ""
    type: str = ""
    purl: str = ""
    locations: tuple[Location, ...] | None = None


class Vulnerability(Struct, frozen=True, gc=False):
    """A vulnerability, or one that another database has under this identifier."""

    id: str
    severity: str = ""


class Match(Struct, frozen=True, gc=False):
    """A vulnerability of a package."""

    vulnerability: Vulnerability
    artifact: Artifact
    related: tuple[Vulnerability, ...] | None = field(default=None, name="relatedVulnerabilities")


class Target(Struct, frozen=True, gc=False):
    """The image that was scanned."""

    user_input: str = field(default="", name="userInput")
    image_id: str = field(default="", name="imageID")
    manifest_digest: str = field(default="", name="manifestDigest")
    tags: tuple[str, ...] | None = None
    digests: tuple[str, ...] | None = field(default=None, name="repoDigests")


class Source(Struct, frozen=True, gc=False):
    """What was scanned. `target` is a path if it is a folder or a file."""

    type: str = ""
    target: Target | str | None = None


class Descriptor(Struct, frozen=True, gc=False):
    """The program that wrote the document."""

    name: str = ""
    version: str = ""


class Document(Struct, frozen=True, gc=False):
    """The parts of Grype's document that slimmer reads."""

    matches: tuple[Match, ...]
    source: Source | None = None
    descriptor: Descriptor = Descriptor()


def scan_of(document: Document) -> Scan:
    """Return a document as a scan."""
    version = f" {document.descriptor.version}" if document.descriptor.version[:1].isdigit() else ""
    return Scan(f"grype{version}", _image(document.source), tuple(dict.fromkeys(_findings(document))))


def _image(source: Source | None) -> ScannedImage:
    if source is None:
        return ScannedImage("")
    target = source.target
    if not isinstance(target, Target):
        return ScannedImage(source.type, (target or "",))
    names = (target.user_input, *(target.tags or ()), *(target.digests or ()))
    digests = map(digest_of, (target.image_id, target.manifest_digest, *(target.digests or ())))
    return ScannedImage(source.type, tuple(dict.fromkeys(filter(None, names))), frozenset(filter(None, digests)))


def _findings(document: Document) -> Iterator[Finding]:
    for match in document.matches:
        artifact = match.artifact
        paths = tuple(filter(None, (absolute(place.path) for place in artifact.locations or ())))
        whole = artifact.type in WHOLE and not any(is_list(posixpath.basename(path)) for path in paths)
        yield Finding(
            vulnerability=match.vulnerability.id,
            severity=severity(match.vulnerability.severity),
            package=_package(artifact),
            aliases=tuple(dict.fromkeys(one.id for one in match.related or () if one.id != match.vulnerability.id)),
            purl=artifact.purl,
            locations=paths,
            whole=whole and bool(paths),
        )


def _package(artifact: Artifact) -> Coordinates:
    found = from_purl(artifact.purl)
    return found or coordinates(KINDS.get(artifact.type, ""), artifact.name, artifact.version)
