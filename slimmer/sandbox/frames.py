"""The protocol between parent and child. Jobs go through one pipe, answers through another.

A job has two lengths (of the head and of the content, 4 bytes each, little-endian), the head (JSON: the reader's place and its
arguments) and the content. An answer has a byte for the kind, the length of the text (4 bytes), and the text.
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
"""The most bytes of an answer. The facts of a source of 1 MiB, or a map of 100,000 classes, take less."""

PIECES = 1 << 21
"""The most values in an answer. Each takes about 60 bytes or more in Python."""


class Kind(IntEnum):
    """The kind of an answer's text."""

    READY = 0  # empty: the child is confined, and ready for jobs
    FACTS = 1  # facts as JSON
    FAILED = 2  # why there are none, in a few words
    NO_READER = 3  # why the reader cannot be imported


def job_head(place: str, arguments: Sequence[Any], content: bytes) -> bytes:
    """Return a job without its content."""
    head = json.dumps([place, *arguments], separators=(",", ":")).encode()
    return JOB.pack(len(head), len(content)) + head


def is_modest(text: bytes) -> bool:
    """Return True if the JSON text has at most PIECES values, so that reading it does not take too much memory."""
    return sum(map(text.count, (b",", b"[", b"{"))) <= PIECES


def answer(kind: Kind, text: bytes = b"") -> bytes:
    """Return an answer."""
    return ANSWER.pack(kind, len(text)) + text
