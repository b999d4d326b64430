"""Reads the jars that a jar's manifest names ("Class-Path", JAR File Specification), and the commands that an app's own classes start.

A jar with a main class is an app's ("Main-Class"; "Start-Class" in those of Spring Boot; or a class that the image's command names).
Its own classes are those of the main class's package, or, as libraries may be packed into the jar as well, of its first two parts.

A jar is an archive from an untrusted image, and zlib is native code, so it is read in a child process (slimmer.sandbox).
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from slimmer.keep.languages.java.class_file import read_class
from slimmer.keep.languages.java.commands import LIMIT
from slimmer.sandbox.archives import BROKEN
from slimmer.sandbox.readers import reader

URLS_LIMIT = 10_000
"""The most URLs in a class path. A longer class path is ignored."""

CLASSES, CLASS_BYTES = 3000, 16 << 20
"""The most classes of a jar that are read, and their bytes together."""

_CLASS_LIMIT = 1 << 20
_MANIFEST_LIMIT = 1 << 20
_MANIFEST = "META-INF/MANIFEST.MF"
_HEADER = re.compile(r"^(Class-Path|Main-Class|Start-Class):[ ]?([^\n]*)$", re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Jar:
    """The URLs of a jar's class path, and what may be commands in its own classes that start programs; () if it has none or is broken."""

    class_path: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()


@reader
def read_jar(content: bytes, words: Sequence[str] = ()) -> Jar:
    """Read the class path in a jar's manifest, and its own classes. `words` are those of the image's command, which may name the main class."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as jar:
            headers = _headers(jar)
            main = headers.get("start-class") or headers.get("main-class") or _named(jar, words)
            commands = tuple(dict.fromkeys(_commands(jar, main))) if main else ()
    except BROKEN:
        return Jar()
    urls = headers.get("class-path", "").split()
    return Jar(tuple(urls) if len(urls) <= URLS_LIMIT else (), commands[:LIMIT])


def _headers(jar: zipfile.ZipFile) -> dict[str, str]:
    """Return the headers of the manifest that matter, by their names in lower case."""
    if _MANIFEST not in jar.NameToInfo:
        return {}
    with jar.open(_MANIFEST) as file:
        text = file.read(_MANIFEST_LIMIT).decode("utf-8", "replace")
    unfolded = re.sub(r"\r?\n ", "", text).replace("\r\n", "\n")
    return {match[1].lower(): match[2].strip() for match in reversed([*_HEADER.finditer(unfolded)])}


def _named(jar: zipfile.ZipFile, words: Sequence[str]) -> str:
    """Return the class of the jar that one of these words names; "" if none does."""
    return next((word for word in words if f"{word.replace('.', '/')}.class" in jar.NameToInfo), "")


def _commands(jar: zipfile.ZipFile, main: str) -> Iterator[str]:
    package = main.split(".")[:-1][:2]
    inside = "/".join(["", *package, ""])
    own = [info for info in jar.infolist() if info.filename.endswith(".class") and inside in f"/{info.filename}"]
    left = CLASS_BYTES
    for info in own[:CLASSES]:
        try:
            with jar.open(info) as file:
                content = file.read(min(_CLASS_LIMIT, left))
        except BROKEN:
            left -= _CLASS_LIMIT
        else:
            left -= len(content)
            yield from read_class(content).commands
        if left <= 0:
            return
