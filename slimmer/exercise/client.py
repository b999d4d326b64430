"""Send one HTTP request to an app that is not trusted: every answer is bounded in time, size and memory.

Redirects are not followed, since the answer itself is compared later. Bodies are hashed as they arrive, and only short ones are
kept. Any certificate is accepted. httpcore speaks the protocol (RFC 9112, and RFC 9113 for HTTP/2). One deadline covers all reads and writes of a request.
"""

from __future__ import annotations

import hashlib
import ssl
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

import httpcore

from slimmer.exercise.headers import telling_headers
from slimmer.exercise.media_type import charset, normal_media_type
from slimmer.exercise.request import Request
from slimmer.exercise.tls import any_certificate

SIZE_LIMIT = 64 << 20
"""The number of bytes of a decoded body that are read. A longer one is cut."""

KEPT_BODY_LIMIT = 1 << 20
"""A decoded body of at most this many bytes is kept for comparison. A longer one has only its digest."""

PIECE = 1 << 16

QUIET = 1.0
"""Seconds without a first byte after which a server is silent: most of them answer sooner."""

MOMENT = 0.01
"""Seconds in which what has arrived is read, even if the time was over while somebody was asked."""

LOCALHOST = "localhost"
DEFAULT_PORTS = {"http": 80, "https": 443}
DEFAULT_HEADERS = (("User-Agent", "slimmer"), ("Accept", "*/*"), ("Accept-Encoding", "gzip, deflate"))
COMPRESSED = ("gzip", "x-gzip", "deflate")


class Trouble(StrEnum):
    """Why there was no complete answer."""

    NONE = ""
    REFUSED = "could not connect"
    SILENT = "no answer in time"
    CLOSED = "the connection was closed without an answer"
    NOT_HTTP = "the answer was not HTTP"
    OTHER = "the port speaks another protocol"
    BROKEN = "the connection broke in the middle of the answer"
    GONE = "the app had already exited"
    UNSENT = "it was not sent"
    ENDED = "the connection was closed too early"
    TOO_MUCH = "more came than slimmer keeps, without what was expected"
    NO_WEBSOCKET = "the handshake failed"


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer as it was received. `missing`: positions in `expect.contains` of texts that the body does not contain.

    `headers` are those that matter (slimmer.exercise.headers). `body` is complete and decoded, or None. `start` is the beginning of the
    decoded body, usually at most KEPT_BODY_LIMIT bytes, even of one that was cut or broke off. `lines`: all headers, as they
    came. `reason`: why the request was not sent, or where an exchange ended. `uncaptured`: what it should have captured and did not, in words.
    """

    status: int | None = None
    content_type: str = ""
    size: int = 0
    digest: str = ""
    seconds: float = 0.0
    truncated: bool = False
    missing: tuple[int, ...] = ()
    trouble: Trouble = Trouble.NONE
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes | None = field(default=None, repr=False)
    lines: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    reason: str = ""
    uncaptured: tuple[str, ...] = ()
    start: bytes = field(default=b"", repr=False)


class Deadline:
    """The point in time at which a request gives up."""

    def __init__(self, seconds: float) -> None:
        self.started = time.monotonic()
        self._end = self.started + seconds

    def left(self) -> float:
        """Return the seconds that are left. Raises httpcore.ReadTimeout if there are none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("out of time")
        return left

    def at_least(self, seconds: float) -> float:
        """Return the seconds that are left, or so many if these are more."""
        return max(seconds, self._end - time.monotonic())


