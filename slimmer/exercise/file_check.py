"""Send the requests of a probe file to an address that the user names, without a container."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from slimmer.exercise.base_url import BaseUrl
from slimmer.exercise.conversation import Conversation
from slimmer.exercise.exchange import Exchange, Kind
from slimmer.exercise.exchange_client import talk_unix
from slimmer.exercise.request import Ask
from slimmer.exercise.result import Answer
from slimmer.exercise.verdict import judge


def ask_each(requests: Iterable[Ask], url: BaseUrl, timeout: float) -> Iterator[Answer]:
    """Yield the answer to each request, which has `timeout` seconds. All go to `url`, also those for a certain port of a container.

    Exchanges over TCP and UDP go to their own port of the host, those over a Unix socket to the socket of that name on this machine.
    """
    conversation = Conversation(url.port, url.host)
    for request in requests:
        if isinstance(request, Exchange) and request.kind is Kind.UNIX:
            yield judge(request, 0, conversation.hidden(talk_unix(request, request.unix_socket, timeout)))
            continue
        port = _own_port(request) or url.port
        reply = conversation.ask(_below(request, url.path), (url.host, port), url.scheme, timeout)
        yield judge(request, port, reply)


def _own_port(request: Ask) -> int | None:
    return request.port if isinstance(request, Exchange) and request.has_own_port else None


def _below(request: Ask, path: str) -> Ask:
    """Return the request with the URL's path before its own."""
    if not path:
        return request
    draft = request.draft and replace(request.draft, path=path + request.draft.path)
    return replace(request, path=path + request.path, draft=draft)
