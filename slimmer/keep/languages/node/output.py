"""What a bundler made of an app: its folder stays whole, since its pieces are loaded by names that stand in manifests.

Next.js (`.next`), Nuxt and Nitro (`.output`), SvelteKit, Remix, Astro, tsc and others write the server's code for each page, the
browser's scripts, and lists of both, into one folder; which page needs which piece is in the lists and not in the code.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from slimmer.image.tree import Entry, Tree
from slimmer.keep.sources.limits import within_limits

HIDDEN = frozenset((".next", ".nuxt", ".output", ".svelte-kit"))
"""Names that bundlers give to the folder of what they made, unless they are told another."""

PLAIN = frozenset(("build", "dist", "out"))
"""Names that say so only beside a manifest: elsewhere they are names of anything."""

OUTPUT_FILES, OUTPUT_BYTES = 20_000, 100 << 20
"""How much of such a folder is kept; of a larger one, only what was seen in use."""

_UNUSED = frozenset(("node_modules", "cache", "standalone", "types", "trace"))
"""What lies in such a folder for the next build, or is an app of its own."""


def output_folder(tree: Tree, path: str) -> str | None:
    """The folder of a bundler in which an app's source lies, if it does."""
    folder = ""
    for name in path.split("/")[1:-1][:60]:
        if name in HIDDEN or (name in PLAIN and f"{folder}/package.json" in tree):
            return f"{folder}/{name}"
        folder = f"{folder}/{name}"
    return None


def output_files(tree: Tree, folder: str) -> list[Entry]:
    """What lies in it, without maps of sources, which only developers read; nothing where that is too much."""
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
