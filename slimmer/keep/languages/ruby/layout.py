"""Where Ruby's files lie in an image: the load path's folders, and gems.

Folders are known by their names, which Ruby's build gives them (`ruby -e 'puts $LOAD_PATH'`, `gem env`): `site_ruby`, `vendor_ruby`,
`ruby/VERSION`, each with one for the architecture, and `gems/NAME-VERSION` beside `specifications` and `extensions`.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass

from slimmer.image.tree import Tree
from slimmer.keep.image_view import ImageView

_VERSION = r"/[0-9]{1,3}\.[0-9]{1,3}(?:\.[0-9]{1,3})?"
_ARCHITECTURE = r"/[a-z0-9_]{2,20}-linux[a-z0-9_-]{0,20}"
_STANDARD = re.compile(
    rf"/.{{0,400}}/(?:(?:site|vendor)_ruby(?:{_VERSION})?|ruby{_VERSION}|ruby/stdlib)(?:{_ARCHITECTURE})?", re.DOTALL
)
_GEM = re.compile(r"(/(?:[^/]{1,255}/){0,30}?(?:bundler/)?gems)/([^/.][^/]{0,140}-[0-9][^/]{0,60})(?:/|$)")
_NAME = re.compile(r"(.{1,200}?)-([0-9][^-/]{0,60})(?:-[a-z].{0,60})?", re.DOTALL)
_LOCKS = ("/Gemfile.lock", "/gems.locked")
_LOCKED = re.compile(rb"^ {4}([\w.-]{1,140}) \([^()\n]{1,60}\)$", re.MULTILINE)
LOCK_LIMIT = 1 << 20
"""Bytes of a list of locked gems; a larger one is not read."""


@dataclass(frozen=True, slots=True)
class Gem:
    """A gem's folder, and the folder of gems that it is in; `full` is its name with its version."""

    folder: str
    home: str
    full: str

    @property
    def name(self) -> str:
        """The name without the version, or with it where it is no version."""
        match = _NAME.fullmatch(self.full)
        return match[1] if match else self.full

    @property
    def version(self) -> tuple[int, ...]:
        """The version's numbers, to find the newest."""
        match = _NAME.fullmatch(self.full)
        return tuple(int(part) for part in re.findall(r"[0-9]{1,9}", match[2])) if match else ()


def gem_of(path: str) -> Gem | None:
    """The gem in which a file lies; of nested ones the outermost."""
    match = _GEM.match(path)
    if match is None or match[2][:1] == "." or not _NAME.fullmatch(match[2]):
        return None
    return Gem(f"{match[1]}/{match[2]}", posixpath.dirname(match[1]), match[2])


def is_standard(folder: str) -> bool:
    """Return True if a folder is one of those in which Ruby itself looks."""
    return _STANDARD.fullmatch(folder) is not None


def gems_in(tree: Tree, folder: str) -> Iterator[Gem]:
    """The gems of a folder of gems, newest first."""
    gems = (gem_of(f"{entry.path}/") for entry in tree.children(folder) if entry.is_directory)
    yield from sorted((gem for gem in gems if gem is not None), key=lambda gem: (gem.name, gem.version), reverse=True)


def gem_roots(tree: Tree, gem: Gem) -> Iterator[str]:
    """The folders of a gem's load path: its own, and that of its compiled extensions."""
    yield f"{gem.folder}/lib"
    if "-" in gem.name and (own := f"{gem.folder}/lib/{gem.name}") in tree:
        yield own  # `require_paths` of who shares a folder of sources: modules have no hyphens in their names
    for architecture in tree.children(f"{gem.home}/extensions"):
        for version in tree.children(architecture.path):
            yield f"{version.path}/{gem.full}"


def specifications(tree: Tree, gem: Gem) -> Iterator[str]:
    """What says that the gem is installed, in the places where RubyGems and Bundler look."""
    for place in (f"{gem.home}/specifications/{gem.full}.gemspec", f"{gem.folder}/{gem.name}.gemspec"):
        if place in tree:
            yield place


def locked_gems(image: ImageView) -> Iterator[str]:
    """Names of the gems that Bundler's lock files, as far as they were opened, list for the app (bundle-lock(1))."""
    places = {access.resolved for access in image.log.accesses if access.resolved.endswith(_LOCKS)}
    entries = [entry for path in sorted(places) if (entry := image.tree.get(path)) is not None]
    for _, content in image.read([entry.path for entry in entries if entry.is_file and entry.size <= LOCK_LIMIT]):
        yield from (match[1].decode() for match in _LOCKED.finditer(content or b""))
