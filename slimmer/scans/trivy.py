"""Read what `trivy image --format json` writes.

Sources: Trivy's report (pkg/types/report.go, vulnerability.go, artifact.go) and its types of results (pkg/fanal/types/const.go).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from msgspec import Struct, field

from slimmer.scans.coordinates import Coordinates, coordinates, from_purl
from slimmer.scans.locations import absolute, is_list
from slimmer.scans.scan import Finding, Scan, ScannedImage, digest_of, severity

SCHEMA = 2
"""The version of the schema that Trivy has written since 0.20."""

OS_PACKAGES = "os-pkgs"
"""The class of results for the packages of a distribution."""

_DEB = ("debian", "ubuntu", "echo")
_APK = ("alpine", "wolfi", "chainguard", "minimos")
KINDS = {
    **dict.fromkeys(_DEB, "deb"), **dict.fromkeys(_APK, "apk"),
    "python-pkg": "pypi", "node-pkg": "npm", "gemspec": "gem", "composer-vendor": "composer", "jar": "maven", "gobinary": "golang",
    "rustbinary": "cargo", "dotnet-core": "nuget",
}  # fmt: skip
"""The type of a package URL by the type of a result, for packages without a package URL. Other distributions have rpm."""

WHOLE = frozenset(("jar", "gobinary", "rustbinary"))
"""Types of results whose path is the file that holds the package. For programs, it is the name of the result."""


class Identifier(Struct, frozen=True, gc=False, rename="pascal"):
    """How a package is known to others."""

    purl: str = field(default="", name="PURL")


class Vulnerability(Struct, frozen=True, gc=False, rename="pascal"):
    """A vulnerability of a package. `pkg_path` is relative to the root of the image."""

    identifier: str = field(name="VulnerabilityID")
    pkg_name: str
    pkg_path: str = ""
    pkg_identifier: Identifier = Identifier()
    installed_version: str = ""
    severity: str = ""


class Result(Struct, frozen=True, gc=False, rename="pascal"):
    """The vulnerabilities of one distribution, language or file."""

    target: str = ""
    class_: str = field(default="", name="Class")
    type: str = ""
    vulnerabilities: tuple[Vulnerability, ...] | None = None


class Metadata(Struct, frozen=True, gc=False, rename="pascal"):
    """The image that was scanned."""

    image_id: str = field(default="", name="ImageID")
    repo_tags: tuple[str, ...] | None = None
    repo_digests: tuple[str, ...] | None = None


class Program(Struct, frozen=True, gc=False, rename="pascal"):
    """The program that wrote the document, if it says so."""

    version: str = ""


class Document(Struct, frozen=True, gc=False, rename="pascal"):
    """The parts of Trivy's report that slimmer reads."""

    schema_version: int
    artifact_name: str = ""
    artifact_type: str = ""
    metadata: Metadata = Metadata()
    results: tuple[Result, ...] | None = None
    trivy: Program = Program()


def scan_of(document: Document) -> Scan:
    """Return a document as a scan."""
    version = f" {document.trivy.version}" if document.trivy.version[:1].isdigit() else ""
    return Scan(f"trivy{version}", _image(document), tuple(dict.fromkeys(_findings(document))))


def _image(document: Document) -> ScannedImage:
    metadata = document.metadata
    names = (document.artifact_name, *(metadata.repo_tags or ()), *(metadata.repo_digests or ()))
    digests = map(digest_of, (metadata.image_id, *(metadata.repo_digests or ())))
    kind = "image" if document.artifact_type == "container_image" else document.artifact_type
    return ScannedImage(kind, tuple(dict.fromkeys(filter(None, names))), frozenset(filter(None, digests)))


def _findings(document: Document) -> Iterator[Finding]:
    for result in document.results or ():
        for found in result.vulnerabilities or ():
            path = _path(result, found)
            yield Finding(
                vulnerability=found.identifier,
                severity=severity(found.severity),
                package=_package(result, found),
                purl=found.pkg_identifier.purl,
                locations=(path,) if path else (),
                whole=bool(path) and result.type in WHOLE and not is_list(posixpath.basename(path)),
            )


def _path(result: Result, found: Vulnerability) -> str:
    """Return where a package is. Only packages of a distribution have no path; the name of their result is that of the image."""
    if found.pkg_path or result.class_ == OS_PACKAGES:
        return absolute(found.pkg_path)
    return absolute(result.target) if "/" in result.target or result.type in WHOLE else ""


def _package(result: Result, found: Vulnerability) -> Coordinates:
    package = from_purl(found.pkg_identifier.purl)
    if package is not None:
        return package
    kind = KINDS.get(result.type, "rpm" if result.class_ == OS_PACKAGES else "")
    name, namespace = found.pkg_name, ""
    if kind == "maven":
        namespace, _, name = name.rpartition(":")
    return coordinates(kind, name, found.installed_version, namespace)
