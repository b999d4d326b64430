"""Send the requests of a probe file to an address that the user names, without a container."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from slimmer.exercise.base_url import BaseUrl
from slimmer.exercise.conversation import Conversation
from slimmer.exercise.request import Request
from slimmer.exercise.result import Answer
from slimmer.exercise.verdict import judge


def ask_each(requests: Iterable[Request], url: BaseUrl, timeout: float) -> Iterator[Answer]:
    """Yield the answer to each request, which has `timeout` seconds. All go to `url`, also those for a certain port of a container."""
    conversation = Conversation(url.port, url.host)
    for request in requests:
        below = _below(request, url.path)
        yield judge(request, url.port, conversation.ask(below, (url.host, url.port), url.scheme, timeout))


def _below(request: Request, path: str) -> Request:
    """Return the request with the URL's path before its own."""
    if not path:
        return request
    draft = request.draft and replace(request.draft, path=path + request.draft.path)
    return replace(request, path=path + request.path, draft=draft)
