"""Unicode's tables. perl reads them when a program needs them (perlunicode(1), perluniprops(1), charnames(3perl)).

Since version 5.32, all properties are compiled into perl, so it reads the files only for names and for Unicode::UCD.
"""

from __future__ import annotations

from collections.abc import Iterator

from slimmer.image.tree import Tree
from slimmer.keep.keepset import Finding, Reason
from slimmer.keep.sources.load_path import LoadPath

_ALL = (
    "To/",
    "lib/",
    "UCD.pl",
    "version",
    "uni_keywords.pl",
    "CombiningClass.pl",
    "Decomposition.pl",
    "SpecialCasing.txt",
)
_NAMES = ("Name.pl", "Name.pm", "NamedSequences.txt")
_BUILT_IN = {"names": _NAMES, "tables": (*_ALL, *_NAMES, "Blocks.txt")}
_IN_FILES = {
    "case": ("To/",),
    "properties": (*_ALL, "Heavy.pl"),
    "names": _NAMES,
    "tables": (*_ALL, *_NAMES, "Heavy.pl", "Blocks.txt"),
}


def unicode_tables(tree: Tree, path: LoadPath, source: str, traits: frozenset[str]) -> Iterator[Finding]:
    r"""Yield the tables for a source's traits: `case` (letters), `properties` (\p{…}), `names` (\N{…}), `tables` (all)."""
    reason = Reason("perl", f"a table of Unicode, for what {source} does with texts", source)
    for root in path.roots if traits else ():
        folder = f"{root}/unicore"
        wanted = _IN_FILES if f"{folder}/Heavy.pl" in tree else _BUILT_IN
        starts = tuple(start for trait in sorted(traits) for start in wanted.get(trait, ()))
        for entry in tree.below(folder) if starts else ():
            if entry.path[len(folder) + 1 :].startswith(starts):
                yield Finding(entry.path, reason)
