"""A scan of an image: the vulnerabilities that a scanner found in its packages."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from msgspec import Struct

from slimmer.errors import UsageError
from slimmer.formatting import listed, printable
from slimmer.image import reference
from slimmer.scans.coordinates import Coordinates

FORCE_HINT = "Scan the original. If you know that the scan is of the same image, add --force."


class Severity(StrEnum):
    """How bad a vulnerability is, in the scanner's opinion. The order is that of tables."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    NEGLIGIBLE = "negligible"
    UNKNOWN = "unknown"

    @property
    def rank(self) -> int:
        """The place in the order: 0 for the worst. An unknown severity may be any, and has the last place."""
        return tuple(Severity).index(self)


def severity(word: str) -> Severity:
    """Return the severity of a scanner's word in any case. A word that slimmer does not know is unknown."""
    try:
        return Severity(word.lower())
    except ValueError:
        return Severity.UNKNOWN


class Finding(Struct, frozen=True, gc=False, kw_only=True):
    """A vulnerability of a package. `aliases` are its other identifiers. `purl` is the package URL as the scanner gave it, or "".

    `locations` are absolute paths where the scanner saw the package; () if it does not say. `whole`: each location is a file that holds
    the package itself (a jar, a program), and not only a list that mentions it.
    """

    vulnerability: str
    severity: Severity
    package: Coordinates
    aliases: tuple[str, ...] = ()
    purl: str = ""
    locations: tuple[str, ...] = ()
    whole: bool = False


@dataclass(frozen=True, slots=True)
class ScannedImage:
    """The image that a scanner says it scanned: its names, and the SHA-256 digests (64 hex digits) of its configuration and manifests.

    `kind` is the scanner's word for what it scanned; "image" for an image.
    """

    kind: str
    names: tuple[str, ...] = ()
    digests: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Scan:
    """A scanner's document. `scanner` is its name with its version, if the document has it. Each finding is there once."""

    scanner: str
    image: ScannedImage
    findings: tuple[Finding, ...]


def digest_of(text: str) -> str:
    """Return the 64 hex digits of an ID or a digest (`sha256:…`, `NAME@sha256:…`); "" if it is none."""
    digits = text.rpartition("sha256:")[2].lower()
    return digits if len(digits) == 64 and all(c in "0123456789abcdef" for c in digits) else ""


def check_image(scanned: ScannedImage, names: Collection[str], digests: Collection[str]) -> None:
    """Raise UsageError if a scan is of another image than the one with these names and digests (IDs or repository digests).

    A digest decides if the scan has one. Otherwise, a name must be the same, with its tag.
    """
    expected = listed(sorted({*filter(None, names)})) or listed(sorted(digests)) or "the image"
    what = listed(map(printable, scanned.names), 2) or listed(f"sha256:{digest}" for digest in sorted(scanned.digests))
    if scanned.kind != "image":
        kind = printable(scanned.kind)[:40] or "nothing that it names"
        raise UsageError(f"the scan is not of an image, but of {kind}, and not of {expected}", hint=FORCE_HINT)
    same_name = {*map(_full_name, scanned.names)} & {*map(_full_name, names)} - {""}
    if scanned.digests:
        if not scanned.digests & {digest_of(digest) for digest in digests}:
            if same_name:
                own = " or ".join(sorted({digest_of(digest)[:12] for digest in digests} - {""}))
                raise UsageError(
                    f"the scan is of another image with the name {what}: it has no digest {own}…", hint=FORCE_HINT
                )
            raise UsageError(f"the scan is of another image: {what}, not of {expected}", hint=FORCE_HINT)
    elif not same_name:
        raise UsageError(f"the scan is of {what or 'an image without a name'}, not of {expected}", hint=FORCE_HINT)


def _full_name(name: str) -> str:
    """Return a name with its tag as the docker client shows it; "" if it is no name."""
    try:
        parsed = reference.parse(name)
    except UsageError:
        return ""
    return f"{reference.familiar(parsed.name)}:{parsed.tag or 'latest'}" if parsed.is_name else ""
