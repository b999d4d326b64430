"""tree.json.zst: the original's whole index, so that a path which was dropped can be asked about without the image.

One JSON document, compressed, with one entry a line, so that neither side ever holds it whole:
`{"format": …, "version": 1, "image": ID, "entries": [` and rows `[HEAD, PATH, TARGET, XATTRS]`, the four fields of the
probe's index (docs/probe-protocol.md, "Serve"). ASCII; bytes that are not UTF-8 are escaped surrogates.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from typing import IO, Any

import zstandard

from slimmer.errors import UsageError
from slimmer.image.tree import Tree
from slimmer.observe.pristine import INDEX_LIMIT

NAME = "tree.json.zst"
FORMAT = "slimmer-tree"
FORMAT_VERSION = 1

_FIELDS = 4
_LINE_LIMIT = 1 << 24
"""Characters; a path has at most 4096 bytes, each extended attribute 64 kB (xattr(7))."""


def write_tree(tree: Tree, image_id: str, file: IO[bytes]) -> None:
    """Write the index of the image with this ID."""
    with (
        zstandard.ZstdCompressor(level=6).stream_writer(file, closefd=False) as compressed,
        io.TextIOWrapper(compressed, encoding="ascii", newline="\n") as text,
    ):
        head = {"format": FORMAT, "version": FORMAT_VERSION, "image": image_id}
        text.write(json.dumps(head)[:-1] + ', "entries": [')
        separator = "\n"
        for record in tree.records():
            text.write(separator + json.dumps([os.fsdecode(field) for field in record.split(b"\0")[:-1]]))
            separator = ",\n"
        text.write("\n]}\n")


def read_tree(file: IO[bytes]) -> tuple[str, Tree]:
    """The image's ID and the tree that write_tree wrote.

    Raises UsageError when it is no such file, cut short, of another version, or larger than any that slimmer writes.
    """
    blob = bytearray()
    try:
        with zstandard.ZstdDecompressor().stream_reader(file, closefd=False) as raw:
            lines = _lines(io.TextIOWrapper(raw, encoding="ascii", newline="\n"))
            image = _image(next(lines, ""))
            for record in _records(lines):
                blob += record
                if len(blob) > INDEX_LIMIT:
                    raise ValueError("too large")
        return image, Tree(blob)
    except (ValueError, KeyError, TypeError, zstandard.ZstdError) as error:
        raise UsageError(f"{getattr(file, 'name', NAME)} cannot be read as a tree of slimmer's: {error}") from error


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    while line := text.readline(_LINE_LIMIT):
        yield line


def _image(line: str) -> str:
    head: dict[str, Any] = json.loads(line + "]}")
    if head["format"] != FORMAT:
        raise ValueError("another format")
    if head["version"] != FORMAT_VERSION:
        raise ValueError(f"format version {head['version']}, this slimmer reads {FORMAT_VERSION}")
    return str(head["image"])


def _records(lines: Iterator[str]) -> Iterator[bytes]:
    """The index's entries, as the probe wrote them."""
    for line in lines:
        if line == "]}\n":
            return
        fields = [os.fsencode(field) for field in json.loads(line.rstrip(",\n"))]
        if len(fields) != _FIELDS or any(b"\0" in field for field in fields):
            raise ValueError("an entry of another form")
        yield b"\0".join(fields) + b"\0"
    raise ValueError("it is cut short")
