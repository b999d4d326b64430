"""Hold a value against a type of the probe format, and say in plain words what does not fit, without the value: it may be a secret."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec
from msgspec import Struct, inspect

from slimmer.exercise.draft import Fault
from slimmer.exercise.probe_format import PATTERN_WORDS

T = TypeVar("T", bound=Struct)
Keys = tuple[str | int, ...]
"""Keys of mappings and positions in lists."""

_ERROR = re.compile(r"(?s)(.*?)(?: - at (`key` in )?`\$(.*)`)?")
_STEP = re.compile(r"\.(\w+)|\[(\d+|\.\.\.)\]")
_KINDS = {
    "str": "text", "int": "a number", "float": "a number", "array": "a list", "object": "a mapping of keys to values", "null": "",
}  # fmt: skip


def checked(value: object, kind: type[T]) -> T:
    """Return the value as this type. Raise Fault with the keys that lead to what does not fit."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise _fault(str(error), value, kind) from error


def _fault(message: str, value: object, kind: type[Struct]) -> Fault:
    found = _ERROR.fullmatch(message)
    assert found is not None
    keys = _exact(_keys(found[3] or ""), value, kind)
    if found[2] and (name := _odd_key(message, value, keys, kind)):
        keys = (*keys, name)
    words = _words(found[1], keys, kind)
    if not keys and not words.startswith("`"):
        return Fault(f"the entry {words}")
    return Fault(words, *keys)


def _keys(path: str) -> Keys:
    steps = _STEP.findall(path)
    return tuple(int(position) if position.isdigit() else name or position for name, position in steps)


def _exact(keys: Keys, value: object, kind: type[Struct]) -> Keys:
    """Name the keys that msgspec does not (`[...]`): those of mappings whose keys are free. Each is tried alone."""
    while "..." in keys:
        at = keys.index("...")
        for name in _inner(value, keys[:at]):
            path = _path_of_error(_only(value, (*keys[:at], name)), kind)
            if path == keys:
                keys = (*keys[:at], name, *keys[at + 1 :])
                break
        else:
            return keys[:at]
    return keys


def _odd_key(message: str, value: object, keys: Keys, kind: type[Struct]) -> str:
    """Return the key that does not fit, of the mapping to which `keys` lead; "" if it is not a text."""
    for name in _inner(value, keys):
        try:
            msgspec.convert(_only(value, (*keys, name)), kind)
        except msgspec.ValidationError as error:
            if str(error) == message:
                return name if isinstance(name, str) else ""
    return ""


def _path_of_error(value: object, kind: type[Struct]) -> Keys:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        found = _ERROR.fullmatch(str(error))
        return _keys(found[3] or "") if found else ()
    return ()


def _inner(value: Any, keys: Keys) -> list[Any]:
    """Return the keys of the mapping to which `keys` lead."""
    for key in keys:
        value = value[key]
    return list(value)


def _only(value: Any, keys: Keys) -> Any:
    """Return the value with no other entry of the mapping to which `keys` lead than their last."""
    key, *rest = keys
    if not rest:
        return {key: value[key]}
    return {**value, key: _only(value[key], tuple(rest))} if isinstance(value, dict) else value


def _words(text: str, keys: Keys, kind: type[Struct]) -> str:
    if found := re.match(r"Object contains unknown field `(.*)`", text):
        return f"has the unknown key {found[1]!r}; known: {', '.join(_known(kind, keys))}"
    if found := re.match(r"Object missing required field `(.*)`", text):
        return f"`{found[1]}` is missing" if not keys else f"lacks the key `{found[1]}`"
    if found := re.match(r"Expected `str` matching regex (['\"])(.*)\1", text):
        pattern = found[2].encode().decode("unicode_escape") if found[1] == "'" else found[2]
        return PATTERN_WORDS.get(pattern, f"does not match {pattern}")
    if found := re.match(r"Expected `\w+` ([<>])= (-?\d+)", text):
        return f"is {'more' if found[1] == '<' else 'less'} than {found[2]}"
    if found := re.match(r"Expected `(.*?)`", text):
        kinds = dict.fromkeys(words for part in found[1].split(" | ") if (words := _KINDS.get(part, part)))
        return f"is not {' or '.join(kinds)}" + ("; put it in quotes" if "text" in kinds else "")
    return text


def _known(kind: type[Struct], keys: Keys) -> list[str]:
    """Return the keys of the mapping to which `keys` lead."""
    types: list[inspect.Type] = [inspect.type_info(kind)]
    for key in keys:
        types = [inner for one in types for inner in _below(one, key)]
    return [field.encode_name for one in types if isinstance(one, inspect.StructType) for field in one.fields]


def _below(kind: inspect.Type, key: str | int) -> Iterator[inspect.Type]:
    """Yield the types that a part of a value of this type may have, with unions taken apart."""
    if isinstance(kind, inspect.StructType):
        yield from (inner for one in kind.fields if one.encode_name == key for inner in _apart(one.type))
    elif isinstance(kind, inspect.DictType):
        yield from _apart(kind.value_type)
    elif isinstance(kind, inspect.ListType):
        yield from _apart(kind.item_type)


def _apart(kind: inspect.Type) -> Iterator[inspect.Type]:
    if isinstance(kind, inspect.Metadata):
        yield from _apart(kind.type)
    elif isinstance(kind, inspect.UnionType):
        for one in kind.types:
            yield from _apart(one)
    else:
        yield kind
