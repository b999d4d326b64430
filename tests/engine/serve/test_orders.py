"""How `serve` takes orders: one after the other on one stream, whatever became of the last one."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from slimmer.engine.resources import EngineResources
from tests.engine.serve.everything import HASHED
from tests.engine.serve.serving import DEBIAN, Serve, entries, lines, served


@pytest.mark.parametrize(
    ("order", "payload", "reason"),
    [
        ("pack", b"/files/none\0\0/\0\0", "/files/none: No such file or directory"),
        ("pack", b"/\0", "/: no override follows"),
        ("pack", b"/\0\0/etc", "the last field does not end with NUL"),
        ("pack", b"/\0mtime=x\0", "/: not an override: mtime=x"),
        ("pack", b"/\0mode=1\0", "/: not an override: mode=1"),
        ("pack", b"/etc/../x\0\0", "/etc/../x: not a plain path from the root"),
        ("pack", b"etc\0\0", "etc: not a plain path from the root"),
        ("pack", b"\0\0", ": not a plain path from the root"),
        ("pack", b"/etc/\0\0", "/etc/: not a plain path from the root"),
        ("pack", b"//etc\0\0", "//etc: not a plain path from the root"),
        ("index", b"abc", "the last field does not end with NUL"),
        ("index", b"a\0", "no such order: index"),
        ("pack", None, "no such order: pack"),
        ("pack -1", None, "no such order: pack -1"),
        ("dance", b"a\0", "no such order: dance"),
        ("", None, "no such order: "),
    ],
)
def test_after_an_order_that_fails_the_next_one_is_served(
    serve: Serve, order: str, payload: bytes | None, reason: str
) -> None:
    head = order if payload is None else f"{order} {len(payload)}"
    serve.stream.sendall(f"{head}\n".encode() + (payload or b""))
    assert serve.answer()[1] == reason
    assert lines(serve.ask("read", b"/data/one")) == [b"6", b"shared"]


def test_a_payload_beyond_the_limit_is_refused_and_read_past(serve: Serve) -> None:
    size = (256 << 20) + 1
    serve.stream.sendall(b"read %d\n" % size)
    piece = bytes(1 << 20)
    for start in range(0, size, len(piece)):
        serve.stream.sendall(piece[: size - start])
    assert serve.answer() == (b"", f"more than {256 << 20} bytes at once")
    assert lines(serve.ask("read", b"/data/one")) == [b"6", b"shared"]


def test_orders_that_come_all_at_once_are_answered_in_turn(serve: Serve) -> None:
    paths = [f"/hash/{size}".encode() for size in range(301)]
    for path in paths:
        serve.send("hash", path)
    assert [serve.answer() for _ in paths] == [
        (hashlib.sha256(HASHED[os.fsdecode(path)]).hexdigest().encode() + b"\n", "ok") for path in paths
    ]


def test_an_order_without_paths_has_an_empty_answer(serve: Serve) -> None:
    for order in ("read", "hash"):
        serve.stream.sendall(f"{order} 0\n".encode())
        assert serve.answer() == (b"", "ok")


@pytest.mark.parametrize("last", [b"quit\n", b"", b"read 100\n/etc"])
def test_the_end_of_the_orders_ends_the_container(scope: EngineResources, probe: Path, last: bytes) -> None:
    with served(scope, DEBIAN, probe, purpose="end") as serve:
        assert "/etc" in entries(serve)
        serve.stream.sendall(last)
        if last != b"quit\n":
            serve.stream.close()
        assert serve.container.wait(20) == 0


def test_a_reader_that_goes_away_ends_the_container(scope: EngineResources, probe: Path) -> None:
    with served(scope, DEBIAN, probe, script="truncate -s 900G /huge", purpose="gone") as serve:
        serve.send("read", b"/huge")
        assert serve.chunk()
        serve.stream.close()
        assert serve.container.wait(20) is not None
