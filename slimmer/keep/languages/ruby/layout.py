"""The layout of Ruby in an image: the folders of the load path, and gems.

Ruby's build determines the names of these folders (`ruby -e 'puts $LOAD_PATH'`, `gem env`): `site_ruby`, `vendor_ruby` and
`ruby/VERSION`, each with a folder for the architecture, and `gems/NAME-VERSION` beside `specifications` and `extensions`.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
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
"""The largest lock file that is read, in bytes."""

_NEEDED = re.compile(rb"""add_(?:runtime_)?dependency\(?[ \t]{0,9}(?:%q<|["'])([\w.-]{1,200})""")
SPECIFICATIONS, SPECIFICATION_LIMIT = 500, 1 << 18
"""The most specifications of gems that are read, and the largest one, in bytes."""


@dataclass(frozen=True, slots=True)
class Gem:
    """A gem. `folder` is its own folder, `home` the folder that holds `gems` and `specifications`, and `full` its name with its version."""

    folder: str
    home: str
    full: str

    @property
    def name(self) -> str:
        """The name without the version; the full name if it has no version."""
        match = _NAME.fullmatch(self.full)
        return match[1] if match else self.full

    @property
    def version(self) -> tuple[int, ...]:
        """The version as numbers, for comparison."""
        match = _NAME.fullmatch(self.full)
        return tuple(int(part) for part in re.findall(r"[0-9]{1,9}", match[2])) if match else ()


def gem_of(path: str) -> Gem | None:
    """Return the gem that a file lies in, the outermost of nested ones; None if there is none."""
    match = _GEM.match(path)
    if match is None or match[2][:1] == "." or not _NAME.fullmatch(match[2]):
        return None
    return Gem(f"{match[1]}/{match[2]}", posixpath.dirname(match[1]), match[2])


def is_standard(folder: str) -> bool:
    """Return True if a folder is one of those that Ruby searches by default."""
    return _STANDARD.fullmatch(folder) is not None


def gems_in(tree: Tree, folder: str) -> Iterator[Gem]:
    """Yield the gems in a folder of gems. Of several versions, the newest comes first."""
    gems = (gem_of(f"{entry.path}/") for entry in tree.children(folder) if entry.is_directory)
    yield from sorted((gem for gem in gems if gem is not None), key=lambda gem: (gem.name, gem.version), reverse=True)


def gem_roots(tree: Tree, gem: Gem) -> Iterator[str]:
    """Yield the folders that a gem adds to the load path: its own, and those of its compiled extensions."""
    yield f"{gem.folder}/lib"
    if "-" in gem.name and (own := f"{gem.folder}/lib/{gem.name}") in tree:
        yield own  # gems that share a folder of sources add it to `require_paths`: modules have no hyphens in their names
    for architecture in tree.children(f"{gem.home}/extensions"):
        for version in tree.children(architecture.path):
            yield f"{version.path}/{gem.full}"


def specifications(tree: Tree, gem: Gem) -> Iterator[str]:
    """Yield the gem's specifications in the places where RubyGems and Bundler look. They show that the gem is installed."""
    for place in (f"{gem.home}/specifications/{gem.full}.gemspec", f"{gem.folder}/{gem.name}.gemspec"):
        if place in tree:
            yield place


def locked_gems(image: ImageView) -> Iterator[str]:
    """Yield the names of the app's gems, as listed in those of Bundler's lock files that were opened (bundle-lock(1))."""
    places = {access.resolved for access in image.log.accesses if access.resolved.endswith(_LOCKS)}
    entries = [entry for path in sorted(places) if (entry := image.tree.get(path)) is not None]
    for _, content in image.read([entry.path for entry in entries if entry.is_file and entry.size <= LOCK_LIMIT]):
        yield from (match[1].decode() for match in _LOCKED.finditer(content or b""))


def needed_gems(image: ImageView, gems: Iterable[Gem]) -> Iterator[str]:
    """Yield the names of the gems that these gems need, according to their specifications. An app without a lock file has no other list."""
    places = [place for gem in gems for place in specifications(image.tree, gem)][:SPECIFICATIONS]
    entries = [entry for place in places if (entry := image.end(place)) is not None]
    for _, content in image.read(
        [entry.path for entry in entries if entry.is_file and entry.size <= SPECIFICATION_LIMIT]
    ):
        yield from (match[1].decode() for match in _NEEDED.finditer(content or b""))
