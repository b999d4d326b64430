"""Read the document of a scanner. It may come from another machine, and is not trusted.

The scanner is found by the content. A document of a version that slimmer does not know is read if it has the fields that slimmer needs.
"""

from __future__ import annotations

from pathlib import Path

from msgspec import UNSET, Raw, Struct, UnsetType, field

from slimmer.errors import UsageError
from slimmer.scans import grype, trivy
from slimmer.scans.scan import Scan
from slimmer.versioned_json import decode, reading

LIMIT = 256 << 20
"""The most bytes of a document. Grype writes about 5 kB for each finding."""

FINDINGS = 250_000
"""The most findings of a document. An image with a whole distribution has fewer than 100,000."""

HINT = "Scan the original: grype IMAGE -o json > scan.json, or trivy image --format json --output scan.json IMAGE."

_PIECE = 1 << 20
_MARK = b"\xef\xbb\xbf"


class Head(Struct, frozen=True):
    """The fields that tell what a document is. Their values are not looked at."""

    matches: Raw | UnsetType = UNSET
    schema_version: Raw | UnsetType = field(default=UNSET, name="SchemaVersion")
    bom_format: Raw | UnsetType = field(default=UNSET, name="bomFormat")
    spdx: Raw | UnsetType = field(default=UNSET, name="spdxVersion")
    runs: Raw | UnsetType = UNSET
    artifacts: Raw | UnsetType = UNSET
    statements: Raw | UnsetType = UNSET


_OTHERS = {
    "bom_format": "a CycloneDX document",
    "spdx": "an SPDX document",
    "runs": "a SARIF document",
    "artifacts": "a list of packages from Syft, without vulnerabilities",
    "statements": "a VEX document",
}


def read_scan(option: str, file: Path) -> Scan:
    """Read the document of Grype or Trivy. `option` is named in errors. Raise UsageError if that fails."""
    content = _content(option, file)
    with reading(str(file), "a scan", HINT):
        return parse_scan(content)


def parse_scan(content: bytes | bytearray) -> Scan:
    """Return the scan in a document. Raise ValueError or RecursionError for anything else."""
    head = decode(content, Head)
    if head.matches is not UNSET:
        scan = grype.scan_of(decode(content, grype.Document))
    elif head.schema_version is not UNSET:
        scan = _of_trivy(content, bytes(head.schema_version))
    else:
        raise ValueError(_instead(head))
    if len(scan.findings) > FINDINGS:
        raise ValueError(f"it has more than {FINDINGS:,} findings")
    return scan


def _content(option: str, file: Path) -> bytearray:
    content = bytearray()
    try:
        with file.open("rb") as opened:
            while piece := opened.read(_PIECE):
                content += piece
                if len(content) > LIMIT:
                    raise UsageError(f"{option} {file}: larger than {LIMIT >> 20} MiB", hint=HINT)
    except OSError as error:
        raise UsageError(f"{option} {file}: {error.strerror}", hint=HINT) from error
    if content.startswith(_MARK):
        del content[: len(_MARK)]
    return content


def _of_trivy(content: bytes | bytearray, version: bytes) -> Scan:
    try:
        return trivy.scan_of(decode(content, trivy.Document))
    except ValueError as error:
        if version == str(trivy.SCHEMA).encode():
            raise
        shown = version[:20].decode(errors="replace")
        raise ValueError(
            f"it has version {shown} of Trivy's schema, and slimmer knows {trivy.SCHEMA}; {error}"
        ) from error


def _instead(head: Head) -> str:
    """Return in words what a document is if it is not one of Grype's or Trivy's."""
    what = next((words for name, words in _OTHERS.items() if getattr(head, name) is not UNSET), "")
    known = "it has neither the `matches` of Grype nor the `SchemaVersion` of Trivy"
    return f"it is {what}; {known}" if what else known
