"""The jars that a jar's manifest names ("Class-Path", JAR File Specification).

A jar is an archive of an untrusted image, and zlib is native code: it is read in a child process (slimmer.sandbox).
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
"""URLs of a class path; one of more is none."""

_MANIFEST_LIMIT = 1 << 20
_MANIFEST = "META-INF/MANIFEST.MF"
_CLASS_PATH = re.compile(r"^Class-Path:[ ]?([^\n]*)$", re.MULTILINE | re.IGNORECASE)
_BROKEN = (zipfile.BadZipFile, KeyError, OSError, RuntimeError, ValueError, NotImplementedError, EOFError, zlib.error)

codecs.lookup("cp437")  # for names in archives: a child can load no module once it is confined


@dataclass(frozen=True, slots=True)
class Jar:
    """The URLs of a jar's class path; none where it is broken, or has none."""

    class_path: tuple[str, ...] = ()


@reader
def read_jar(content: bytes) -> Jar:
    """Read a jar's manifest, as far as the class path."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as jar, jar.open(_MANIFEST) as file:
            text = file.read(_MANIFEST_LIMIT).decode("utf-8", "replace")
    except _BROKEN:
        return Jar()
    unfolded = re.sub(r"\r?\n ", "", text).replace("\r\n", "\n")
    match = _CLASS_PATH.search(unfolded)
    urls = match[1].split() if match else []
    return Jar(tuple(urls) if len(urls) <= URLS_LIMIT else ())
