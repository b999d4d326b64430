"""The smaller database of apk: `installed` with the paragraphs of the packages of which files are kept, and of their files only the kept ones.

Source: apk-tools, doc/apk-v2.5.scd.
"""

from __future__ import annotations

from collections.abc import Iterator

from slimmer.image.added_file import AddedFile
from slimmer.image.package_database import MOST, TOO_MUCH, Smaller
from slimmer.image.package_table import RootLinks
from slimmer.image.text_databases import apk_part


def apk_data(given: Smaller) -> Iterator[AddedFile]:
    """Yield the database."""
    links, reader, path = RootLinks(given.tree), given.reader, given.database.path
    content = bytearray()
    for line in reader.read([path], lambda _, pieces: apk_part(reader.lines(pieces), given.wanted, links.real)):
        if len(content) + len(line) > MOST:
            reader.note(path, TOO_MUCH)
            return
        content += line
    if content:
        yield AddedFile(path, bytes(content), given.mtime, "the apk packages of which files are kept")
