"""Read what a document links. This runs in the sandbox, because the documents come from an app that is not trusted.

Links are returned as they are written. Who resolves them knows where the document came from (slimmer.exercise.crawl.origin).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Any

from slimmer.exercise.crawl.page import Page
from slimmer.exercise.crawl.text_links import robots_links, script_links, style_links
from slimmer.exercise.crawl.xml_links import xml_links
from slimmer.sandbox.readers import reader

LINKS = 1000
"""The most links of one document."""

LONGEST = 4096
"""The most characters of a link."""

_DEPTH = 8
"""How deep the links of a web app manifest are nested at most."""


class Kind(StrEnum):
    """A kind of document that has links."""

    PAGE = "page"
    STYLE = "style"
    SCRIPT = "script"
    MANIFEST = "manifest"
    XML = "xml"
    ROBOTS = "robots"


@dataclass(frozen=True, slots=True)
class Links:
    """The links of a document, each once, in order. `base` is its `<base href>`. `cut`: it has more links than are read."""

    links: tuple[str, ...] = ()
    base: str = ""
    cut: bool = False


def kind_of(media_type: str, path: str) -> Kind | None:
    """Return the kind of a document with this Content-Type at this path; None if it has no links."""
    media, name = media_type.partition(";")[0].strip(), path.partition("?")[0].rpartition("/")[2]
    if media in ("text/html", "application/xhtml+xml"):
        return Kind.PAGE
    if media == "text/css":
        return Kind.STYLE
    if media.endswith(("/javascript", "/x-javascript", "/ecmascript")):
        return Kind.SCRIPT
    if media == "application/manifest+json" or name in ("manifest.json", "site.webmanifest"):
        return Kind.MANIFEST
    if media.endswith(("/xml", "+xml")):
        return Kind.XML
    return Kind.ROBOTS if path == "/robots.txt" and media == "text/plain" else None


@reader
def read_links(content: bytes, kind: str, charset: str) -> Links:
    """Return the links of a document of this kind. Characters that are not of its charset are replaced."""
    if kind == Kind.PAGE:
        page = Page(_text(content, charset))
        return _some(page.links(), page.base)
    return _some(_links(content, Kind(kind), charset))


def _links(content: bytes, kind: Kind, charset: str) -> Iterator[str]:
    if kind is Kind.XML:
        return xml_links(content)
    if kind is Kind.MANIFEST:
        return _manifest_links(content)
    readers = {Kind.STYLE: style_links, Kind.SCRIPT: script_links, Kind.ROBOTS: robots_links}
    return readers[kind](_text(content, charset))


def _text(content: bytes, charset: str) -> str:
    try:
        return content.decode(charset, "replace")
    except (LookupError, ValueError):
        return content.decode("utf-8", "replace")


def _some(links: Iterator[str], base: str = "") -> Links:
    """Return the first links. As many are looked at as a page of the largest size can have."""
    found = dict.fromkeys(link for link in links if 0 < len(link) <= LONGEST)
    return Links(tuple(islice(found, LINKS)), base[:LONGEST], len(found) > LINKS)


def _manifest_links(content: bytes) -> Iterator[str]:
    """Yield the URLs of a web app manifest (W3C, "Web Application Manifest"): its pages, and its pictures."""
    try:
        yield from _members(json.loads(content), _DEPTH)
    except (ValueError, RecursionError):
        return


def _members(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, list):
        for entry in value if depth else ():
            yield from _members(entry, depth - 1)
    elif isinstance(value, dict):
        for name, entry in value.items() if depth else ():
            if isinstance(entry, str) and name in ("start_url", "src", "url", "scope"):
                yield entry
            else:
                yield from _members(entry, depth - 1)
