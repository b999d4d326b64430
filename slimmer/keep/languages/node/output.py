"""The output folder of a bundler. It stays whole, because its files are loaded by names from manifests.

Next.js (`.next`), Nuxt and Nitro (`.output`), SvelteKit, Remix, Astro, tsc and others write the server's code for each page, the
browser's scripts, and lists of both into one folder. The lists say which page needs which file; the code does not.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from slimmer.image.tree import Entry, Tree
from slimmer.keep.sources.limits import within_limits

HIDDEN = frozenset((".next", ".nuxt", ".output", ".svelte-kit"))
"""The default names that bundlers give to their output folders."""

PLAIN = frozenset(("build", "dist", "out"))
"""Names of output folders only if they are beside a manifest. Elsewhere, such folders may hold anything."""

OUTPUT_FILES, OUTPUT_BYTES = 20_000, 100 << 20
"""The largest output folder that is kept whole. From a larger one, only what was seen in use stays."""

_UNUSED = frozenset(("node_modules", "cache", "standalone", "types", "trace"))
"""Entries of output folders that are only for the next build, or are a separate app."""


def output_folder(tree: Tree, path: str) -> str | None:
    """Return the output folder that an app's source lies in; None if there is none."""
    folder = ""
    for name in path.split("/")[1:-1][:60]:
        if name in HIDDEN or (name in PLAIN and f"{folder}/package.json" in tree):
            return f"{folder}/{name}"
        folder = f"{folder}/{name}"
    return None


def output_files(tree: Tree, folder: str) -> list[Entry]:
    """Return the contents of an output folder without source maps, which only developers read; [] if they exceed the bounds."""
    return within_limits(_below(tree, folder), OUTPUT_FILES, OUTPUT_BYTES) or []


def _below(tree: Tree, folder: str) -> Iterator[Entry]:
    for entry in tree.children(folder):
        name = posixpath.basename(entry.path)
        if name not in _UNUSED and not name.endswith(".map"):
            yield from _all(tree, entry)


def _all(tree: Tree, entry: Entry) -> Iterator[Entry]:
    yield entry
    for inside in tree.below(entry.path) if entry.is_directory else ():
        if not inside.path.endswith(".map") and "/node_modules/" not in inside.path[len(entry.path) :]:
            yield inside
