"""The cookies that an app sets, which are sent back to it as a browser would (RFC 6265).

http.cookiejar does the work. As browsers do on localhost, cookies for HTTPS alone are also sent over HTTP, since the app's proxy is missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from email.message import Message
from http.client import HTTPResponse
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import cast
from urllib.request import Request as UrlRequest

from slimmer.exercise.draft import HEADER_VALUE

MOST = 50
"""The number of cookies that are kept: what RFC 6265, section 6.1 asks of a client. Further ones are dropped."""

LONGEST = 4096
"""The number of characters of a cookie with its attributes (the same section)."""


class Cookies:
    """The cookies of one scenario. URLs are those that the app was asked for: `http://localhost:8080/login`."""

    def __init__(self) -> None:
        self._jar = CookieJar(DefaultCookiePolicy(secure_protocols=("http", "https", "ws", "wss")))

    def header(self, url: str) -> str:
        """Return the value of the Cookie header for a request; "" if there is nothing to send."""
        request = UrlRequest(url)  # noqa: S310 (nothing is opened)
        self._jar.add_cookie_header(request)
        return request.get_header("Cookie", "") or ""

    def values(self) -> dict[tuple[str, str, str], str | None]:
        """Return the value of each cookie, by its domain, path and name."""
        return {(cookie.domain, cookie.path, cookie.name): cookie.value for cookie in self._jar}

    def take(self, url: str, headers: Iterable[tuple[str, str]]) -> None:
        """Keep the cookies that an answer sets."""
        request, message = UrlRequest(url), Message()  # noqa: S310 (nothing is opened)
        own = re.compile(rf";\s*domain\s*=\s*\.?{re.escape(request.host.partition(':')[0])}\s*(?=;|\Z)", re.IGNORECASE)
        for name, value in headers:
            if name.lower() == "set-cookie" and (cookie := _sendable(value)):
                message["Set-Cookie"] = own.sub("", cookie)  # a host's own name means this host (section 5.3)
        self._jar.extract_cookies(cast(HTTPResponse, _Answer(message)), request)
        for surplus in list(self._jar)[MOST:]:
            self._jar.clear(surplus.domain, surplus.path, surplus.name)


def _sendable(value: str) -> str:
    """Return the value of a Set-Cookie header, whose bytes stand as Latin-1; "" if it cannot be sent back."""
    try:
        text = value.encode("latin-1").decode()
    except UnicodeError:
        return ""
    return text if len(text) <= LONGEST and HEADER_VALUE.fullmatch(text) else ""


class _Answer:
    """What http.cookiejar reads of an answer."""

    def __init__(self, message: Message) -> None:
        self._message = message

    def info(self) -> Message:
        return self._message
