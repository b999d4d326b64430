"""Links in styles, scripts and robots.txt. Each pattern takes time linear in the length of the text."""

from __future__ import annotations

import re
from collections.abc import Iterator

_STYLE = re.compile(
    r"""url\(\s{0,9}(?:"([^"\n]{1,2048})"|'([^'\n]{1,2048})'|([^\s"'()]{1,2048}))\s{0,9}\)"""
    r"""|@import\s{1,9}(?:"([^"\n]{1,2048})"|'([^'\n]{1,2048})')""",
    re.IGNORECASE,
)
"""url() and @import: CSS Values and Units 4, section 4.5; CSS Cascade 4, section 2."""

_SCRIPT = re.compile(
    r"""(["'`])((?:/(?!/)|\.{1,2}/)(?:[\w.~%@:+-]{1,128}/){0,16}[\w.~%@:+-]{0,128}(?:\?[\w.~%@:+=&-]{0,256})?)\1""",
    re.ASCII,
)
"""A string that is a path: absolute (`"/api/items"`), or relative as in `import "./x.js"`."""

_RELATIVE = re.compile(r"\.(?:m?js|css|json|wasm)$")
"""A relative path in a script is a link only if it leads to such a file: others are names of modules that are not served."""

_ROBOTS = re.compile(
    r"^\s{0,9}(?:allow|disallow|sitemap)\s{0,9}:[ \t]{0,9}([^\s#*$]{1,2048})[ \t\r]*(?:#.*)?$",
    re.IGNORECASE | re.MULTILINE,
)
"""Lines without wildcards: RFC 9309, section 2.2. What robots should not visit is still a page of the app."""


def style_links(text: str) -> Iterator[str]:
    """Yield the links of a style sheet."""
    for match in _STYLE.finditer(text):
        yield match[match.lastindex or 0]


def script_links(text: str) -> Iterator[str]:
    """Yield the strings of a script that are paths, such as `"/api/items"`."""
    for match in _SCRIPT.finditer(text):
        path = match[2]
        if (path[0] == "/" and len(path) > 1 and ":" not in path) or _RELATIVE.search(path):
            yield path


def robots_links(text: str) -> Iterator[str]:
    """Yield the paths and sitemaps that a robots.txt names."""
    for match in _ROBOTS.finditer(text):
        yield match[1]
