"""Read a YAML document that a user wrote, with limits, and find the line of a part of it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from slimmer.exercise.probe_entry import is_utf8

FILE_LIMIT = 4 << 20
EXPANDED_LIMIT = FILE_LIMIT
"""The number of values and characters of a document with its aliases expanded. Only aliases can exceed it: they may grow without bound."""

MERGED_LIMIT = 10_000
"""The number of keys of a mapping, including those that `<<` merges into it."""

_NOT_YAML = (
    yaml.YAMLError, RecursionError, ValueError, LookupError, AttributeError, TypeError, ArithmeticError,
)  # fmt: skip
"""What PyYAML raises: its constructors of tagged values (`!!int ""`, `!!bool x`) do not check their input."""

_Fault = yaml.constructor.ConstructorError


class YamlFault(Exception):
    """Why a file is no document that slimmer reads."""


class _Strict(yaml.constructor.SafeConstructor):
    """Makes values of YAML's safe subset. A duplicate key is an error: one of the two values would be lost."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = Counter(key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.value != "<<")
        twice = next((key for key, count in keys.items() if count > 1), None)
        if twice is not None:
            raise _Fault(None, None, f"the key {twice!r} occurs twice", node.start_mark)
        return super().construct_mapping(node, deep)

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Merge what `<<` names, with a limit: each level may multiply the one before."""
        super().flatten_mapping(node)
        if len(node.value) > MERGED_LIMIT:
            raise _Fault(None, None, "`<<` merges too many keys", node.start_mark)


class _Loader(_Strict, yaml.SafeLoader):
    """The loader of what users write. Its errors name lines and columns."""


class _FastLoader(_Strict, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The loader of what may be large: the same, with libyaml's parser where PyYAML has it."""


def load_yaml(content: bytes) -> object:
    """Return the value of a document. Raises YamlFault."""
    return _loaded(content, _FastLoader)


def _loaded(content: bytes, loader: type[yaml.SafeLoader]) -> object:
    try:
        value: object = yaml.load(content, loader)  # noqa: S506 (a SafeLoader)
        _expanded(value, {})
    except _NOT_YAML as error:
        raise YamlFault(f"not YAML: {_one_line(error)}") from error
    return value


class YamlDocument:
    """A document of a file: its `value`, and the lines of its parts. Raises OSError, or YamlFault."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            self._text = file.read(FILE_LIMIT + 1)
        if len(self._text) > FILE_LIMIT:
            raise YamlFault(f"larger than {FILE_LIMIT >> 20} MB")
        self.value = _loaded(self._text, _Loader)

    @property
    def sha256(self) -> str:
        """The digest of the file, in hex."""
        return hashlib.sha256(self._text).hexdigest()

    def line(self, keys: Sequence[str | int]) -> int:
        """Return the line, from 1, of the part to which these keys and positions lead, or of the last that is there."""
        node = yaml.compose(self._text, _Loader)
        line = node.start_mark.line if node is not None else 0
        for key in keys:
            mark, node = _step(node, key)
            if node is None:
                break
            line = mark.line
        return line + 1


def _step(node: Any, key: str | int) -> tuple[Any, Any]:
    """Return the mark and the node of a part; None for both if there is no such part."""
    if isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
        return node.value[key].start_mark, node.value[key]
    for name, value in node.value if isinstance(node, yaml.MappingNode) else ():
        if name.value == str(key):
            return name.start_mark, value
        if name.value == "<<" and (found := _merged(value, key))[1] is not None:
            return found
    return None, None


def _merged(node: Any, key: str | int) -> tuple[Any, Any]:
    """Look for a key in what `<<` merges: a mapping, or a list of mappings. No deeper: such a part has the line of the whole."""
    for one in node.value if isinstance(node, yaml.SequenceNode) else [node]:
        for name, value in one.value if isinstance(one, yaml.MappingNode) else ():
            if name.value == str(key):
                return name.start_mark, value
    return None, None


def _expanded(value: object, known: dict[int, int]) -> int:
    """Return the number of values and characters with aliases expanded. Raises YAMLError if it is too large, or a text is not UTF-8.

    `known` has the counts of lists and mappings by identity. One that contains itself is endless, so it counts as too large.
    """
    if isinstance(value, str):
        if not is_utf8(value):
            raise _Fault(None, None, "a text has an escape that is not a character")
        return len(value)
    if not isinstance(value, dict | list | tuple | set):
        return 1
    if id(value) not in known:
        known[id(value)] = EXPANDED_LIMIT + 1
        inner = [*value, *value.values()] if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(_expanded(one, known) for one in inner)
    if known[id(value)] > EXPANDED_LIMIT:
        raise _Fault(None, None, "too large with its aliases expanded")
    return known[id(value)]


def _one_line(error: Exception) -> str:
    """Return what is wrong and where, without the line itself, which may hold a secret."""
    mark = getattr(error, "problem_mark", None)
    place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
    return f"{getattr(error, 'problem', None) or type(error).__name__}{place}"
