"""The requests of one scenario to one port: cookies are kept, and values of answers are put into later requests."""

from __future__ import annotations

import hashlib
import html
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from urllib.parse import quote, quote_plus

from slimmer.exercise.capture import Capture, NothingCaptured, capture_from
from slimmer.exercise.client import KEPT_BODY_LIMIT, LOCALHOST, SIZE_LIMIT, Reply, Trouble, ask, authority
from slimmer.exercise.cookies import Cookies
from slimmer.exercise.draft import Fault, Unset
from slimmer.exercise.exchange import Exchange, Kind
from slimmer.exercise.exchange_client import talk_tcp, talk_udp
from slimmer.exercise.media_type import charset
from slimmer.exercise.request import Ask, Request

SAFE = frozenset(("GET", "HEAD", "OPTIONS", "TRACE"))
"""Methods that only ask for something: RFC 9110, section 9.2.1."""

SHORTEST_HIDDEN = 6
"""A captured value of at least this many characters is replaced by its name in answers. A shorter one may be there by chance."""

Choose = Callable[[Reply], tuple[Capture, ...]]


class Conversation:
    """What a scenario has got from a port so far. Nothing of it leaves this object, except to the port itself."""

    def __init__(self, port: int, host: str = LOCALHOST) -> None:
        self._port = port
        self._host = host
        self._cookies = Cookies()
        self._granted: set[tuple[str, str, str]] = set()
        self._values: dict[str, object] = {}

    def ask(
        self,
        request: Ask,
        endpoint: tuple[str, int],
        scheme: str,
        timeout: float,
        *,
        size_limit: int = SIZE_LIMIT,
        kept: int = KEPT_BODY_LIMIT,
        choose: Choose | None = None,
        hopeless: Callable[[], bool] | None = None,
        session: Conversation | None = None,
    ) -> Reply:
        """Send a request with what earlier answers gave, and keep what this answer gives.

        Captured values in the answer are replaced by `${NAME}`. They may be secrets, and they may differ in each run. `choose` gets
        the answer as it came, and returns what to capture of it beside what the request itself captures. `hopeless`: see slimmer.exercise.client.ask.
        `session`: another conversation whose cookies an HTTP request has in place of this one's. What the answer sets is not kept then.
        """
        if isinstance(request, Exchange) and request.has_own_port:
            talk = talk_udp if request.kind is Kind.UDP else talk_tcp  # a relay makes TCP of a Unix socket
            return self.hidden(talk(request, endpoint, timeout))
        try:
            ready = self._completed(request)
        except Fault as fault:
            return Reply(trouble=Trouble.UNSENT, reason=_reason(request, fault))
        url = self._url(ready, scheme)
        if session is None or isinstance(ready, Exchange):
            ready = self._with_cookies(ready, url)
        else:
            ready = session.joined_by(ready, scheme)
        if isinstance(ready, Exchange):
            return self.hidden(self._talk(ready, endpoint, scheme, timeout))
        reply = ask(
            ready,
            endpoint,
            self._port,
            scheme=scheme,
            timeout=timeout,
            size_limit=size_limit,
            kept=kept,
            host=self._host,
            hopeless=hopeless,
        )
        if session is None:
            self._take_cookies(ready, url, reply)
        if choose is not None:
            ready = replace(ready, captures=(*ready.captures, *choose(reply)))
        reply = self.hidden(self._captured(ready, reply))
        return reply if session is None else session.hidden(reply)

    @property
    def has_session(self) -> bool:
        """True if a request that does more than to ask, such as a form for a log-in, got a cookie that is still there."""
        return not self._granted.isdisjoint(self._cookies.values())

    def joined_by(self, request: Request, scheme: str) -> Request:
        """Return a request of others with the cookies that the scenario has by now."""
        return replace(request, headers=self._with_cookies(request, self._url(request, scheme)).headers)

    def _take_cookies(self, request: Request, url: str, reply: Reply) -> None:
        before = self._cookies.values()
        self._cookies.take(url, reply.lines)
        if request.method.upper() not in SAFE:
            self._granted |= {key for key, value in self._cookies.values().items() if before.get(key) != value}

    def _url(self, request: Ask, scheme: str) -> str:
        return f"{scheme}://{self._named(request, scheme)}{request.path.removeprefix('*')}"

    def _talk(self, exchange: Exchange, endpoint: tuple[str, int], scheme: str, timeout: float) -> Reply:
        from slimmer.exercise.websocket_client import talk_websocket

        return talk_websocket(exchange, endpoint, self._named(exchange, scheme), scheme, timeout)

    def _completed(self, request: Ask) -> Ask:
        """Return the request with all values put in. Raise Fault."""
        if request.draft is None:
            return request
        path, headers, body = request.draft.parts(self._values)
        if isinstance(request, Exchange):
            return replace(request, path=path, headers=headers)
        return replace(request, path=path, headers=headers, body=body)

    def _named(self, request: Ask, scheme: str) -> str:
        """Return the host that the request names, to which cookies belong."""
        own = next((value for name, value in request.headers if name.lower() == "host"), "")
        return own if re.fullmatch(r"[\w.:\[\]-]+", own) else authority(self._host, self._port, scheme)

    def _with_cookies(self, request: Ask, url: str) -> Ask:
        """Add the cookies, unless the request has a Cookie header of its own."""
        cookies = self._cookies.header(url)
        if not cookies or any(name.lower() == "cookie" for name, _ in request.headers):
            return request
        return replace(request, headers=(*request.headers, ("Cookie", cookies)))

    def _captured(self, request: Request, reply: Reply) -> Reply:
        """Keep the values that the request captures. `uncaptured` of the reply says which are missing."""
        if reply.status is None:
            return reply
        missing = []
        for capture in request.captures:
            try:
                value = capture_from(capture, reply.lines, reply.body, charset(reply.content_type))
            except NothingCaptured as error:
                missing.append(f"there is nothing to capture as `{capture.name}`: {error}")
            else:
                self._values[capture.name] = value
        return replace(reply, uncaptured=tuple(missing))

    def repeats_value(self, text: str) -> bool:
        """Return True if a text has a captured value, which may be a secret, and another one in each run."""
        names = self._names()
        return bool(names) and re.search(_words(names), text) is not None

    def _names(self) -> dict[str, str]:
        """Return the captured values as they may be written, each with what to put in its place."""
        return {form: f"${{{name}}}" for name, value in self._values.items() for form in _forms(value)}

    def hidden(self, reply: Reply) -> Reply:
        """Return the reply with the names of captured values in their places."""
        names = self._names()
        if not names:
            return reply
        headers = tuple((name, _renamed(value, names)) for name, value in reply.headers)
        if reply.body is None:
            return replace(reply, headers=headers)
        body = _renamed(reply.body.decode("latin-1"), {_bytes(form): name for form, name in names.items()})
        data = body.encode("latin-1")
        return replace(reply, headers=headers, body=data, digest=hashlib.sha256(data).hexdigest())


def _reason(request: Ask, fault: Fault) -> str:
    why = " because no answer gave one" if isinstance(fault, Unset) else ""
    place = f" ({request.origin})" if request.origin.file else ""
    return f"{fault}{why}{place}"


def _forms(value: object) -> Iterator[str]:
    """Yield a text as it is, and as JSON, HTML and URLs write it. Numbers stay, because JSON without them is no JSON."""
    if isinstance(value, str) and len(value) >= SHORTEST_HIDDEN:
        yield from {value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], html.escape(value)}
        yield from {quote(value, safe=""), quote(value), quote_plus(value)}


def _bytes(text: str) -> str:
    """Return a text's UTF-8 bytes as Latin-1, as a body is searched."""
    return text.encode().decode("latin-1")


def _renamed(text: str, names: dict[str, str]) -> str:
    """Replace each value by its name where it stands as a word."""
    return re.sub(_words(names), lambda found: names[found[0]], text)


def _words(values: Iterable[str]) -> str:
    choices = "|".join(map(re.escape, sorted(values, key=len, reverse=True)))
    return rf"(?<![0-9A-Za-z])(?:{choices})(?![0-9A-Za-z])"
