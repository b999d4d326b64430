"""Links in XML: sitemaps and their indexes (sitemaps.org), feeds (RSS 2.0, RFC 4287), and pictures (SVG)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from xml.parsers import expat

TEXTS = frozenset(("loc", "link", "url", "comments", "docs", "icon", "logo"))
"""Elements whose text is a link."""

ATTRIBUTES = frozenset(("href", "src", "url", "xlink:href"))

LONGEST = 4096


class _Refused(Exception):
    """The document declares an entity, with which a short document can become endless."""


class _Reader:
    """Collects links while expat reads."""

    def __init__(self) -> None:
        self.links: list[str] = []
        self._text: list[str] | None = None

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.links += [value.strip() for key, value in attributes.items() if key in ATTRIBUTES]
        self._text = [] if name.rpartition(":")[2] in TEXTS else None

    def data(self, text: str) -> None:
        if self._text is not None and sum(map(len, self._text)) < LONGEST:
            self._text.append(text)

    def end(self, name: str) -> None:
        if self._text is not None:
            self.links.append("".join(self._text).strip())
        self._text = None

    def refuse(self, *declared: object) -> None:
        raise _Refused


def xml_links(content: bytes) -> Iterator[str]:
    """Yield the links of a document, up to the place where it is cut or broken."""
    read, parser = _Reader(), expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = read.start, read.end
    parser.CharacterDataHandler, parser.EntityDeclHandler = read.data, read.refuse
    with suppress(expat.ExpatError, ValueError, LookupError, _Refused):
        parser.Parse(content, True)
    yield from read.links