class BoundedStream(httpcore.NetworkStream):
    """A connection whose operations all end at the deadline, even if the app sends one byte a second.

    If nothing has come for QUIET seconds, it asks `hopeless` once, and gives up if that returns True.
    """

    def __init__(
        self, stream: httpcore.NetworkStream, deadline: Deadline, hopeless: Callable[[], bool] | None = None
    ) -> None:
        self._stream = stream
        self._deadline = deadline
        self._hopeless = hopeless
        self.received = 0
        self.given_up = False

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = self._first(max_bytes) if self._hopeless else self._stream.read(max_bytes, self._deadline.left())
        self.received += len(data)
        return data

    def _first(self, max_bytes: int) -> bytes:
        hopeless, self._hopeless = self._hopeless, None
        try:
            return self._stream.read(max_bytes, min(QUIET, self._deadline.left()))
        except httpcore.ReadTimeout:
            self.given_up = bool(hopeless and hopeless())
            if self.given_up:
                raise
        return self._stream.read(max_bytes, self._deadline.at_least(MOMENT))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        view = memoryview(buffer)
        for start in range(0, len(view), PIECE):
            self._stream.write(bytes(view[start : start + PIECE]), self._deadline.left())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        self._stream = self._stream.start_tls(ssl_context, server_hostname, self._deadline.left())
        return self

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)


class BoundedNetwork(httpcore.NetworkBackend):
    """Opens the connection of one request."""

    def __init__(self, deadline: Deadline, hopeless: Callable[[], bool] | None) -> None:
        self._deadline = deadline
        self._hopeless = hopeless
        self.stream: BoundedStream | None = None

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        plain = httpcore.SyncBackend().connect_tcp(host, port, self._deadline.left())
        self.stream = BoundedStream(plain, self._deadline, self._hopeless)
        return self.stream


def ask(
    request: Request,
    endpoint: tuple[str, int],
    port: int,
    *,
    scheme: str = "http",
    timeout: float,
    size_limit: int = SIZE_LIMIT,
    kept: int = KEPT_BODY_LIMIT,
    host: str = LOCALHOST,
    hopeless: Callable[[], bool] | None = None,
) -> Reply:
    """Send a request to an endpoint, and read at most `size_limit` bytes of the answer, for at most `timeout` seconds.

    The first `kept` bytes are in `Reply.start`. A server that has sent nothing for QUIET seconds may wait for more, because it speaks something
    else: `hopeless` is asked once then, and if it returns True, the answer is awaited no longer.

    The Host header is `host` with the container's `port`. For localhost, that is the same in every run, whatever the endpoint is, and
    apps that check the header usually allow it.
    """
    deadline = Deadline(timeout)
    network = BoundedNetwork(deadline, hopeless)
    try:
        with (
            httpcore.ConnectionPool(
                ssl_context=any_certificate(),
                http1=request.http == 1,
                http2=request.http == 2,
                network_backend=network,
            ) as pool,
            pool.stream(
                request.method,
                httpcore.URL(scheme=scheme, host=endpoint[0], port=endpoint[1], target=request.path.encode()),
                headers=_headers(request, authority(host, port, scheme)),
                content=request.body,
                extensions={"sni_hostname": host},
            ) as response,
        ):
            return _read(request, response, deadline, size_limit, kept)
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
        return Reply(seconds=time.monotonic() - deadline.started, trouble=_trouble(error, network.stream))


def authority(host: str, port: int, scheme: str) -> str:
    """Return `host:port`, without the scheme's own port. 0 is no port: that of a Unix socket."""
    host = f"[{host}]" if ":" in host else host
    return host if port in (0, DEFAULT_PORTS[scheme]) else f"{host}:{port}"


def _headers(request: Request, host: str) -> list[tuple[bytes, bytes]]:
    own = {name.lower() for name, _ in request.headers}
    defaults = [pair for pair in (("Host", host), *DEFAULT_HEADERS) if pair[0].lower() not in own]
    return [(name.encode(), value.encode()) for name, value in (*defaults, *request.headers)]


def _trouble(error: Exception, stream: BoundedStream | None) -> Trouble:
    if stream is None:
        return Trouble.REFUSED
    if stream.given_up:
        return Trouble.OTHER
    if isinstance(error, httpcore.TimeoutException):
        return Trouble.SILENT
    return Trouble.NOT_HTTP if stream.received else Trouble.CLOSED


