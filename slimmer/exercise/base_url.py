"""The address of an app that a user names: http://HOST:PORT/BASE."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from slimmer.errors import UsageError
from slimmer.exercise.client import DEFAULT_PORTS, authority
from slimmer.exercise.draft import quoted

HOST = re.compile(r"[\w.:-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class BaseUrl:
    """An address. `path` has no slash at its end; it goes before the paths of requests."""

    scheme: str
    host: str
    port: int
    path: str = ""

    @property
    def origin(self) -> str:
        """The URL without its path, as browsers write it."""
        return f"{self.scheme}://{authority(self.host, self.port, self.scheme)}"

    def __str__(self) -> str:
        return self.origin + self.path


def base_url(text: str) -> BaseUrl:
    """Read a URL. Raises UsageError."""
    url = _parsed(text)
    if url is None:
        raise UsageError(f"not the URL of an app: {text!r}", hint="For example: http://localhost:8080")
    return url


def _parsed(text: str) -> BaseUrl | None:
    """Return the URL; None if it is none, or has a user or a query."""
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        port = parts.port or DEFAULT_PORTS.get(parts.scheme, 0)
    except ValueError:
        return None
    host = parts.hostname or ""
    if not port or not HOST.fullmatch(host) or parts.username is not None or parts.query or parts.fragment:
        return None
    return BaseUrl(parts.scheme, host, port, quoted(parts.path.rstrip("/")))
