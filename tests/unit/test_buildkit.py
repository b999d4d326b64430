"""What slimmer removes from BuildKit's cache: what it put there, and nothing else. The engine is a server that answers like Docker."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import SimpleNamespace
from typing import Any, cast

import docker
import pytest

from slimmer.engine.buildkit import no_cache_left
from slimmer.engine.connection import Engine


@contextmanager
def engine(answers: list[list[str] | None]) -> Iterator[tuple[Engine, list[str]]]:
    """An engine that lists these entries of the cache, one answer after the other (None: an error), and the requests to remove some."""
    removed: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = answers.pop(0)
            body = {"message": "busy"} if found is None else {"BuildCache": [{"ID": one} for one in found]}
            self._answer(500 if found is None else 200, json.dumps(body).encode())

        def do_POST(self) -> None:
            removed.append(self.path)
            self._answer(200, b"{}")

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        api = docker.APIClient(f"tcp://127.0.0.1:{server.server_port}", version="1.41")

        @contextmanager
        def hasty() -> Iterator[None]:
            yield

        yield cast(Engine, SimpleNamespace(api=api, hasty=hasty)), removed
        api.close()
        server.shutdown()


@pytest.mark.parametrize(
    ("before", "after", "number"),
    [(["a"], ["a", "b"], 1), ([], ["b", "c"], 2), (["a"], None, 0), (None, ["a", "b"], 0)],
)
def test_only_what_was_added_is_removed(before: list[str] | None, after: list[str] | None, number: int) -> None:
    """If the engine did not tell what it had before, nothing is removed: it may all be the user's."""
    with engine([before, after]) as (fake, removed):
        with no_cache_left(fake):
            pass
        assert len(removed) == number
        assert not any("%22a%22" in one for one in removed)
