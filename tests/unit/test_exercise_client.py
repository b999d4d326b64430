"""One request against servers that answer by hand: well, oddly, too slowly, too much, or not at all."""

from __future__ import annotations

import gzip
import hashlib
import socket
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from slimmer.exercise import client
from slimmer.exercise.client import KEPT_BODY_LIMIT, SIZE_LIMIT, Reply, Trouble, ask
from slimmer.exercise.request import Expectation, Request
from tests.work import HANGING

Talk = Callable[[socket.socket], None]
FOREVER = threading.Event()


@contextmanager
def server(talk: Talk, host: str = "127.0.0.1") -> Iterator[tuple[str, int]]:
    """Answers each connection with `talk`, after the request's headers were read into `requests`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as listener:
        threading.Thread(target=accept, args=(listener, talk), daemon=True).start()
        yield host, listener.getsockname()[1]
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)


def accept(listener: socket.socket, talk: Talk) -> None:
    with suppress(OSError):
        while True:
            client, _ = listener.accept()
            threading.Thread(target=serve, args=(client, talk), daemon=True).start()


def serve(client: socket.socket, talk: Talk) -> None:
    with client, suppress(OSError):
        data = b""
        while b"\r\n\r\n" not in data:
            data += client.recv(65536)
        REQUESTS.append(data)
        talk(client)


REQUESTS: list[bytes] = []


def fetch(
    answer: bytes | Talk, request: Request | None = None, timeout: float = 5.0, size_limit: int = SIZE_LIMIT
) -> Reply:
    """The reply to an answer that is given as bytes, or as the way to send it."""
    talk: Talk = (lambda client: client.sendall(answer)) if isinstance(answer, bytes) else answer
    with server(talk) as endpoint:
        return ask(request or Request("GET", "/"), endpoint, 8080, timeout=timeout, size_limit=size_limit)


def response(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def looking_for(*texts: str) -> Request:
    return Request("GET", "/", expect=Expectation(contains=texts))


def sha(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def test_an_answer_is_counted_hashed_and_named() -> None:
    reply = fetch(response(b"hello", 'Content-Type: Text/HTML;  Charset="UTF-8"'))
    assert (reply.status, reply.size, reply.digest) == (200, 5, sha(b"hello"))
    assert reply.content_type == "text/html; charset=utf-8"
    assert not reply.trouble and not reply.truncated


def test_the_host_header_is_the_same_whatever_the_endpoint_is() -> None:
    fetch(response(b""), Request("GET", "/a?b=%20c"))
    head = REQUESTS[-1].decode()
    assert head.startswith("GET /a?b=%20c HTTP/1.1\r\n")
    assert "\r\nHost: localhost:8080\r\n" in head


def test_own_headers_take_the_place_of_defaults() -> None:
    fetch(response(b""), Request("GET", "/", (("host", "shop.test"), ("X-A", "é"))))
    head = REQUESTS[-1].lower()
    assert b"\r\nhost: shop.test\r\n" in head and b"localhost" not in head
    assert b"x-a: \xc3\xa9\r\n" in head


def test_a_redirect_is_the_answer() -> None:
    reply = fetch(response(b"moved", "Location: http://localhost:8080/login", status="302 Found"))
    assert (reply.status, reply.size) == (302, 5)


def test_interim_answers_are_skipped() -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
    assert fetch(early + response(b"x")).status == 200


def test_head_has_no_body() -> None:
    reply = fetch(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n", Request("HEAD", "/"))
    assert (reply.status, reply.size, reply.trouble) == (200, 0, Trouble.NONE)


def test_a_switch_of_protocols_has_no_body() -> None:
    asks = Request("GET", "/", (("Connection", "Upgrade"), ("Upgrade", "websocket")))
    reply = fetch(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\x81\x05hello", asks
    )
    assert (reply.status, reply.size) == (101, 0)


def test_a_chunked_body_is_put_together() -> None:
    reply = fetch(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", looking_for("cd")
    )
    assert (reply.digest, reply.missing) == (sha(b"abcde"), ())


def test_a_body_up_to_the_end_of_the_connection_is_whole() -> None:
    assert fetch(b"HTTP/1.0 200 OK\r\n\r\nold style").digest == sha(b"old style")


BODY = b"some text, " * 20000
RAW_DEFLATE = zlib.compressobj(wbits=-15)
CODED = {
    "gzip": gzip.compress(BODY),
    "x-gzip": gzip.compress(BODY[:1000]) + gzip.compress(BODY[1000:]),
    "deflate": zlib.compress(BODY),
    "Deflate": RAW_DEFLATE.compress(BODY) + RAW_DEFLATE.flush(),
}


@pytest.mark.parametrize("encoding", CODED)
def test_a_compressed_body_is_hashed_and_searched_as_it_is_meant(encoding: str) -> None:
    reply = fetch(response(CODED[encoding], f"Content-Encoding: {encoding}"), looking_for("text, some"))
    assert (reply.size, reply.digest, reply.missing) == (len(BODY), sha(BODY), ())


def test_broken_compression_is_a_broken_answer() -> None:
    broken = response(gzip.compress(BODY)[:200], "Content-Encoding: gzip")
    assert fetch(broken).trouble is Trouble.BROKEN
    assert fetch(response(b"no gzip at all", "Content-Encoding: gzip")).trouble is Trouble.BROKEN


def test_a_bomb_is_cut_at_the_limit_and_takes_little_memory() -> None:
    bomb = response(gzip.compress(bytes(100 << 20), 9), "Content-Encoding: gzip")
    tracemalloc.start()
    try:
        reply = fetch(bomb, timeout=60.0, size_limit=20 << 20)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (reply.size, reply.truncated, reply.digest, reply.trouble) == (20 << 20, True, "", Trouble.NONE)
    assert peak < 5 << 20


def test_a_body_that_never_ends_is_cut_in_time() -> None:
    def events(client: socket.socket) -> None:
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        while True:
            client.sendall(b"data: tick\n\n")
            FOREVER.wait(0.05)

    started = time.monotonic()
    reply = fetch(events, looking_for("tick"), timeout=0.5)
    assert time.monotonic() - started < HANGING
    assert (reply.status, reply.truncated, reply.digest, reply.trouble, reply.missing) == (
        200,
        True,
        "",
        Trouble.NONE,
        (),
    )


def test_headers_that_drip_do_not_hold_us_up() -> None:
    def drip(client: socket.socket) -> None:
        client.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            client.sendall(b"X: y\r\n")
            FOREVER.wait(0.1)

    started = time.monotonic()
    assert fetch(drip, timeout=0.6).trouble is Trouble.SILENT
    assert time.monotonic() - started < HANGING


def test_headers_without_end_are_no_http() -> None:
    def flood(client: socket.socket) -> None:
        client.sendall(b"HTTP/1.1 200 OK\r\nX: ")
        while True:
            client.sendall(b"y" * 65536)

    assert fetch(flood).trouble is Trouble.NOT_HTTP


def test_a_text_that_lies_across_pieces_is_found() -> None:
    def pieces(client: socket.socket) -> None:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n")
        for letter in b"hello world":
            client.sendall(bytes([letter]))
            FOREVER.wait(0.01)

    assert fetch(pieces, looking_for("hello", "lo wor", "word")).missing == (2,)


def test_texts_are_looked_for_in_the_bodys_character_set() -> None:
    reply = fetch(
        response("größer".encode("latin-1"), "Content-Type: text/plain; charset=iso-8859-1"), looking_for("größer")
    )
    assert reply.missing == ()
    assert (
        fetch(response("größer".encode(), "Content-Type: text/plain; charset=nonsense"), looking_for("ö")).missing == ()
    )


@pytest.mark.parametrize(
    ("kind", "named"),
    [
        ("text/html; charset*=utf-8''utf-8", "text/html; charset=utf-8"),
        ("text/html; charset*0*=utf-8''utf; charset*1=-8", "text/html; charset=utf-8"),
        ("text/html; charset*=no-such-set''%FF", "text/html; charset=ÿ"),
        ("text/html; charset*=us-ascii''%00", "text/html; charset=\0"),
        ("text/html; charset*=undefined''x", "text/html; charset=x"),
        ("text/html; charset=undefined", "text/html; charset=undefined"),
        ("text/html; charset=idna", "text/html; charset=idna"),
        ("text/html; charset=base64", "text/html; charset=base64"),
        ('text/html; charset="', 'text/html; charset="'),
        (";;;", ""),
    ],
)
def test_an_odd_content_type_does_no_harm(kind: str, named: str) -> None:
    """It is the app's to write (RFC 2231 gives it some ways), and names codecs that Python has for other purposes."""
    body = b"found ..."
    answer = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nContent-Type: {kind}\r\n\r\n".encode() + body
    reply = fetch(answer, Request("GET", "/", expect=Expectation(contains=("...", "absent..."))))
    assert (reply.status, reply.content_type, reply.missing) == (200, named, (1,))


