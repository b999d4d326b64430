"""Reads the name of a class from its file (Java Virtual Machine Specification, chapter 4, "The class File Format")."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from slimmer.sandbox.readers import reader

_SIZES = {3: 5, 4: 5, 5: 9, 6: 9, 7: 3, 8: 3, 9: 5, 10: 5, 11: 5, 12: 5, 15: 4, 16: 3, 17: 5, 18: 5, 19: 3, 20: 3}
"""Bytes of a constant, with its tag, by tag. Tag 1 is a text, which states its own length."""

_TEXT, _CLASS, _WIDE = 1, 7, (5, 6)


@dataclass(frozen=True, slots=True)
class ClassFile:
    """A class file. `name` is the class's internal name ("com/example/Main"); "" if it is not a class file."""

    name: str = ""


@reader
def read_class(content: bytes) -> ClassFile:
    """Read the name of the class in a class file."""
    try:
        return ClassFile(_class_name(content))
    except (struct.error, KeyError, IndexError, UnicodeDecodeError):
        return ClassFile()


def _class_name(content: bytes) -> str:
    magic, _, count = struct.unpack_from(">IIH", content)
    if magic != 0xCAFEBABE:
        return ""
    offsets: dict[int, int] = {}
    position, index = 10, 1
    while index < count:
        offsets[index] = position
        tag = content[position]
        position += 3 + struct.unpack_from(">H", content, position + 1)[0] if tag == _TEXT else _SIZES[tag]
        index += 2 if tag in _WIDE else 1
    (this,) = struct.unpack_from(">H", content, position + 2)
    return _text(content, offsets[_reference(content, offsets[this])])


def _reference(content: bytes, offset: int) -> int:
    if content[offset] != _CLASS:
        raise KeyError(offset)
    index: int = struct.unpack_from(">H", content, offset + 1)[0]
    return index


def _text(content: bytes, offset: int) -> str:
    if content[offset] != _TEXT:
        raise KeyError(offset)
    (length,) = struct.unpack_from(">H", content, offset + 1)
    return content[offset + 3 : offset + 3 + length].decode()
