"""Read which libraries are in a Java archive: those that Maven packed, also in archives within it, or the archive itself.

An archive comes from an untrusted image, and zlib is native code, so a child process reads it (slimmer.sandbox). Sources: Maven Archiver,
"pom.properties"; JAR File Specification, "Main Attributes"; Spring Boot, "The Executable Jar Format" (archives within archives).
"""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
from collections.abc import Iterator

from slimmer.image.json_metadata import Described, Descriptions
from slimmer.image.packages import NAME_LIMIT
from slimmer.sandbox.archives import BROKEN
from slimmer.sandbox.readers import reader

SUFFIXES = (".jar", ".war", ".ear")
LIMIT = 1 << 26
"""The largest archive that is read, in bytes. A child holds it twice."""

INSIDE = 1 << 27
"""The most bytes of archives within an archive."""

LIBRARIES = 2000
"""The most libraries of an archive."""

_TEXT_LIMIT = 1 << 16
_MANIFEST = "META-INF/MANIFEST.MF"
_POM = re.compile(r"META-INF/maven/[^/]+/[^/]+/pom\.properties")
_PROPERTY = re.compile(r"^(groupId|artifactId|version)\s*[=:]\s*(\S+)\s*$", re.MULTILINE)
_FILE = re.compile(r"(?P<name>.+?)(?:-(?P<version>[0-9][\w.+-]*))?\.[jwe]ar", re.DOTALL)
_WORD = re.compile(r"[\w.+:@-]+")
_VERSIONS = ("implementation-version", "specification-version", "bundle-version")


@reader
def read_java_archive(content: bytes, path: str) -> Descriptions:
    """Return the libraries of the archive with this path, as GROUP:NAME, or NAME if the group is not known."""
    try:
        return Descriptions(tuple(dict.fromkeys(_libraries(content, path, [INSIDE], inner=True)))[:LIBRARIES])
    except BROKEN:
        return Descriptions(())


def _libraries(content: bytes, path: str, left: list[int], *, inner: bool) -> Iterator[Described]:
    """Yield the libraries of an archive. `left` has the bytes of inner archives that may still be read; `inner`: read those, too."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        poms = [name for name in archive.NameToInfo if _POM.fullmatch(name)][:LIBRARIES]
        found = [one for name in poms if (one := _described(_text(archive, name))) is not None]
        yield from found or _itself(archive, path)
        for info in archive.infolist() if inner else ():
            if info.filename.endswith(SUFFIXES) and info.file_size <= left[0]:
                left[0] -= info.file_size
                try:
                    with archive.open(info) as file:
                        yield from _libraries(file.read(info.file_size), info.filename, left, inner=False)
                except BROKEN:
                    continue


def _described(properties: str) -> Described | None:
    found = dict(_PROPERTY.findall(properties))
    group, name, version = (_word(found.get(key, "")) for key in ("groupId", "artifactId", "version"))
    return Described(f"{group}:{name}" if group else name, version, ()) if name else None


def _itself(archive: zipfile.ZipFile, path: str) -> Iterator[Described]:
    """Yield an archive that Maven did not pack, by its file name and its manifest. One without a manifest is no library."""
    match = _FILE.fullmatch(posixpath.basename(path))
    if match is None or _MANIFEST not in archive.NameToInfo:
        return
    headers = dict(re.findall(r"^([\w-]+): ?([^\n]*)$", _text(archive, _MANIFEST), re.MULTILINE))
    lower = {name.lower(): _word(value.strip()) for name, value in headers.items()}
    version = match["version"] or next((lower[name] for name in _VERSIONS if lower.get(name)), "")
    if name := _word(match["name"]):
        yield Described(name, _word(version), ())


def _text(archive: zipfile.ZipFile, name: str) -> str:
    with archive.open(name) as file:
        return file.read(_TEXT_LIMIT).decode("utf-8", "replace").replace("\r\n", "\n")


def _word(text: str) -> str:
    return text if len(text) <= NAME_LIMIT and _WORD.fullmatch(text) else ""
