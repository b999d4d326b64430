"""Name packages by package URLs, as scanners do.

Sources: the purl specification (ECMA-427) and its types; Syft for the qualifiers `distro` and `upstream`, which Grype reads.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from slimmer.image.os_release import Release
from slimmer.image.packages import SYSTEM_MANAGERS, Package

TYPES: Mapping[str, str] = {
    "deb": "deb",
    "apk": "apk",
    "rpm": "rpm",
    "python": "pypi",
    "node": "npm",
    "ruby": "gem",
    "php": "composer",
    "go": "golang",
    "lua": "luarocks",
    "dotnet": "nuget",
    "erlang": "hex",
    "java": "maven",
}
"""The type of a package URL by package manager. The type of any other manager is generic."""

_VENDORS = {"rhel": "redhat"}
"""The namespaces of rpm packages that are not the distribution's ID."""

_ESCAPE = re.compile("%[0-9a-f]{2}")
"""An escape in lower case, which the library makes of names that must be in lower case. The specification wants upper case."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What a package manager knows about a package besides its name and version. What is not known is empty.

    `architecture` and `epoch` are as the package manager writes them. `source` is the name of the source package (deb, apk), with @VERSION
    if its version differs, or the file name of the source package (rpm).
    """

    architecture: str = ""
    epoch: str = ""
    source: str = ""


def package_url(package: Package, release: Release | None = None, origin: Origin | None = None) -> str:
    """Return the package URL of a package in an image of this release; "" for a name that no package URL can have."""
    from packageurl import PackageURL  # imported when it is used

    origin, release = origin or Origin(), release or Release()
    kind = TYPES.get(package.manager, "generic")
    system = package.manager in SYSTEM_MANAGERS
    namespace, name, subpath = _SPLIT.get(kind, _whole)(_text(package.name))
    if not name.strip() or "/" in name or (kind == "maven" and not namespace):
        return ""
    url = PackageURL(
        type=kind,
        namespace=(_VENDORS.get(release.id, release.id) if system else namespace) or None,
        name=name,
        version=_text(_version(package)) or None,
        qualifiers=_qualifiers(release, origin, package.name) if system else None,
        subpath=subpath or None,
    ).to_string()
    return _ESCAPE.sub(lambda match: match[0].upper(), url)


def _qualifiers(release: Release, origin: Origin, name: str) -> dict[str, str]:
    found = {
        "arch": origin.architecture,
        "distro": f"{release.id}-{release.version}" if release.id and release.version else release.id,
        "epoch": origin.epoch,
        "upstream": origin.source if origin.source != name else "",
    }
    return {key: _text(value) for key, value in found.items() if value}


def _version(package: Package) -> str:
    """Return the version. Go's own library has that of Go, which Go writes as go1.22.1."""
    is_go = (package.manager, package.name) == ("go", "stdlib")
    return package.version.removeprefix("go") if is_go else package.version


def _text(name: str) -> str:
    """Return a name with bytes that are not UTF-8 (os.fsdecode) replaced. A URL cannot have them."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


_Parts = tuple[str, str, str]


def _whole(name: str) -> _Parts:
    return "", name, ""


def _python(name: str) -> _Parts:
    """Return the normalized name (packaging.python.org, "Names and normalization")."""
    return "", re.sub(r"[-_.]+", "-", name).lower(), ""


def _npm(name: str) -> _Parts:
    scope, _, rest = name.rpartition("/")
    return scope, rest, ""


def _composer(name: str) -> _Parts:
    vendor, _, rest = name.lower().rpartition("/")
    return vendor, rest, ""


def _go(name: str) -> _Parts:
    """Split a module's path as Syft does: two parts for where it is hosted, its name, and the folder in it."""
    parts = name.split("/")
    cut = min(2, len(parts) - 1)
    return "/".join(parts[:cut]), parts[cut], "/".join(parts[cut + 1 :])


def _maven(name: str) -> _Parts:
    group, _, artifact = name.rpartition(":")
    return group, artifact, ""


_SPLIT: Mapping[str, Callable[[str], _Parts]] = {
    "pypi": _python,
    "npm": _npm,
    "composer": _composer,
    "golang": _go,
    "maven": _maven,
}
"""Returns the namespace, the name and the subpath for a package's name, by type."""
