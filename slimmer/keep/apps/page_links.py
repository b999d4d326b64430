"""Reads pages, templates and sources with pieces of pages for the scripts, styles and pictures that they link."""

from __future__ import annotations

import re
from dataclasses import dataclass

from slimmer.sandbox.readers import reader

PAGE_LIMIT = 1 << 19
"""The largest file that is read, in bytes."""

LINKS = 1000
"""The most links that are remembered for one file."""

MARKS = (b"<script", b"<link", b"<img")
"""A source without any of these is no page."""

_BEFORE = r"""(?:<[%?][^<>"'\n]{0,64}[%?]>|\{{2,3}[^{}"'\n]{0,64}\}{2,3}|[^"'<>\s{]|\{(?!\{))"""
"""A letter of an address, or a variable of a template in it: `<%= base %>`, `<?= $base ?>`, `{{ base }}`. At each place, only one of them fits."""

_LINK = re.compile(
    rf"""(?:src|href)\s{{0,9}}=\s{{0,9}}\\?["']{_BEFORE}{{0,256}}?"""
    r"""([\w@.~+/-]{1,256}\.(?:css|js|mjs|svg|png|ico|gif|jpe?g|webp|woff2?))(?![\w.-])"""
    r"""|\{[{%][^{}<>\n]{0,128}?["']([\w@.~+/-]{1,256}\.(?:css|js|mjs|svg|png|ico))["']"""
)


@dataclass(frozen=True, slots=True)
class Links:
    """The links of one page, each once, in order: relative paths without `.` and `..`, at least one name long."""

    paths: tuple[str, ...] = ()


@reader
def read_links(content: bytes) -> Links:
    """Return the links in attributes (`src`, `href`) and in calls of templates (`{% static "x.css" %}`). What comes before a variable is cut off."""
    text = content[:PAGE_LIMIT].decode(errors="replace")
    found: dict[str, None] = {}
    for match in _LINK.finditer(text):
        names = [name for name in (match[1] or match[2]).split("/") if name.strip(".")]
        if names:
            found["/".join(names)] = None
        if len(found) >= LINKS:
            break
    return Links(tuple(found))
