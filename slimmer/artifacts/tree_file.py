"""tree.json.zst: the original's whole index, so that dropped paths can be explained without the image.

One compressed JSON document, with one entry per line, so that neither side ever holds all of it:
`{"format": …, "version": …, "image": ID, "entries": [` and rows `[HEAD, PATH, TARGET, XATTRS]`, the four fields of the probe's
index (docs/probe-protocol.md, "Serve"). The text is ASCII, and bytes that are not UTF-8 are escaped surrogates.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from json.encoder import encode_basestring_ascii
from typing import IO

import zstandard
from msgspec import Struct

from slimmer.artifacts.manifest import LINE_LIMIT
from slimmer.image.path_index import RECORD
from slimmer.image.tree import Tree
from slimmer.observe.pristine import INDEX_LIMIT
from slimmer.versioned_json import Format, Name, Version, convert, parse, reading

NAME = "tree.json.zst"
HINT = "`slimmer build` and `slimmer keep` write one."


class TreeRow(Struct, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """One path, as an array of the four fields of the probe's index: head, path, link target, extended attributes."""

    head: Name
    path: Name
    target: Name
    xattrs: Name


class TreeDocument(Struct, frozen=True):
    """All paths of the original image, including dropped ones. `image` is its ID. The entries are in the order of a walk."""

    image: Name
    entries: list[TreeRow]


FORMAT = Format("slimmer-tree", Version(1, 0), TreeDocument)


def write_tree(tree: Tree, image_id: str, file: IO[bytes]) -> None:
    """Write the index of the image with this ID."""
    with (
        zstandard.ZstdCompressor(level=6).stream_writer(file, closefd=False) as compressed,
        io.TextIOWrapper(compressed, encoding="ascii", newline="\n") as lines,
    ):
        lines.write(json.dumps({**FORMAT.head, "image": image_id})[:-1] + ', "entries": [')
        separator = "\n"
        for record in tree.records():
            fields = os.fsdecode(record).split("\0")[:-1]
            lines.write(
                f"{separator}[{', '.join(map(encode_basestring_ascii, fields))}]"
            )  # as json.dumps does, but faster
            separator = ",\n"
        lines.write("\n]}\n")


def read_tree(file: IO[bytes]) -> tuple[str, Tree]:
    """Read what write_tree wrote, and return the image's ID and the tree.

    Raises UsageError if it is not such a file, was cut short, has another version, or is larger than any that slimmer writes.
    """
    blob = bytearray()
    with (
        reading(str(getattr(file, "name", NAME)), "a tree file of slimmer", HINT),
        zstandard.ZstdDecompressor().stream_reader(file, closefd=False) as raw,
    ):
        lines = _lines(io.TextIOWrapper(raw, encoding="ascii", newline="\n"))
        image = _image(next(lines, ""))
        for record in _records(lines):
            blob += record
            if len(blob) > INDEX_LIMIT:
                raise ValueError("too large")
    return image, Tree(blob)


def _lines(file: io.TextIOWrapper) -> Iterator[str]:
    while line := file.readline(LINE_LIMIT):
        yield line


def _image(line: str) -> str:
    return FORMAT.read(parse(line + "]}")).image


def _records(lines: Iterator[str]) -> Iterator[bytes]:
    """Yield the index's entries, as the probe wrote them."""
    for number, line in enumerate(lines):
        if line == "]}\n":
            return
        row = convert(parse(line.rstrip(",\n")), TreeRow, f"$.entries[{number}]")
        record = b"".join(os.fsencode(field) + b"\0" for field in (row.head, row.path, row.target, row.xattrs))
        if not RECORD.fullmatch(record):
            raise ValueError(f"$.entries[{number}]: the entry is invalid")
        yield record
    raise ValueError("it is cut short")
