"""What parent and child say to each other over two pipes: jobs one way, answers the other.

A job is two lengths (of the head and of the content, 4 bytes each, little-endian), the head (JSON: the reader's name and its
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

ANSWER_LIMIT = 1 << 22
"""Bytes of an answer. A source of 1 MiB says less than that, and JSON takes up to 30 times as much when it is read."""

HEAD_LIMIT = 1 << 20
"""Bytes of a reader's name and arguments."""


class Kind(IntEnum):
    """What an answer's text is."""

    READY = 0  # nothing: the child is confined, and will answer jobs now
    FACTS = 1  # facts as JSON
    FAILED = 2  # why there are none, in a few words


def job_head(reader: str, arguments: Sequence[Any], content: bytes) -> bytes:
    """All of a job but its content."""
    head = json.dumps([reader, *arguments], separators=(",", ":")).encode()
    return JOB.pack(len(head), len(content)) + head


def answer(kind: Kind, text: bytes = b"") -> bytes:
    """An answer."""
    return ANSWER.pack(kind, len(text)) + text
