"""Reads the tables by which a source makes attributes on demand: which attribute comes from which module.

A table is a literal of strings. In a source with a module's `__getattr__` (PEP 562), or one that replaces itself in sys.modules, each
one counts; in others, those that a call gets beside `__name__`. Sources of the shapes: PEP 562, lazy_loader.attach, plotly's relative_import, transformers' _LazyModule.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Set
from itertools import islice
from typing import TYPE_CHECKING

from slimmer.keep.languages.python.calls import OWN_PACKAGE, own_names, pattern
from slimmer.keep.languages.python.facts import LIST_LIMIT, Offer
from slimmer.keep.languages.python.grammar import captures, text
from slimmer.keep.languages.python.scopes import Scopes

if TYPE_CHECKING:
    from tree_sitter import Node

_GETATTR = re.compile(rb"def __getattr__\(\s{0,99}(?!self\b|cls\b)\w")
_REPLACED = b"sys.modules[__name__] ="
_BESIDE_NAME = re.compile(rb"__name__\s{0,99},")
_CALLS = "(call arguments: (argument_list . (identifier) @own) @arguments)"
_ASSIGNED = "(assignment left: [(identifier) (subscript)] @target right: [(dictionary) (list) (set) (tuple)] @table)"
_TABLES = frozenset({"dictionary", "list", "set", "tuple"})
_NAME = re.compile(r"\.{0,9}[A-Za-z_]\w{0,79}(?:[.:]\w{1,80}){0,19}", re.ASCII)
_ATTRIBUTE = re.compile(r"[A-Za-z_]\w{0,79}", re.ASCII)
_TEXT = 200
"""The most bytes of a string in a table."""

_BESIDE = 8
"""The most names beside an attribute. A key with more is a module."""

Tables = Mapping[str, list[tuple[str, "Node"]]]
"""Literals by the variable that holds them, each with the key that it is stored at, "" for the variable itself."""


def read_offers(source: bytes, root: Node, scopes: Scopes) -> tuple[Offer, ...]:
    """Return the attributes of all tables; () for most sources, which have none."""
    makes = _REPLACED in source or _GETATTR.search(source) is not None
    if not makes and not _BESIDE_NAME.search(source):
        return ()
    own = OWN_PACKAGE | own_names(source)
    called = list(_arguments(root))
    passed = {text(node) for node in called if node.type == "identifier"}
    if not makes and not passed and not any(node.type in _TABLES for node in called):
        return ()
    tables = _tables(root, scopes, own)
    chosen = [entry for name, listed in tables.items() if makes or name in passed for entry in listed]
    chosen += [("", node) for node in called if node.type in _TABLES]
    found = (offer for key, table in chosen for offer in _offers(key, table, own))
    return tuple(dict.fromkeys(islice(found, LIST_LIMIT)))


def _arguments(root: Node) -> Iterator[Node]:
    """Yield what calls get beside `__name__`."""
    found = captures(_CALLS, root)
    for own, arguments in zip(found.get("own", ()), found.get("arguments", ()), strict=False):
        if text(own) == "__name__":
            for node in arguments.named_children[1:]:
                value = node.child_by_field_name("value") if node.type == "keyword_argument" else node
                if value is not None:
                    yield value


def _tables(root: Node, scopes: Scopes, own: Set[str]) -> Tables:
    """Return the literals that a module's variables hold: `names = {…}`, `names["key"] = […]`."""
    found = captures(_ASSIGNED, root)
    pairs = zip(found.get("target", ()), found.get("table", ()), strict=False)
    tables: dict[str, list[tuple[str, Node]]] = {}
    for (target, table), scope in zip(
        pairs, scopes.at(node.start_byte for node in found.get("target", ())), strict=False
    ):
        if scope.where or scope.skipped or target.end_byte - target.start_byte > _TEXT:
            continue
        variable = target if target.type == "identifier" else target.child_by_field_name("value")
        subscript = target.child_by_field_name("subscript")
        key = _name(subscript, own) if subscript is not None else ""
        if (key or subscript is None) and text(variable) != "__all__":
            tables.setdefault(text(variable), []).append((key, table))
    return tables


def _offers(key: str, table: Node, own: Set[str]) -> Iterator[Offer]:
    """Yield the attributes of one table."""
    if key:
        yield from _pair(key, _names(table, own))
    elif table.type != "dictionary":
        yield from _listed(_names(table, own))
    else:
        for pair in table.named_children:
            name, value = pair.child_by_field_name("key"), pair.child_by_field_name("value")
            if pair.type != "pair" or name is None or value is None:
                continue
            beside = list(_names(value, own)) if value.type in _TABLES - {"dictionary"} else []
            alone = _name(value, own) if value.type not in _TABLES else ""
            first = _name(name, own)
            if first and alone:
                yield from _attribute(first, [alone])
            elif first and value.type in _TABLES:
                yield from _pair(first, beside)


def _pair(key: str, names: Iterable[str]) -> Iterator[Offer]:
    """Yield both readings of a key with several strings: an attribute with its module, and a module with its attributes."""
    listed = list(names)
    yield from _attribute(key, listed if len(listed) <= _BESIDE else [])
    for name in listed:
        yield from _attribute(name, [key])


def _listed(names: Iterable[str]) -> Iterator[Offer]:
    """Yield the attributes of a list: submodules ("filters", ".bar"), and attributes with their modules ("._bar.Bar")."""
    for name in names:
        yield from _attribute(re.split("[.:]", name)[-1], [name])


def _attribute(attribute: str, names: list[str]) -> Iterator[Offer]:
    if _ATTRIBUTE.fullmatch(attribute):
        yield Offer(attribute, tuple(name.replace(":", ".") for name in names))


def _names(node: Node, own: Set[str]) -> Iterator[str]:
    """Yield the strings directly in a literal."""
    yield from (name for child in node.named_children if (name := _name(child, own)))


def _name(node: Node, own: Set[str]) -> str:
    """Return the name in a string expression; "" if there is none."""
    if node.end_byte - node.start_byte > _TEXT or node.type not in ("string", "binary_operator"):
        return ""
    known = pattern(node, own)
    return known if _NAME.fullmatch(known) else ""
