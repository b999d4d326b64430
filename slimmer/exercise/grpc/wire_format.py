"""Read messages as protobuf encodes them (protobuf.dev/programming-guides/encoding), without their types: the server is not trusted.

Groups, which nobody has used for long, are refused.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator

from slimmer.exercise.protocols.wire import Nonsense

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
"""Wire types."""

FIXED = {FIXED64: 8, FIXED32: 4}

LONGEST_VARINT = 10
"""The bytes of an integer."""

DEEPEST = 32
"""How deep messages are nested in a text. What is deeper is shown as bytes."""

MOST_FIELDS = 20_000
"""The most fields in the text of one message."""


def fields(data: bytes) -> Iterator[tuple[int, int, int | bytes]]:
    """Yield the number, wire type and value of each field of a message. Raise Nonsense if it is none."""
    at, end = 0, len(data)
    while at < end:
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        if not number or number >= 1 << 29:
            raise Nonsense("a message has a field without a number")
        if kind == VARINT:
            value, at = _varint(data, at)
            yield number, kind, value
            continue
        if kind == LENGTH:
            size, at = _varint(data, at)
        elif (size := FIXED.get(kind, 0)) == 0:
            raise Nonsense("a message has a field of an unknown type")
        if size > end - at:
            raise Nonsense("a message ends too early")
        yield number, kind, data[at : at + size]
        at += size


def parts(data: bytes, number: int) -> Iterator[bytes]:
    """Yield the texts, bytes or messages of a field. Raise Nonsense if this is no message."""
    for found, kind, value in fields(data):
        if found == number and kind == LENGTH and isinstance(value, bytes):
            yield value


def part(data: bytes, number: int) -> bytes:
    """Return the last of these, as protobuf does it; b"" if there is none. Raise Nonsense."""
    last = deque(parts(data, number), maxlen=1)
    return last[0] if last else b""


def integer(data: bytes, number: int) -> int:
    """Return the integer of a field; 0 if there is none. Raise Nonsense."""
    found = 0
    for own, kind, value in fields(data):
        if own == number and kind == VARINT and isinstance(value, int):
            found = value
    return found


def encoded(number: int, value: bytes) -> bytes:
    """Return a field that is a text, bytes or a message."""
    return _encoded_varint(number << 3 | LENGTH) + _encoded_varint(len(value)) + value


def text_of(message: bytes) -> str:
    """Return a message as text, a line for each field, so that people can read it and noise in it can be told from differences.

    Nobody knows the types: texts are shown as texts, messages as messages, and all else as numbers or bytes. The same message gives the same text.
    """
    writer = _Writer()
    try:
        return "".join(f"{line}\n" for line in writer.lines(message, "  ", 0))
    except Nonsense:
        return f"  {message.hex()}\n"


class _Writer:
    def __init__(self) -> None:
        self._room = MOST_FIELDS

    def lines(self, message: bytes, indent: str, depth: int) -> Iterator[str]:
        for number, kind, value in fields(message):
            self._room -= 1
            if self._room < 0:
                raise Nonsense("a message has too many fields")
            if isinstance(value, int):
                yield f"{indent}{number}: {value}"
            elif kind != LENGTH:
                yield f"{indent}{number}: 0x{value[::-1].hex()}"
            elif (text := _text(value)) is not None:
                yield f"{indent}{number}: {json.dumps(text, ensure_ascii=False)}"
            elif depth < DEEPEST and _is_message(value):
                yield f"{indent}{number} {{"
                yield from self.lines(value, f"{indent}  ", depth + 1)
                yield f"{indent}}}"
            else:
                yield f"{indent}{number}: {value.hex()}"


def _text(value: bytes) -> str | None:
    """Return a value as text; None if it seems to be something else. Nearly every message has a byte that no text has."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return None
    return text if text.replace("\n", "").replace("\r", "").replace("\t", "").isprintable() else None


def _is_message(value: bytes) -> bool:
    try:
        return all(True for _ in fields(value))
    except Nonsense:
        return False


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift, byte in enumerate(data[at : at + LONGEST_VARINT]):
        value |= (byte & 0x7F) << (7 * shift)
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at + shift + 1
    raise Nonsense("a message has a number that does not end")


def _encoded_varint(value: int) -> bytes:
    data = bytearray()
    while value > 0x7F:
        data.append(value & 0x7F | 0x80)
        value >>= 7
    data.append(value)
    return bytes(data)
