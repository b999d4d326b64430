"""Reads escripts: scripts and archives that the program `escript` runs.

Such an archive is a zip file behind a first line (`#!/usr/bin/env escript`), and perhaps a comment and options for the virtual machine.
Applications lie in it as NAME/ebin/NAME.app. It comes from an untrusted image, and zlib is native code, so it is read in a child process
(slimmer.sandbox). Sources: escript(1); zip(3erl); code(3erl), "Loading of Code From Archive Files".
"""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from slimmer.keep.languages.erlang.descriptions import APPLICATIONS, DESCRIPTION_BYTES, needed
from slimmer.sandbox.archives import BROKEN
from slimmer.sandbox.readers import reader

ESCRIPT_BYTES = 1 << 24
"""The largest escript that is read."""

DESCRIPTIONS = 200
"""The most descriptions of an archive that are read."""

_FIRST_LINE = re.compile(rb"#![^\n]{0,200}\bescript[ \t\r]{0,9}(?:\n|$)")


@dataclass(frozen=True, slots=True)
class Escript:
    """What an escript needs: applications that are not in its archive. `is_escript` is False for other files."""

    is_escript: bool = False
    needed: tuple[str, ...] = ()


@reader
def read_escript(content: bytes) -> Escript:
    """Read the applications that an escript needs. Never raises."""
    if not _FIRST_LINE.match(content):
        return Escript()
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            described = [one for one in archive.infolist() if one.filename.endswith(".app")][:DESCRIPTIONS]
            own = {posixpath.splitext(posixpath.basename(one.filename))[0] for one in described}
            names = dict.fromkeys(name for name in _needed(archive, described) if name not in own)
    except BROKEN:
        return Escript(is_escript=True)
    return Escript(is_escript=True, needed=tuple(islice(names, APPLICATIONS)))


def _needed(archive: zipfile.ZipFile, described: list[zipfile.ZipInfo]) -> Iterator[str]:
    for one in described:
        with archive.open(one) as file:
            yield from needed(file.read(DESCRIPTION_BYTES))
