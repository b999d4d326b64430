"""The engine's own BuildKit, for engines without the classic builder.

Like the classic builder, it takes the context as the body of a request, without a session and without another client (moby,
builder/builder-next/builder.go). But it keeps the context and the layer in its cache.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import requests
from docker.errors import DockerException

from slimmer.engine.connection import Engine

VERSION = "2"
"""BuildKit's number in the engine's API (parameter `version` of `POST /build`)."""


def build(engine: Engine, context: Iterator[bytes], tag: str, platform: str) -> Iterator[dict[str, Any]]:
    """Build the context, a tar archive, and yield the engine's answers. Raises what the engine's client raises."""
    options = {"version": VERSION, "t": tag, "nocache": True, "rm": True, "forcerm": True}
    if platform:
        options["platform"] = platform
    headers = {"Content-Type": "application/x-tar"}
    answer = engine.api._post(
        engine.api._url("/build"), params=options, data=context, headers=headers, stream=True, timeout=None
    )
    yield from engine.api._stream_helper(answer, decode=True)


@contextmanager
def no_cache_left(engine: Engine) -> Iterator[None]:
    """Remove from BuildKit's cache what it gets within the block, as far as nobody uses it.

    That may be of another build on this engine, which has to make it again if it needs it.
    """
    before = _cached(engine)
    try:
        yield
    finally:
        with engine.hasty():
            after = _cached(engine) if before is not None else None
            for identifier in (after or set()) - (before or set()):
                with suppress(DockerException, requests.RequestException):
                    _remove(engine, identifier)


def _remove(engine: Engine, identifier: str) -> None:
    """Remove one entry of the cache. Without `all`, the engine keeps those that images share."""
    filters = json.dumps({"id": {identifier: True}})
    engine.api._post(engine.api._url("/build/prune"), params={"all": True, "filters": filters}).close()


def _cached(engine: Engine) -> set[str] | None:
    """Return the IDs in BuildKit's cache; None if the engine does not tell."""
    with suppress(DockerException, requests.RequestException):
        known = engine.api._result(
            engine.api._get(engine.api._url("/system/df"), params={"type": "build-cache"}), json=True
        )
        return {str(entry["ID"]) for entry in known.get("BuildCache") or ()}
    return None
