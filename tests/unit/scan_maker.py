"""Documents of Grype and Trivy, with the fields and the spelling that their presenters give them, as far as slimmer reads them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ORIGINAL, OTHER, SLIM = (f"sha256:{digit * 64}" for digit in "123")


def grype_match(
    vulnerability: str = "CVE-2023-1",
    name: str = "bash",
    version: str = "5.2-1",
    *,
    severity: str = "High",
    type: str = "deb",
    purl: str = "",
    paths: tuple[str, ...] = (),
    related: tuple[str, ...] = (),
) -> dict[str, Any]:
    """A match, as Grype 0.110 writes it."""
    return {
        "vulnerability": {
            "id": vulnerability,
            "dataSource": "https://example.org",
            "severity": severity,
            "urls": [],
            "cvss": [{"version": "3.1", "metrics": {"baseScore": 8.2}}],
            "fix": {"versions": ["5.3"], "state": "fixed"},
            "advisories": [],
            "risk": 1.68,
        },
        "relatedVulnerabilities": [{"id": one, "severity": "High", "cvss": []} for one in related],
        "matchDetails": [{"type": "exact-direct-match", "matcher": "dpkg-matcher", "searchedBy": {}, "found": {}}],
        "artifact": {
            "id": "a246fd2054833c93",
            "name": name,
            "version": version,
            "type": type,
            "locations": [{"path": path, "layerID": "sha256:1", "accessPath": path} for path in paths],
            "language": "",
            "licenses": [],
            "cpes": [],
            "purl": purl,
            "upstreams": [],
        },
    }


def grype(*matches: dict[str, Any], image: str = ORIGINAL, name: str = "app:latest", **more: Any) -> dict[str, Any]:
    """A document of Grype."""
    target = {
        "userInput": name,
        "imageID": image,
        "manifestDigest": f"sha256:{'e' * 64}",
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "tags": [name],
        "imageSize": 65,
        "layers": [],
        "repoDigests": [],
    }
    return {
        "matches": list(matches),
        "ignoredMatches": [],
        "source": {"type": "image", "target": target},
        "distro": {"name": "debian", "version": "12", "idLike": []},
        "descriptor": {"name": "grype", "version": "0.110.0"},
        **more,
    }


def trivy_finding(
    vulnerability: str = "CVE-2023-1",
    name: str = "bash",
    version: str = "5.2-1",
    *,
    severity: str = "HIGH",
    purl: str = "",
    path: str = "",
) -> dict[str, Any]:
    """A vulnerability, as Trivy 0.60 writes it."""
    found = {
        "VulnerabilityID": vulnerability,
        "VendorIDs": ["DSA-4613-1"],
        "PkgID": f"{name}@{version}",
        "PkgName": name,
        "PkgIdentifier": {"PURL": purl, "UID": "8c51c23e51c8ef16"} if purl else {},
        "InstalledVersion": version,
        "FixedVersion": "5.3",
        "Status": "fixed",
        "Layer": {"Digest": "sha256:1", "DiffID": "sha256:2"},
        "Severity": severity,
        "CVSS": {"nvd": {"V3Score": 9.8}},
    }
    return found | ({"PkgPath": path} if path else {})


def trivy(*results: dict[str, Any], image: str = ORIGINAL, name: str = "app:latest", **more: Any) -> dict[str, Any]:
    """A document of Trivy."""
    return {
        "SchemaVersion": 2,
        "Trivy": {"Version": "0.60.0"},
        "CreatedAt": "2021-08-25T12:20:30.000000005Z",
        "ArtifactName": name,
        "ArtifactType": "container_image",
        "Metadata": {"OS": {"Family": "debian", "Name": "12.5"}, "ImageID": image, "DiffIDs": [], "RepoTags": [name]},
        "Results": list(results),
        **more,
    }


def trivy_result(
    *found: dict[str, Any], target: str = "app:latest (debian 12.5)", kind: str = "debian"
) -> dict[str, Any]:
    """A result of Trivy. A kind of a distribution is one of those that the tests use."""
    system = kind in ("debian", "alpine", "redhat")
    return {
        "Target": target,
        "Class": "os-pkgs" if system else "lang-pkgs",
        "Type": kind,
        "Vulnerabilities": list(found),
    }


def written(folder: Path, document: Any, name: str = "scan.json") -> Path:
    """A file with a document."""
    file = folder / name
    file.write_text(json.dumps(document))
    return file
