"""The folders of perl's own modules and of those for every app: @INC as distributions and perl's own build lay it out (`perl -V`)."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from slimmer.image.tree import Tree

_STANDARD = re.compile(
    r"(/.{0,400}?/(?:lib|lib64|share)(?:/[a-z0-9_]{1,20}-linux[a-z0-9_-]{0,20})?/(?:perl-base|perl5?(?:/[0-9.]{1,9}|/(?:site|vendor|core)_perl)?"
    r"(?:/[0-9.]{1,9})?(?:/[a-z0-9_]{1,20}-linux[a-z0-9_-]{0,20})?)|/etc/perl)/",
    re.DOTALL,
)
_VERSION = re.compile(r"5(?:\.[0-9]{1,3}){0,2}")
_ARCHITECTURE = re.compile(r"[a-z0-9_]{1,20}-linux[a-z0-9_-]{0,20}")
_PREFIXES = ("/usr/local", "/usr")
_SITES = ("site_perl", "vendor_perl", "core_perl")


def standard_folder(path: str) -> str | None:
    """Return the standard folder of modules that a file lies in; None if it lies in none."""
    match = _STANDARD.match(path)
    return match[1] if match is not None else None


def is_app(path: str) -> bool:
    """Return True if a source belongs to the app."""
    return standard_folder(path) is None


def standard_folders(tree: Tree) -> Iterator[str]:
    """Yield the folders of @INC that an image may have, those for an architecture before the others."""
    for prefix in _PREFIXES:
        libraries = [entry.path for entry in tree.children(f"{prefix}/lib") if _names(_ARCHITECTURE, entry.path)]
        for library in (*libraries, f"{prefix}/lib64", f"{prefix}/lib", f"{prefix}/share"):
            yield f"{library}/perl-base"
            for name in ("perl5", "perl"):
                yield from _versions(tree, f"{library}/{name}")
                for site in _SITES:
                    yield from _versions(tree, f"{library}/{name}/{site}")


def _versions(tree: Tree, folder: str) -> Iterator[str]:
    """Yield the folders for versions and architectures in a folder, then the folder itself."""
    for entry in tree.children(folder):
        if _names(_VERSION, entry.path) or _names(_ARCHITECTURE, entry.path):
            inner = (child.path for child in tree.children(entry.path) if _names(_ARCHITECTURE, child.path))
            yield from (*inner, entry.path)
    yield folder


def _names(pattern: re.Pattern[str], path: str) -> bool:
    return pattern.fullmatch(posixpath.basename(path)) is not None
