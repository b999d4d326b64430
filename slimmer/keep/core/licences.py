"""Keep the licence texts of packages with kept files, because anyone who distributes the image must include them.

Where the texts are depends on the package:

- Debian: /usr/share/doc/NAME/copyright (the folder may be a link to another package's), and the texts in
  /usr/share/common-licenses that it refers to.
- Other systems: the package's folder in /usr/share/licenses.
- A language's package: files with the name of a licence at the top of its folder, or among its metadata.

Sources: Debian Policy, 12.5; PEP 639.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence

from slimmer.image.language_packages import folder_of, site_of
from slimmer.image.packages import SYSTEM_MANAGERS, Package
from slimmer.image.tree import Tree
from slimmer.keep.analyzer import EVERY_POLICY, Follow, FunctionAnalyzer, Kept
from slimmer.keep.ecosystems import code_suffixes
from slimmer.keep.evidence import Evidence
from slimmer.keep.image_view import ImageView, reach, suffix_of
from slimmer.keep.keepset import Finding, Reason

RULE = "licence"
_NAME = re.compile(
    r"(?:[\w-]{1,20}[-_.])?(?:un)?(?:licen[cs]e|copying|copyright|notice)s?(?:[-_.][\w.-]{1,40})?", re.IGNORECASE
)
_COMMON = re.compile(rb"/usr/share/common-licenses/([A-Za-z0-9][\w.+-]{0,40}[\w+])")
_HEADS = ("METADATA", "PKG-INFO")
"""Files that a folder of metadata cannot do without: code that uses importlib.metadata fails on a distribution without a name."""

_COPYRIGHT_LIMIT = 1 << 20
_SIZE_LIMIT = 1 << 19
"""The largest licence, in bytes. A larger file is something else."""


def licences(image: ImageView) -> Follow | None:
    """Keep each package's texts once, when the first of its files is kept. None if the user wants no licences."""
    if not image.selection.licences:
        return None
    seen: set[object] = set()
    common: set[str] = set()

    def follow(added: Sequence[str], kept: Kept) -> Iterator[Finding]:
        files = [path for path in added if (entry := image.tree.get(path)) is not None and entry.is_file]
        for path, packages in (image.packages.owners(files) if files else {}).items():
            for package in packages:
                place = _place(image.tree, path, package)
                if place not in seen:
                    seen.add(place)
                    reason = Reason(RULE, f"{package.manager} package {package.name} is in the image with {path}", path)
                    yield from _texts(image, path, package, reason)
        yield from _common_texts(image, [path for path in added if path.endswith("/copyright")], common)

    return follow


def _place(tree: Tree, path: str, package: Package) -> tuple[Package, str]:
    """Return a key for the package, so that its texts are kept once. npm may install several copies of one, each with its own texts."""
    folder = folder_of(tree, path)
    return package, folder.path if folder is not None and folder.package == package else ""


def _texts(image: ImageView, path: str, package: Package, reason: Reason) -> Iterator[Finding]:
    tree = image.tree
    if package.manager in SYSTEM_MANAGERS:
        yield from reach(tree, f"/usr/share/doc/{package.name}/copyright", reason)
        folders = [f"/usr/share/licenses/{package.name}"]
    elif package.manager == "python":
        site = site_of(path)
        folders = image.packages.metadata(site, package) if site is not None else []
    else:
        folder = folder_of(tree, path)
        folders = [folder.path] if folder is not None else []
    for place in folders:
        for text in _named_as_licences(tree, place):
            yield from reach(tree, text, reason)


def _named_as_licences(tree: Tree, folder: str) -> list[str]:
    """Return the licences in a folder: files with such names, everything in its `licenses`, and then also its _HEADS."""
    holds_licences_only = posixpath.dirname(folder) == "/usr/share/licenses"
    found, heads = [], []
    for entry in tree.children(folder):
        name = posixpath.basename(entry.path)
        if entry.is_directory and name.lower() in ("licenses", "licences"):
            found += [text.path for text in tree.below(entry.path) if text.size <= _SIZE_LIMIT]
        elif name in _HEADS:
            heads.append(entry.path)
        elif not entry.is_directory and entry.size <= _SIZE_LIMIT and (holds_licences_only or is_licence_name(name)):
            found.append(entry.path)
    return found + heads if found else []


def is_licence_name(name: str) -> bool:
    """Return True if a file has the name of a licence, such as LICENSE, COPYING.LESSER, MIT-LICENSE.txt or NOTICE, but not license.py."""
    return _NAME.fullmatch(name) is not None and suffix_of(name) not in code_suffixes()


def _common_texts(image: ImageView, copyrights: Iterable[str], seen: set[str]) -> Iterator[Finding]:
    """Yield the texts that Debian shares between packages. Costs one round trip."""
    files = [path for path in copyrights if (entry := image.tree.get(path)) and 0 < entry.size <= _COPYRIGHT_LIMIT]
    for path, content in image.read(files) if files else ():
        for name in sorted({os.fsdecode(name) for name in _COMMON.findall(content or b"")} - seen):
            seen.add(name)
            yield from reach(
                image.tree, f"/usr/share/common-licenses/{name}", Reason(RULE, f"{path} refers to it", path)
            )


ANALYZER = FunctionAnalyzer("licence", EVERY_POLICY, {RULE: Evidence.LISTED}, follower=licences)
