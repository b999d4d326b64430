"""Files of an output folder, which may be cut short, edited, or made to do harm: a value that can be written again, or UsageError."""

from __future__ import annotations

import io
import json
import tempfile
from contextlib import suppress
from pathlib import Path

import zstandard

from slimmer.artifacts import package_file, report_file
from slimmer.artifacts.build_output import BuildOutput
from slimmer.artifacts.manifest import Line, read_manifest, write_manifest
from slimmer.artifacts.package_file import read_packages
from slimmer.artifacts.tree_file import read_tree, write_tree
from slimmer.errors import UsageError
from slimmer.image.tree import Tree

ENTRY = b"100644 0 0 1 0 0 1 1 0 0 0\0/%d\0\0\0"


def manifest(data: bytes) -> None:
    """What can be read can be written, and is the same then."""
    with suppress(UsageError):
        lines = list(read_manifest(io.StringIO(data.decode(errors="replace"))))
        assert _again(lines) == lines


def _again(lines: list[Line]) -> list[Line]:
    file = io.StringIO()
    write_manifest("sha256:1", lines, file)
    return list(read_manifest(io.StringIO(file.getvalue())))


def tree_file(data: bytes) -> None:
    """What can be read has entries that can be looked at, and can be written."""
    with suppress(UsageError):
        image, tree = read_tree(io.BytesIO(zstandard.compress(data, 1)))
        entries = list(tree)
        file = io.BytesIO()
        write_tree(tree, image, file)
        assert list(read_tree(io.BytesIO(file.getvalue()))[1]) == entries
    with suppress(UsageError):
        read_tree(io.BytesIO(data))


def packages_file(data: bytes) -> None:
    """Whatever packages are named, looking for the owners of a few paths ends."""
    tree = Tree(b"".join(ENTRY % number for number in range(5)))
    with suppress(UsageError):
        record = read_packages(io.BytesIO(zstandard.compress(data, 1)), tree)
        assert set(record.owners(["/1", "/4"])) == {"/1", "/4"}


def report(data: bytes) -> None:
    """The answers that `slimmer explain` asks a report for are texts."""
    with tempfile.TemporaryDirectory() as folder, suppress(UsageError):
        Path(folder, report_file.NAME).write_bytes(data)
        output = BuildOutput(Path(folder))
        assert all(isinstance(text, str) for text in (output.policy, *output.images, *output.selection.exclude))


def package_document(data: bytes) -> None:
    """As packages_file, with a head that is right, so that the rest is looked at."""
    try:
        packages, runs = json.loads(data)
    except (ValueError, TypeError, RecursionError):
        return
    document = {**package_file.FORMAT.head, "image": "", "packages": packages, "runs": runs}
    packages_file(json.dumps(document).encode())


TARGETS = {
    "manifest": manifest,
    "tree_file": tree_file,
    "packages_file": packages_file,
    "package_document": package_document,
    "report": report,
}