def _read(request: Request, response: httpcore.Response, deadline: Deadline, size_limit: int, kept: int) -> Reply:
    """Read the body: hash it, count it, search it, keep it. An endless body is cut, which is not a failure."""
    lines = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in response.headers]
    headers = dict(lines)
    search = Search(request.expect.contains if request.expect else (), charset(headers.get("content-type", "")))
    digest, size, truncated, trouble = hashlib.sha256(), 0, False, Trouble.NONE
    held = bytearray()
    try:
        for piece in _decoded(_raw(response), headers.get("content-encoding", "").strip().lower()):
            piece = piece[: size_limit - size]
            digest.update(piece)
            search.feed(piece)
            held += piece[: kept - len(held)]
            size += len(piece)
            if truncated := size >= size_limit:
                break
    except httpcore.TimeoutException:
        truncated = True
    except (httpcore.NetworkError, httpcore.ProtocolError, zlib.error):
        trouble = Trouble.BROKEN
    whole, start = not truncated and not trouble, bytes(held)
    return Reply(
        status=response.status,
        content_type=normal_media_type(headers.get("content-type", "")),
        size=size,
        digest=digest.hexdigest() if whole else "",
        seconds=time.monotonic() - deadline.started,
        truncated=truncated,
        missing=search.missing(),
        trouble=trouble,
        headers=telling_headers(lines),
        body=start if whole and size <= KEPT_BODY_LIMIT else None,
        start=start,
        lines=tuple(lines),
    )


def _raw(response: httpcore.Response) -> Iterator[bytes]:
    """Return the body as it is sent. What follows an upgrade (status 101) is not a body."""
    return iter(()) if response.status == 101 else iter(response.iter_stream())


def _decoded(pieces: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """Inflate in bounded pieces, so that a small bomb does not fill the memory. Other encodings stay as they are."""
    if encoding not in COMPRESSED:
        yield from pieces
        return
    inflater = None
    for piece in pieces:
        while piece:
            if inflater is None or inflater.eof:  # gzip data may have several members in a row
                inflater = zlib.decompressobj(_window(encoding, piece))
            yield inflater.decompress(piece, PIECE)
            piece = inflater.unconsumed_tail or inflater.unused_data
    if inflater is not None:
        yield inflater.flush()
        if not inflater.eof:
            raise zlib.error("the compressed data ends too early")


def _window(encoding: str, start: bytes) -> int:
    """Return zlib's window bits: +32 detects gzip or zlib by the header; negative for the raw deflate that some servers send."""
    zlib_header = len(start) < 2 or ((start[0] & 0x0F) == 8 and int.from_bytes(start[:2], "big") % 31 == 0)
    return -zlib.MAX_WBITS if encoding == "deflate" and not zlib_header else zlib.MAX_WBITS + 32


class Search:
    """Looks for texts in a stream of pieces. It remembers no more of the stream than the longest text needs."""

    def __init__(self, texts: tuple[str, ...], charset: str) -> None:
        self._wanted = {position: _encoded(text, charset) for position, text in enumerate(texts)}
        self._keep = max((len(text) for text in self._wanted.values()), default=1) - 1
        self._rest = b""

    def feed(self, piece: bytes) -> None:
        """Take the next piece."""
        if not self._wanted:
            return
        data = self._rest + piece
        self._wanted = {position: text for position, text in self._wanted.items() if text not in data}
        self._rest = data[max(0, len(data) - self._keep) :]

    def missing(self) -> tuple[int, ...]:
        """Return the positions of the texts not found so far. An empty text is found in any body."""
        return tuple(position for position, text in self._wanted.items() if text)


def _encoded(text: str, charset: str) -> bytes:
    try:
        return text.encode(charset)
    except (LookupError, ValueError):  # no such codec, or it cannot encode the text: UnicodeError is a ValueError
        return text.encode()
