"""Read the licences that packages declare, from the start of their metadata. The texts come from an untrusted image.

Sources: Debian's machine-readable debian/copyright files (DEP-5), "License specification"; the Python core metadata specification;
RubyGems' Gem::Specification#to_ruby.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

HEAD = 1 << 18
"""The bytes of a file that are read."""

LENGTH = 200
"""The longest name or expression of a licence, in characters."""

MOST = 32
"""The most licences of a package."""

_DEP5 = re.compile(rb"\AFormat(?:-Specification)?:[^\n]*(?:dep5|copyright-format)", re.IGNORECASE)
_DEP5_LICENCE = re.compile(rb"^License:[ \t]*([^\n]*)", re.MULTILINE | re.IGNORECASE)
_DEP5_FILES = re.compile(rb"^Files:", re.MULTILINE | re.IGNORECASE)
_DEP5_GNU = re.compile(r"(?P<name>[AL]?GPL|GFDL)-(?P<major>[0-9])(?P<minor>\.[0-9])?(?:\.0)?(?P<later>\+?)")
_DEP5_NAMES = {
    "Expat": "MIT",
    "Apache-2": "Apache-2.0",
    "BSD-2-clause": "BSD-2-Clause",
    "BSD-3-clause": "BSD-3-Clause",
    "BSD-4-clause": "BSD-4-Clause",
    "zlib": "Zlib",
    "MPL-2": "MPL-2.0",
    "CC0": "CC0-1.0",
}
"""SPDX identifiers of short names of DEP-5 and of Debian's archive."""

_GEM_LICENCES = re.compile(
    r"^[^\S\n]{0,99}s\w{0,99}\.licenses?[^\S\n]{0,99}=[^\S\n]{0,99}(?P<value>\[[^\]\n]*\]|[^\n]*)", re.MULTILINE
)
_RUBY_TEXT = re.compile(r"\"([^\"\\\n#]{1,200})\"|'([^'\\\n]{1,200})'")
_CLASSIFIER = "License :: OSI Approved :: "


def bounded(licences: Iterable[str]) -> tuple[str, ...]:
    """Return the licences without duplicates, and without those that are no short printable text."""
    texts = (" ".join(text.split()) for text in licences)
    return tuple(dict.fromkeys(text for text in texts if text and len(text) <= LENGTH and text.isprintable()))[:MOST]


def copyright_licences(content: bytes) -> tuple[str, ...]:
    """Return the licences of the files of a Debian package, if its copyright file is machine-readable. Names get their SPDX identifiers."""
    if not _DEP5.match(content):
        return ()
    files = _DEP5_FILES.search(content)
    found = (
        match[1].decode(errors="replace").strip()
        for match in _DEP5_LICENCE.finditer(content, files.start() if files else 0)
    )
    return bounded(" ".join(map(_dep5_word, words.split())) for words in found)


def metadata_fields(content: bytes) -> dict[str, str]:
    """Return Name, Version and the licence of a Python distribution. The licence has the key License; it may be missing."""
    fields: dict[str, str] = {}
    classifiers: list[str] = []
    for name, value, is_whole in _headers(content):
        if name == "classifier" and value.startswith(_CLASSIFIER):
            classifiers.append(value.removeprefix(_CLASSIFIER))
        elif is_whole:
            fields.setdefault(name, value)
    licence = fields.get("license-expression") or _real(fields.get("license", "")) or ", ".join(classifiers)
    return {"Name": fields.get("name", ""), "Version": fields.get("version", ""), "License": licence}


def gemspec_licences(content: bytes) -> tuple[str, ...]:
    """Return the licences of a gem, as RubyGems writes them into its specification."""
    match = _GEM_LICENCES.search(content.decode(errors="replace"))
    return bounded(first or second for first, second in _RUBY_TEXT.findall(match["value"])) if match else ()


def _headers(content: bytes) -> Iterator[tuple[str, str, bool]]:
    """Yield the header fields of an e-mail-like text with the name in lower case, and if the value is a single line."""
    lines = content.decode(errors="replace").splitlines()
    for number, line in enumerate(lines):
        name, found, value = line.partition(":")
        if not line.strip():
            return
        if found and not line.startswith((" ", "\t")):
            more = lines[number + 1] if number + 1 < len(lines) else ""
            yield name.lower(), value.strip(), not more.startswith((" ", "\t"))


def _real(licence: str) -> str:
    return "" if licence.upper() in ("UNKNOWN", "NONE") else licence


def _dep5_word(word: str) -> str:
    """Return the SPDX identifier of a short name, or "and" and "or" as SPDX writes them."""
    plain, comma = word.rstrip(","), ","[: word.endswith(",")]
    if plain.lower() in ("and", "or", "with"):
        return plain.upper()
    match = _DEP5_GNU.fullmatch(plain)
    if match:
        later = "or-later" if match["later"] else "only"
        return f"{match['name']}-{match['major']}{match['minor'] or '.0'}-{later}{comma}"
    return _DEP5_NAMES.get(plain, plain) + comma
