"""Reads which attributes of imported modules a source uses: `go.Pie` after `import plotly.graph_objects as go`.

A package that makes attributes on demand loads a module when such a name is used. Strings and comments do not count.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from slimmer.keep.languages.python.bindings import bindings
from slimmer.keep.languages.python.facts import MAIN, Use
from slimmer.keep.languages.python.grammar import captures
from slimmer.keep.languages.python.scopes import Scopes
from slimmer.keep.word_tables import words

if TYPE_CHECKING:
    from tree_sitter import Node

LIMIT = 5000
"""The most different names that are read in one source."""

PLACES = 100_000
"""The most places with such a name that are looked at."""

FEW = 100
"""Up to so many aliases and places, it is quicker to look each one up than to go through the source or the tree."""

NAME_LIMIT = 400
"""The most characters of a written-out name."""

_CHAIN = re.compile(rb"(?<![\w.])([A-Za-z_]\w{0,79})((?:\.[A-Za-z_]\w{0,79}){1,4})")
_TEXTS = "(string_content) @text (comment) @text"
_TEXT_KINDS = frozenset({"string_content", "escape_sequence", "comment"})
_COMMON = words(
    "abc argparse ast asyncio base64 collections contextlib copy csv ctypes datetime enum errno functools hashlib importlib inspect io "
    "itertools json logging math operator os pathlib pickle platform random re shutil signal socket stat string struct subprocess sys "
    "tempfile textwrap threading time traceback types typing unittest urllib uuid warnings weakref"
)
"""Modules of the standard library that most sources use. They have no tables."""


def read_uses(source: bytes, root: Node, scopes: Scopes) -> tuple[Use, ...]:
    """Return each name once, with the place that matters most: the module itself, then a function, then code that runs as a script."""
    aliases = _aliases(scopes)
    hits = _hits(source, aliases)
    in_text = _texts(root, hits)
    found: dict[str, str] = {}
    for match, scope in zip(hits, scopes.at(match.start() for match in hits), strict=True):
        name = aliases[match[1]] + match[2].decode(errors="replace")
        known = found.get(name)
        if scope.skipped or len(name) > NAME_LIMIT or (known is None and len(found) >= LIMIT):
            continue
        if (known is None or _weight(scope.where) < _weight(known)) and not in_text(match.start()):
            found[name] = scope.where
    return tuple(Use(name, where) for name, where in found.items())


def _hits(source: bytes, aliases: Mapping[bytes, str]) -> list[re.Match[bytes]]:
    """Return the names after one of the aliases, in the order of the source."""
    if len(aliases) > FEW:
        return list(islice((match for match in _CHAIN.finditer(source) if match[1] in aliases), PLACES))
    found: list[re.Match[bytes]] = []
    for alias in aliases:
        place = source.find(alias + b".")
        while place >= 0 and len(found) < PLACES:
            if match := _CHAIN.match(source, place):
                found.append(match)
            place = source.find(alias + b".", place + 1)
    return sorted(found, key=lambda match: match.start())


def _texts(root: Node, hits: Sequence[re.Match[bytes]]) -> Callable[[int], bool]:
    """Return a function that tells if a place is in a string or a comment. Few places are looked up in the tree one by one."""
    if len(hits) <= FEW:
        return lambda place: _kind(root, place) in _TEXT_KINDS
    texts = captures(_TEXTS, root).get("text", [])
    starts = [node.start_byte for node in texts]

    def is_in_text(place: int) -> bool:
        before = bisect_right(starts, place)
        return before > 0 and place < texts[before - 1].end_byte

    return is_in_text


def _kind(root: Node, place: int) -> str:
    node = root.descendant_for_byte_range(place, place + 1)
    return node.type if node is not None else ""


def _aliases(scopes: Scopes) -> dict[bytes, str]:
    """Map names that may be modules to what they stand for. By convention, a name with a capital is a class, and needs no second look."""
    statements = (node for node, scope in scopes.locate(scopes.imports) if not scope.skipped)
    return {alias.encode(): name for alias, name in bindings(statements).items() if _may_be_module(name)}


def _may_be_module(name: str) -> bool:
    first, _, _ = name.partition(".")
    return first not in _COMMON and not name.rpartition(".")[2][:1].isupper()


def _weight(where: str) -> int:
    return 0 if not where else 2 if where == MAIN else 1
