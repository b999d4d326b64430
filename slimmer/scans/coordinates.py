"""The coordinates of a package: what names it in every scanner's document, whatever else its package URL says."""

from __future__ import annotations

import posixpath
import re
from functools import lru_cache
from typing import NamedTuple

from slimmer.image.packages import SYSTEM_MANAGERS, Package
from slimmer.image.purl import TYPES

PURL_LIMIT = 4096
"""The most characters of a package URL that is read."""

_CACHED = 1 << 14
"""The package URLs whose coordinates are remembered. Each package has many vulnerabilities."""

_MANAGERS = {kind: manager for manager, kind in TYPES.items()}
_EPOCH = re.compile(r"([0-9]{1,10}):(.*)", re.DOTALL)


class Coordinates(NamedTuple):
    """The type of a package URL ("deb", "npm"; "" if unknown), and the package's namespace, name and version ("" if there is none).

    The name is normalized as its ecosystem does it. A version may begin with an epoch.
    """

    kind: str
    namespace: str
    name: str
    version: str

    @property
    def manager(self) -> str:
        """The package manager as in slimmer.image.packages; "" for one that slimmer does not know."""
        return _MANAGERS.get(self.kind, "")

    @property
    def full_name(self) -> str:
        """The name as the package manager writes it: with the scope or the vendor for npm and Composer, without the distribution."""
        if self.manager in SYSTEM_MANAGERS or not self.namespace:
            return self.name
        return posixpath.join(self.namespace, self.name)

    @property
    def key(self) -> tuple[str, str]:
        """The manager and the name, for look-ups: equal to `key_of` a package that may be this one."""
        return self.manager, self.full_name

    def is_version_of(self, package: Package) -> bool:
        """Return True if a package with the same key may have this version. A version that nobody knows may be any."""
        return not package.version or not self.version or same_version(self.version, package.version)

    def __str__(self) -> str:
        return f"{self.full_name} {self.version}".rstrip()


def key_of(package: Package) -> tuple[str, str]:
    """Return the manager and the normalized name of a package."""
    return package.manager, _normal(TYPES.get(package.manager, ""), package.name)


def same_version(first: str, second: str) -> bool:
    """Return True if two versions are the same. An epoch counts only if both have one, because scanners often leave it out."""
    (one, plain), (two, other) = _epoch(first), _epoch(second)
    return plain == other and (not one or not two or int(one) == int(two))


def without_epoch(version: str) -> str:
    """Return a version without its epoch."""
    return _epoch(version)[1]


def coordinates(kind: str, name: str, version: str, namespace: str = "") -> Coordinates:
    """Return the coordinates of a package of this type of package URL."""
    if kind in ("npm", "composer") and not namespace:
        namespace, _, name = name.rpartition("/")
    return Coordinates(kind, namespace, _normal(kind, name), version)


@lru_cache(maxsize=_CACHED)
def from_purl(text: str) -> Coordinates | None:
    """Return the coordinates in a package URL; None if it is none. The qualifiers and the subpath do not count, except for an epoch."""
    from packageurl import PackageURL  # imported when it is used

    if not text.startswith("pkg:") or len(text) > PURL_LIMIT:
        return None
    try:
        found = PackageURL.from_string(text)
    except ValueError:
        return None
    version, qualifiers = found.version or "", found.qualifiers
    epoch = qualifiers.get("epoch", "") if isinstance(qualifiers, dict) else ""
    if epoch and _EPOCH.fullmatch(f"{epoch}:") and not _EPOCH.fullmatch(version):
        version = f"{epoch}:{version}"
    return coordinates(found.type, found.name, version, found.namespace or "")


def plain_purl(package: Coordinates, purl: str) -> str:
    """Return the package URL without qualifiers and subpath, which readers take as the one of all variants; "" if there can be none.

    `purl` is the one that the scanner gave, or "". A name that would be another one in a package URL has none: it would name another package.
    """
    from packageurl import PackageURL

    try:
        if package == from_purl(purl):
            given = PackageURL.from_string(purl)
            text = PackageURL(given.type, given.namespace, given.name, given.version).to_string()
        else:
            version = package.version or None
            text = PackageURL(package.kind, package.namespace or None, package.name, version).to_string()
    except (TypeError, ValueError):  # the library joins None for a name of spaces alone
        return ""
    again = from_purl(text)
    is_same = again is not None and again[:3] == package[:3] and same_version(again.version, package.version)
    return text if is_same else ""


def _epoch(version: str) -> tuple[str, str]:
    match = _EPOCH.fullmatch(version)
    return (match[1], match[2]) if match else ("", version)


def _normal(kind: str, name: str) -> str:
    """Return a name as its ecosystem compares it (packaging.python.org, "Names and normalization"; Composer ignores case)."""
    if kind == "pypi":
        return re.sub(r"[-_.]+", "-", name).lower()
    return name.lower() if kind == "composer" else name
