"""What a compiled module imports: names in its strings, since compiled code (Cython's, say) has no other list of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from slimmer.keep.image_view import ImageView
from slimmer.keep.languages.python.edges import TOOLS
from slimmer.keep.languages.python.search import STDLIB, Finder, Module
from slimmer.keep.sources.batches import batches

EXTENSION_LIMIT = 1 << 24
"""Bytes of a compiled module that is read; a larger one is a library that was bound, and imports little."""

PORTION = 1 << 25
"""Bytes that are held at a time."""

_STRING = re.compile(rb"\0([A-Za-z_]\w{1,79}(?:\.\w{1,80}){0,9})(?=\0)")


def extension_imports(
    image: ImageView, finder: Finder, modules: Iterable[Module]
) -> Iterator[tuple[Module, tuple[str, ...]]]:
    """For each compiled module, the names of modules that it may import: of its own top package, and of the standard library.

    Others' names stand there as well, but a word alone is a name of many things.
    """
    wanted = {module.files[0]: module for module in modules}
    for portion in batches(image.tree, wanted, EXTENSION_LIMIT, PORTION):
        for path, content in image.read(portion):
            yield wanted[path], tuple(_modules(finder, wanted[path], content or b""))


def _modules(finder: Finder, module: Module, content: bytes) -> Iterator[str]:
    own = module.name.partition(".")[0]
    for name in dict.fromkeys(match[1].decode() for match in _STRING.finditer(content)):
        first, dot, _ = name.partition(".")
        if dot:
            if first == own and finder.find(name):
                yield name
        elif name not in TOOLS and (found := finder.find(name)) and found.root.kind == STDLIB:
            yield name
