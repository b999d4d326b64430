"""Read what dpkg and apk know about installed packages besides their files: architecture, source package, licence.

The lines come from an untrusted image. The functions raise Unreadable if something exceeds a bound. Sources: deb-control(5), "Source";
apk-tools, doc/apk-v2.5.scd.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

from slimmer.image.declared_licences import bounded
from slimmer.image.installed import Installed
from slimmer.image.lines import Unreadable
from slimmer.image.packages import PACKAGES_LIMIT
from slimmer.image.purl import Origin
from slimmer.image.text_databases import INSTALLED, is_there, package_of

_DPKG = frozenset((b"Package", b"Status", b"Version", b"Architecture", b"Source"))
_APK = frozenset((b"P", b"V", b"A", b"L", b"o"))
_SOURCE = re.compile(r"(?P<name>[^\s()]{1,256})(?:\s*\((?P<version>[^\s()]{1,256})\))?")


def dpkg_installed(lines: Iterable[bytes]) -> Iterator[Installed]:
    """Yield the packages of a dpkg status file whose files are there. Licences are elsewhere (slimmer.image.declared_licences)."""
    for fields in _limited(_paragraphs(lines, b": ", _DPKG)):
        if b"Package" in fields and is_there(fields.get(b"Status", INSTALLED)):
            package = package_of("deb", fields[b"Package"], fields.get(b"Version", b""))
            source = _SOURCE.fullmatch(_word(fields.get(b"Source", b"")))
            named = "@".join(filter(None, source.groups())) if source else ""
            yield Installed(package, origin=Origin(_word(fields.get(b"Architecture", b"")), source=named))


def apk_installed(lines: Iterable[bytes]) -> Iterator[Installed]:
    """Yield the packages of apk's database."""
    for fields in _limited(_paragraphs(lines, b":", _APK)):
        if b"P" in fields:
            package = package_of("apk", fields[b"P"], fields.get(b"V", b""))
            origin = Origin(_word(fields.get(b"A", b"")), source=_word(fields.get(b"o", b"")))
            yield Installed(package, origin=origin, licences=bounded([fields.get(b"L", b"").decode(errors="replace")]))


def _limited(paragraphs: Iterable[Mapping[bytes, bytes]]) -> Iterator[Mapping[bytes, bytes]]:
    for count, fields in enumerate(paragraphs):
        if count >= PACKAGES_LIMIT:
            raise Unreadable(f"it has more than {PACKAGES_LIMIT:,} packages")
        yield fields


def _paragraphs(lines: Iterable[bytes], mark: bytes, wanted: frozenset[bytes]) -> Iterator[Mapping[bytes, bytes]]:
    """Yield the wanted fields of each paragraph. If a field occurs twice, the first counts."""
    fields: dict[bytes, bytes] = {}
    for line in chain(lines, (b"",)):
        name, found, value = line.partition(mark)
        if found and name in wanted:
            fields.setdefault(name, value)
        elif fields and not line.strip(b" \t"):
            yield fields
            fields = {}


def _word(value: bytes) -> str:
    """Return a short value; "" if it is none. It comes into package URLs and documents."""
    text = value.strip().decode(errors="replace")
    return text if len(text) <= 256 and text.isprintable() else ""
