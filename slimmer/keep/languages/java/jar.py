"""Reads the jars that a jar's manifest names ("Class-Path", JAR File Specification).

A jar is an archive from an untrusted image, and zlib is native code, so it is read in a child process (slimmer.sandbox).
"""

from __future__ import annotations

import codecs
import io
import re
import zipfile
import zlib
from dataclasses import dataclass

from slimmer.sandbox.readers import reader

URLS_LIMIT = 10_000
"""The most URLs in a class path. A longer class path is ignored."""

_MANIFEST_LIMIT = 1 << 20
_MANIFEST = "META-INF/MANIFEST.MF"
_CLASS_PATH = re.compile(r"^Class-Path:[ ]?([^\n]*)$", re.MULTILINE | re.IGNORECASE)
_BROKEN = (zipfile.BadZipFile, KeyError, OSError, RuntimeError, ValueError, NotImplementedError, EOFError, zlib.error)

codecs.lookup("cp437")  # for names in archives: a confined child cannot load modules


@dataclass(frozen=True, slots=True)
class Jar:
    """The URLs of a jar's class path; () if it has none or is broken."""

    class_path: tuple[str, ...] = ()


@reader
def read_jar(content: bytes) -> Jar:
    """Read the class path in a jar's manifest."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as jar, jar.open(_MANIFEST) as file:
            text = file.read(_MANIFEST_LIMIT).decode("utf-8", "replace")
    except _BROKEN:
        return Jar()
    unfolded = re.sub(r"\r?\n ", "", text).replace("\r\n", "\n")
    match = _CLASS_PATH.search(unfolded)
    urls = match[1].split() if match else []
    return Jar(tuple(urls) if len(urls) <= URLS_LIMIT else ())
