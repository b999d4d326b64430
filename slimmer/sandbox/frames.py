"""What parent and child say to each other over two pipes: jobs one way, answers the other.

A job is two lengths (of the head and of the content, 4 bytes each, little-endian), the head (JSON: the reader's place and its
arguments) and the content. An answer is a byte for the kind, the length of the text (4 bytes), and the text.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from enum import IntEnum
from typing import Any

JOB = struct.Struct("<II")
ANSWER = struct.Struct("<BI")

ANSWER_LIMIT = 1 << 24
"""Bytes of an answer: more than a source of 1 MiB says, or a map of 100,000 classes."""

PIECES = 1 << 21
"""Values in an answer: each takes some 60 bytes or more in Python."""


class Kind(IntEnum):
    """What an answer's text is."""

    READY = 0  # nothing: the child is confined, and will answer jobs now
    FACTS = 1  # facts as JSON
    FAILED = 2  # why there are none, in a few words
    NO_READER = 3  # why the reader cannot be imported


def job_head(place: str, arguments: Sequence[Any], content: bytes) -> bytes:
    """All of a job but its content."""
    head = json.dumps([place, *arguments], separators=(",", ":")).encode()
    return JOB.pack(len(head), len(content)) + head


def is_modest(text: bytes) -> bool:
    """Return True if JSON has so few values that it can be read without fear for memory."""
    return sum(map(text.count, (b",", b"[", b"{"))) <= PIECES


def answer(kind: Kind, text: bytes = b"") -> bytes:
    """An answer."""
    return ANSWER.pack(kind, len(text)) + text
