"""What a VEX document says about a slim image: the packages that it does not have, and whose vulnerabilities do not affect it.

Only `not_affected` is stated, and only for packages of which no copy is in the image. Other findings are left out: the status
`under_investigation` would promise that somebody looks into them, and slimmer knows of nobody.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from slimmer.errors import UsageError
from slimmer.image import reference
from slimmer.report.verdict import Judged
from slimmer.scans.coordinates import plain_purl
from slimmer.scans.scan import Severity, digest_of

UNKNOWN_AUTHOR = "Unknown Author"
"""The author if the user names none, as vexctl writes it. The specification wants a person or an organization, which slimmer is not."""

PRODUCT_HINT = "Name the image as it is in the registry, with its digest: --image registry.example/team/shop@sha256:…"

NOTE = "No file of these packages is in the image: slimmer's manifest lists all of its files."

_NAMESPACE = uuid.UUID("6f0a3c1e-8a43-5d0c-9a53-0f5d1c6b7a11")


@dataclass(frozen=True, slots=True)
class Product:
    """The slim image as VEX documents name it: its name, its digest (sha256:…) and its package URL."""

    name: str
    digest: str
    purl: str


@dataclass(frozen=True, slots=True)
class Statement:
    """A vulnerability that does not affect the slim image, with the package URLs of the absent packages.

    `elsewhere`: the vulnerability also has findings that are not gone. `aliases` are its other identifiers.
    """

    vulnerability: str
    aliases: tuple[str, ...]
    severity: Severity
    packages: tuple[str, ...]
    elsewhere: bool


@dataclass(frozen=True, slots=True)
class VexFacts:
    """All that a VEX document needs. `time` is in UTC, `tooling` the program that makes the document, with its version."""

    product: Product
    author: str
    time: datetime
    tooling: str
    statements: tuple[Statement, ...]

    @property
    def identity(self) -> uuid.UUID:
        """An identifier that depends on the content alone, so that the same facts give the same document."""
        return uuid.uuid5(
            _NAMESPACE, repr((self.product, self.author, self.time.isoformat(), self.tooling, self.statements))
        )


def product(name: str, digest: str) -> Product:
    """Return the product for an image's name, with or without a tag and a digest, and its digest or ID.

    Its package URL has no qualifiers, because scanners differ in theirs and compare them (purl specification, type oci). Raises UsageError
    for an image without a name or without a digest.
    """
    from packageurl import PackageURL  # imported when it is used

    parsed = reference.parse(name) if name else reference.Reference("")
    digits = digest_of(parsed.digest) or digest_of(digest)
    if not parsed.is_name or not digits:
        lacks = "digest" if parsed.is_name else "name"
        raise UsageError(
            f"a VEX document needs the slim image's {lacks}, and {name or 'it'} has none", hint=PRODUCT_HINT
        )
    last = parsed.name.rpartition("/")[2]
    return Product(parsed.name, f"sha256:{digits}", PackageURL("oci", None, last, f"sha256:{digits}").to_string())


def statements(judged: Iterable[Judged]) -> tuple[Statement, ...]:
    """Return the statements, sorted by vulnerability. A package without a package URL cannot be named, and gets none."""
    found = list(judged)
    left = {name for one in found if not one.absent for name in (one.finding.vulnerability, *one.finding.aliases)}
    by_name: dict[str, list[Judged]] = {}
    for one in found:
        if one.absent:
            by_name.setdefault(one.finding.vulnerability, []).append(one)
    return tuple(_statements(by_name, left))


def _statements(by_name: dict[str, list[Judged]], left: set[str]) -> Iterator[Statement]:
    for name, judged in sorted(by_name.items()):
        packages = {plain_purl(one.finding.package, one.finding.purl) for one in judged} - {""}
        aliases = sorted({alias for one in judged for alias in one.finding.aliases} - {name})
        if packages and name:
            severity = min((one.finding.severity for one in judged), key=lambda severity: severity.rank)
            elsewhere = not left.isdisjoint((name, *aliases))
            yield Statement(name, tuple(aliases), severity, tuple(sorted(packages)), elsewhere)
