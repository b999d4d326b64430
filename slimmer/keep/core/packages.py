"""Keep all files of each package that is in use, except those that no program reads. This makes the policy `generous`.

A package is in use if one of its files is kept for a stronger reason than filling a folder, being another name, or belonging to
its package. What these packages need is followed like any code, so packages of libraries are kept whole as well.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence

from slimmer.image.packages import Package
from slimmer.keep.analyzer import Follow, FunctionAnalyzer, Kept, Policy
from slimmer.keep.evidence import Evidence, reaches
from slimmer.keep.image_view import ImageView
from slimmer.keep.keepset import Finding, Reason

RULE = "package"

_WITHOUT = re.compile(
    r"/usr/(?:local/)?share/(?:doc|doc-base|man|info|lintian|bug|gtk-doc|help|locale)/"
    r"|/usr/(?:local/)?include/"
    r"|/(?:tests?|__tests__|testing|docs?|examples?|benchmarks?|man|include)/"
    r"|\.(?:a|la|h|hpp|pyi|md|rst|markdown|d\.ts|d\.mts|d\.cts|js\.map|css\.map)$"
)
_CATALOGUE = re.compile(r"/share/locale/([A-Za-z]{2,3})(?:[_@.][^/]*)?/")
_LANGUAGES = ("LANG", "LANGUAGE", "LC_ALL", "LC_MESSAGES")


def packages(image: ImageView) -> Follow:
    """Keep the files of packages that are in use, each package once."""
    wanted = languages(image.env)
    whole: set[Package] = set()
    waiting: dict[str, None] = {}

    def follow(added: Sequence[str], kept: Kept) -> Iterator[Finding]:
        waiting.update(dict.fromkeys(path for path in added if image.tree.number(os.fsencode(path)) is not None))
        used = [path for path in waiting if reaches(kept.evidence(path, besides=RULE), Evidence.ENGINE)]
        for path in used:
            del waiting[path]
        causes: dict[Package, str] = {}
        for path, owners in (image.packages.owners(used) if used else {}).items():
            causes.update((package, path) for package in owners if package not in whole and package not in causes)
        whole.update(causes)
        for package, path in image.packages.files(causes, nested=False) if causes else ():
            if is_worth_keeping(path, wanted):
                cause = causes[package]
                detail = f"part of {package.manager} package {package.name}, of which {cause} is used"
                yield Finding(path, Reason(RULE, detail, cause))

    return follow


def is_worth_keeping(path: str, languages: frozenset[str] = frozenset()) -> bool:
    """Return False for documentation, headers, static libraries, tests, and message catalogues of languages not in `languages`."""
    catalogue = _CATALOGUE.search(path)
    if catalogue is not None:
        return catalogue[1] in languages
    return _WITHOUT.search(path) is None


def languages(env: Mapping[str, str]) -> frozenset[str]:
    """Return the languages that the image's environment asks for: `de` for LANG=de_DE.UTF-8."""
    values = (value for name in _LANGUAGES for value in env.get(name, "").split(":"))
    return frozenset(match[0] for value in values if (match := re.match(r"[A-Za-z]{2,3}(?=[_@.]|$)", value)))


ANALYZER = FunctionAnalyzer("package", frozenset((Policy.GENEROUS,)), {RULE: Evidence.USED}, follower=packages)
