"""Which links lead to the app itself (RFC 6454), and how they are written in a request.

A request goes to the endpoint of the port, whatever a link says. So a link to another host is never followed, and one to the app's
own host becomes a path.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, urljoin, urlsplit

LONGEST = 1024
"""The most characters of a path with its query."""

DEFAULT_PORTS = {"http": 80, "https": 443}
OWN_HOSTS = ("localhost", "127.0.0.1", "::1")

_SAFE = "/?:@!$&'()*+,;=-._~%"
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_IGNORED = re.compile(r"[\t\n\r]")
_BLANK = "".join(map(chr, range(0x21)))
_PLAIN = re.compile(r"/(?:[\w-][\w.~-]*(?:/|$))*", re.ASCII)
"""A path that is already in its normal form."""


@dataclass(frozen=True, slots=True)
class Origin:
    """A port of the app as its users address it. `endpoint` is the host and port that lead to it from this machine."""

    scheme: str
    port: int
    endpoint: tuple[str, int]

    @property
    def url(self) -> str:
        """The URL of the front page."""
        return f"{self.scheme}://localhost:{self.port}/"

    def is_own(self, scheme: str, host: str, port: int | None) -> bool:
        """Return True if the app is addressed with these parts of a URL."""
        place = host, port or DEFAULT_PORTS.get(scheme, 0)
        return scheme == self.scheme and (place == self.endpoint or (place[0] in OWN_HOSTS and place[1] == self.port))

    def path_of(self, link: str, document: str = "/", base: str = "") -> str | None:
        """Return the path and query of a link; None if it leads elsewhere, or to no document at all.

        `document` is the path of the page with the link, and `base` the value of its `<base href>`.
        """
        link = _IGNORED.sub("", link[: 4 * LONGEST]).strip(_BLANK)
        if _PLAIN.fullmatch(link) and not base:
            return link if len(link) <= LONGEST else None
        return _resolved(self, link, document.partition("?")[0], base)


@lru_cache(maxsize=4096)
def _resolved(origin: Origin, link: str, document: str, base: str) -> str | None:
    link = link.partition("#")[0].replace("\\", "/")
    if not link or (_SCHEME.match(link) and not link.lower().startswith(("http:", "https:"))):
        return None
    try:
        home = urljoin(urljoin(origin.url, document), base.strip(_BLANK))
        parts = urlsplit(urljoin(home, link))
        if not origin.is_own(parts.scheme.lower(), (parts.hostname or "").lower(), parts.port):
            return None
    except ValueError:  # not a URL
        return None
    path = quote(parts.path or "/", safe=_SAFE.replace("?", ""), errors="replace")
    query = quote(parts.query, safe=_SAFE, errors="replace")
    url = f"{path}?{query}" if query else path
    return url if len(url) <= LONGEST and url.startswith("/") and not url.startswith("//") else None
