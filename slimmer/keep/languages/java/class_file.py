"""Reads the name of a class, and the commands that it starts (Java Virtual Machine Specification, chapter 4, "The class File Format")."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from slimmer.keep.languages.java.commands import commands_in
from slimmer.sandbox.readers import reader

CLASS_LIMIT = 4 << 20
"""The most bytes of a class file that is read."""

_SIZES = {3: 5, 4: 5, 5: 9, 6: 9, 7: 3, 8: 3, 9: 5, 10: 5, 11: 5, 12: 5, 15: 4, 16: 3, 17: 5, 18: 5, 19: 3, 20: 3}
"""Bytes of a constant, with its tag, by tag. Tag 1 is a text, which states its own length."""

_TEXT, _CLASS, _STRING, _METHOD, _WIDE = 1, 7, 8, 10, (5, 6)
_TEXT_LIMIT = 1024

_BUILDER, _RUNTIME, _EXEC = "java/lang/ProcessBuilder", "java/lang/Runtime", "exec"
_STARTERS = (_BUILDER.encode(), _RUNTIME.encode())

_Offsets = Mapping[int, int]
"""Where the constants of a class file lie, by their indexes."""


@dataclass(frozen=True, slots=True)
class ClassFile:
    """A class file. `name` is the class's internal name ("com/example/Main"); "" if it is not a class file.

    `commands` are words and lines that may be commands, if the class starts programs.
    """

    name: str = ""
    commands: tuple[str, ...] = ()


@reader
def read_class(content: bytes) -> ClassFile:
    """Read the class in a class file."""
    try:
        offsets, end = _constants(content)
        (this,) = struct.unpack_from(">H", content, end + 2)
        return ClassFile(_class_name(content, offsets, this), _commands(content, offsets))
    except (struct.error, KeyError, IndexError, UnicodeDecodeError):
        return ClassFile()


def _constants(content: bytes) -> tuple[_Offsets, int]:
    """Return the places of the constants, and the place behind the last one. Raise KeyError if this is not a class file."""
    magic, _, count = struct.unpack_from(">IIH", content)
    if magic != 0xCAFEBABE:
        raise KeyError(magic)
    offsets: dict[int, int] = {}
    position, index = 10, 1
    while index < count:
        offsets[index] = position
        tag = content[position]
        position += 3 + struct.unpack_from(">H", content, position + 1)[0] if tag == _TEXT else _SIZES[tag]
        index += 2 if tag in _WIDE else 1
    return offsets, position


def _class_name(content: bytes, offsets: _Offsets, index: int) -> str:
    offset = offsets[index]
    if content[offset] != _CLASS:
        raise KeyError(offset)
    return _text(content, offsets[_index(content, offset + 1)])


def _index(content: bytes, offset: int) -> int:
    index: int = struct.unpack_from(">H", content, offset)[0]
    return index


def _text(content: bytes, offset: int) -> str:
    if content[offset] != _TEXT:
        raise KeyError(offset)
    return content[offset + 3 : offset + 3 + _index(content, offset + 1)].decode()


def _commands(content: bytes, offsets: _Offsets) -> tuple[str, ...]:
    if not any(name in content for name in _STARTERS) or not _starts_programs(content, offsets):
        return ()
    return commands_in([*_strings(content, offsets)])


def _starts_programs(content: bytes, offsets: _Offsets) -> bool:
    """Return True if the class refers to ProcessBuilder, or to the method exec of Runtime (4.4.1, 4.4.2 and 4.4.6)."""
    for offset in offsets.values():
        if content[offset] == _CLASS and _is_text(content, offsets[_index(content, offset + 1)], _BUILDER):
            return True
        if content[offset] == _METHOD:
            owner, member = offsets[_index(content, offset + 1)], offsets[_index(content, offset + 3)]
            is_exec = _is_text(content, offsets[_index(content, member + 1)], _EXEC)
            if is_exec and _is_text(content, offsets[_index(content, owner + 1)], _RUNTIME):
                return True
    return False


def _is_text(content: bytes, offset: int, text: str) -> bool:
    return content.startswith(struct.pack(">BH", _TEXT, len(text)) + text.encode(), offset)


def _strings(content: bytes, offsets: _Offsets) -> Iterator[str]:
    """Yield the beginnings of the string literals (4.4.3), each constant once however many refer to it."""
    places = (offsets[_index(content, offset + 1)] for offset in offsets.values() if content[offset] == _STRING)
    for place in dict.fromkeys(places):
        length = min(_index(content, place + 1), _TEXT_LIMIT) if content[place] == _TEXT else 0
        yield content[place + 3 : place + 3 + length].decode("utf-8", "replace")