def test_a_short_body_is_held_decoded_and_shown_in_no_repr() -> None:
    reply = fetch(response(gzip.compress(b"a secret"), "Content-Encoding: gzip"))
    assert reply.body == b"a secret" and "secret" not in repr(reply)
    assert fetch(response(b"")).body == b""


@pytest.mark.parametrize(("size", "held"), [(KEPT_BODY_LIMIT, True), (KEPT_BODY_LIMIT + 1, False)])
def test_of_a_long_body_there_is_only_the_digest(size: int, held: bool) -> None:
    reply = fetch(response(b"x" * size))
    assert (reply.size, reply.digest, reply.body is not None) == (size, sha(b"x" * size), held)


def test_a_body_that_is_not_whole_is_not_held() -> None:
    assert fetch(response(b"x" * 100), size_limit=50).body is None
    assert fetch(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc").body is None


def test_the_headers_that_matter_are_kept_without_secrets() -> None:
    headers = ("Set-Cookie: sid=hunter2; Path=/", "Location: /next?t=1", "Vary: Cookie", "vary: Accept", "Date: now")
    reply = fetch(response(b"", *headers, status="302 Found"))
    assert reply.headers == (("location", "/next?t=1"), ("set-cookie", "sid"), ("vary", "accept, cookie"))
    assert "next" not in repr(reply)


def test_nobody_there() -> None:
    with server(lambda client: None) as endpoint:
        pass
    assert ask(Request("GET", "/"), endpoint, 80, timeout=2.0).trouble is Trouble.REFUSED


def reset(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


@pytest.mark.parametrize(
    ("talk", "trouble"),
    [
        (lambda client: None, Trouble.CLOSED),
        (reset, Trouble.CLOSED),
        (lambda client: client.sendall(b"-ERR unknown command\r\n"), Trouble.NOT_HTTP),
        (lambda client: FOREVER.wait(3), Trouble.SILENT),
    ],
    ids=["closed", "reset", "not-http", "silent"],
)
def test_no_answer_has_a_reason(talk: Talk, trouble: Trouble) -> None:
    reply = fetch(talk, timeout=0.5)
    assert (reply.status, reply.trouble) == (None, trouble)


def test_a_silent_server_that_is_found_to_speak_another_protocol_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "QUIET", 0.05)
    asked: list[str] = []

    def hopeless() -> bool:
        asked.append("once")
        return True

    def talk(_: socket.socket) -> None:
        FOREVER.wait()

    with server(talk) as endpoint:
        reply = ask(Request("GET", "/"), endpoint, 80, timeout=10 * HANGING, hopeless=hopeless)
    assert (reply.trouble, asked) == (Trouble.OTHER, ["once"])
    assert reply.seconds < HANGING


def test_what_came_while_another_protocol_was_tried_counts_even_if_the_time_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client, "QUIET", 0.05)
    begun, answered, started = threading.Event(), threading.Event(), time.monotonic()

    def talk(connection: socket.socket) -> None:
        begun.wait()
        connection.sendall(response(b"late"))
        answered.set()

    def hopeless() -> bool:
        begun.set()
        answered.wait()
        while time.monotonic() - started < timeout + 0.05:
            time.sleep(0.01)  # until the time is over
        return False

    timeout = 0.3
    with server(talk) as endpoint:
        reply = ask(Request("GET", "/"), endpoint, 80, timeout=timeout, hopeless=hopeless)
    assert (reply.status, reply.body) == (200, b"late")


def test_an_answer_that_breaks_off_is_told() -> None:
    reply = fetch(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nonly this")
    assert (reply.status, reply.trouble, reply.size, reply.digest) == (200, Trouble.BROKEN, 9, "")


def test_a_large_body_that_is_refused_early_has_its_answer() -> None:
    reply = fetch(response(b"too large", status="413 Content Too Large"), Request("POST", "/", body=bytes(8 << 20)))
    assert reply.status in (413, None)
    assert reply.status == 413 or reply.trouble is Trouble.CLOSED


def test_an_ipv6_endpoint() -> None:
    with server(lambda client: client.sendall(response(b"six")), "::1") as endpoint:
        assert ask(Request("GET", "/"), endpoint, 80, timeout=5.0).size == 3
