"""What slimmer and its worker say to each other: a head in JSON, and a body of bytes, each with its length before it.

slimmer says `visit` (a page to open), `answer` (to a request of the page) and `refuse`. The worker says `ready`, `failed`, `ask` (a
request of the page) and `visited` (what became of the page).
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

SIZES = struct.Struct(">II")

HEAD_LIMIT = 1 << 18
BODY_LIMIT = 9 << 20
"""The bytes of a message's parts. What is longer comes from a worker that is broken."""

Head = Mapping[str, Any]


class Garbled(Exception):
    """A message is longer than any can be, or is no JSON."""


def packed(head: Head, body: bytes = b"") -> bytes:
    """Return a message as it is sent."""
    text = json.dumps(head).encode()
    return SIZES.pack(len(text), len(body)) + text + body


def sizes(start: bytes) -> tuple[int, int]:
    """Return the lengths of head and body. Raise Garbled."""
    head, body = SIZES.unpack(start)
    if head > HEAD_LIMIT or body > BODY_LIMIT:
        raise Garbled("a message is too long")
    return head, body


def read_head(text: bytes) -> dict[str, Any]:
    """Return a message's head. Raise Garbled."""
    try:
        head = json.loads(text)
    except ValueError as error:
        raise Garbled("a message is no JSON") from error
    if not isinstance(head, dict):
        raise Garbled("a message is no object")
    return head
