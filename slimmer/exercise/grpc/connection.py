"""A connection to a gRPC server that is not trusted: every call is bounded in time, size and memory.

h2 speaks HTTP/2 (RFC 9113): it bounds header blocks, frames and CONTINUATION frames. Calls go one after the other. What the server sends
is taken piece by piece, and no more of it is wanted (flow control) than a call may have.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import TracebackType
from urllib.parse import unquote_to_bytes

from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.exceptions import H2Error
from h2.settings import SettingCodes, Settings

from slimmer.exercise.client import authority
from slimmer.exercise.grpc.status import Status
from slimmer.exercise.protocols.wire import Ended, Nonsense, Wire
from slimmer.formatting import printable

LARGEST = 4 << 20
"""The bytes of one message. It is what gRPC's own clients accept by default."""

CALL_ROOM = 8 << 20
"""The bytes of all frames that come during one call."""

FRAME_ROOM = 1 << 18
"""The same without the data in them. Many small frames cost time."""

ROOM = 64 << 20
"""The bytes of a whole connection."""

HEADER_LIST = 1 << 16
"""The bytes of all headers of an answer. (SETTINGS_MAX_HEADER_LIST_SIZE)"""

LONGEST_MESSAGE = 4096
"""The characters of an error message that are kept."""

MOST_MESSAGES = 1_000
"""The messages of one answer."""

PROMPT = 1.0
"""Seconds within which nearly every HTTP/2 server sends its SETTINGS."""

FRAME_HEAD = 9
SETTINGS = 4
"""The length of a frame's header, and the type of a SETTINGS frame: RFC 9113, sections 4.1 and 6.5. It is the first frame (section 3.4)."""

PREFIX = 5
"""The length of what stands before a message: a flag for compression, and the message's length."""


class NotHttp2(Nonsense):
    """The server does not speak HTTP/2. `first` is what came at first; b"" if nothing came."""

    def __init__(self, first: bytes = b"") -> None:
        self.first = first
        super().__init__("the server does not speak HTTP/2")


class NotGrpc(Nonsense):
    """The server answered as a web server does."""


class Reset(Nonsense):
    """The server refused a call, but not the connection."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a call. One that was cancelled because enough messages had come was answered well. `late`: no more came in time."""

    status: int
    message: str
    messages: tuple[bytes, ...]
    late: bool = False


@dataclass(slots=True)
class _Stream:
    """What has come of the current call so far."""

    number: int = 0
    fields: dict[bytes, bytes] = field(default_factory=dict)
    rest: bytearray = field(default_factory=bytearray)
    messages: list[bytes] = field(default_factory=list)
    over: bool = False
    reset: int | None = None


class Connection:
    """A connection, as a context manager. Its methods raise OSError (of which TimeoutError is one) or Nonsense.

    `is_open`: it can be used for a further call. `answers`: how many calls were answered.
    """

    def __init__(
        self, endpoint: tuple[str, int], port: int, seconds: float, *, tls: bool, is_guess: bool = False
    ) -> None:
        """Connect to an endpoint that stands for a port of the app. Raise NotHttp2 if the server has no HTTP/2.

        `is_guess`: nobody knows if it has. If it says nothing soon, this side sends the end, so that a server of another protocol that
        waits for more gives up. A connection to a slow server of HTTP/2 is not open then.
        """
        self._scheme = "https" if tls else "http"
        self._authority = authority("localhost", port, self._scheme)
        self._stream = _Stream()
        self._received = self._data = 0
        self.is_open, self.answers = True, 0
        self._state = H2Connection(H2Configuration(client_side=True, header_encoding=None))
        self._state.local_settings = Settings(
            client=True,
            initial_values={
                SettingCodes.ENABLE_PUSH: 0,
                SettingCodes.MAX_CONCURRENT_STREAMS: 100,
                SettingCodes.MAX_HEADER_LIST_SIZE: HEADER_LIST,
            },
        )
        self._wire = Wire(endpoint, seconds, ROOM)
        try:
            if tls and not self._wire.start_tls("h2"):
                raise NotHttp2
            self._greet(seconds, is_guess=is_guess)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self.is_open = False
        self._wire.close()

    def call(self, path: str, message: bytes, seconds: float, enough: int = 0) -> Result:
        """Call a method with one message, and return its answer. With `enough`, cancel the call when so many messages have come.

        Raise Reset if the server refused the call, NotGrpc if it answered as a web server does, TimeoutError, and for all else
        OSError or Nonsense: then the connection can be used no more.
        """
        try:
            self._wire.allow(seconds)
            return self._call(path, message, enough)
        except (Reset, NotGrpc):
            raise
        except TimeoutError:
            return self._late(enough)
        except (OSError, Nonsense):
            self.is_open = False
            raise
        except (
            H2Error,
            ValueError,
            LookupError,
            TypeError,
        ) as error:  # what h2 makes of frames that are not as they must be
            self.is_open = False
            raise Nonsense(printable(str(error))[:200] or "the server does not keep to HTTP/2") from error

    def _greet(self, seconds: float, *, is_guess: bool) -> None:
        """Say that this is HTTP/2, and wait for the SETTINGS."""
        self._state.initiate_connection()
        self._flush()
        try:
            first = self._first(seconds) if is_guess else self._wire.peek()
        except Ended:
            raise NotHttp2 from None
        if first[:1] != b"\0":  # the length of SETTINGS begins with a zero
            raise NotHttp2(first[:PREFIX])
        self._wire.allow(seconds)
        head = self._wire.exactly(FRAME_HEAD)
        if head[3] != SETTINGS or head[4:] != b"\0" * 5:
            raise NotHttp2(head)
        try:
            self._state.receive_data(head)
        except H2Error as error:
            raise NotHttp2(head) from error

    def _first(self, seconds: float) -> bytes:
        self._wire.allow(min(PROMPT, seconds))
        try:
            return self._wire.peek()
        except TimeoutError:
            self._wire.allow(max(0.0, seconds - PROMPT))
            self._wire.shut()
            self.is_open = False
            return self._wire.peek()

    def _call(self, path: str, message: bytes, enough: int) -> Result:
        self._received = self._data = 0
        self._stream = stream = _Stream(self._state.get_next_available_stream_id())
        self._state.send_headers(stream.number, self._headers(path))
        data = b"\0" + len(message).to_bytes(4, "big") + message
        while not stream.over and self._state.local_flow_control_window(stream.number) < len(data):
            self._flush()
            self._receive()
        if not stream.over:
            self._state.send_data(stream.number, data, end_stream=True)
        self._flush()
        while not stream.over:
            if enough and len(stream.messages) >= enough:
                break
            self._check_kind()
            self._receive()
        if enough and len(stream.messages) >= enough:  # whether the end came at the same time depends on chance
            return self._cancelled(enough)
        return self._result()

    def _headers(self, path: str) -> list[tuple[str, str]]:
        return [
            (":method", "POST"),
            (":scheme", self._scheme),
            (":path", path),
            (":authority", self._authority),
            ("te", "trailers"),
            ("content-type", "application/grpc"),
            ("user-agent", "slimmer"),
            ("grpc-accept-encoding", "identity"),
        ]

    def _check_kind(self) -> None:
        """Raise NotGrpc if the answer is that of a web server. It need not be read to its end."""
        stream = self._stream
        if not stream.fields or stream.fields.get(b"content-type", b"").startswith(b"application/grpc"):
            return
        if not stream.over:
            self._state.reset_stream(stream.number, ErrorCodes.CANCEL)
            self._flush()
        code = stream.fields.get(b":status", b"?").decode("ascii", "replace")
        raise NotGrpc(f"the server answered {printable(code)[:10]} of HTTP, and nothing of gRPC")

    def _result(self) -> Result:
        """Return what a call that the server ended has answered."""
        stream = self._stream
        if stream.reset is not None:
            raise Reset(f"the server reset the stream ({_reason(stream.reset)})")
        self._check_kind()
        status = stream.fields.get(b"grpc-status", b"")
        if stream.rest:
            raise Nonsense("a message ends too early")
        if not (status.isdigit() and len(status) <= 4):
            raise Reset("the answer has no status")
        self.answers += 1
        message = unquote_to_bytes(stream.fields.get(b"grpc-message", b"")[:LONGEST_MESSAGE]).decode("utf-8", "replace")
        code = int(status)
        return Result(code if code in {*Status} else int(Status.UNKNOWN), message, tuple(stream.messages))

    def _cancelled(self, enough: int, *, late: bool = False) -> Result:
        if not self._stream.over:
            self._state.reset_stream(self._stream.number, ErrorCodes.CANCEL)
            self._flush()
        self.answers += 1
        return Result(int(Status.OK), "", tuple(self._stream.messages[:enough]), late)

    def _late(self, enough: int) -> Result:
        """Cancel a call that takes too long. What has come of a stream until then is its answer; without any, raise TimeoutError."""
        self._wire.allow(PROMPT)
        try:
            if enough and self._stream.messages:
                return self._cancelled(enough, late=True)
            self._state.reset_stream(self._stream.number, ErrorCodes.CANCEL)
            self._flush()
        except (OSError, H2Error) as error:
            self.is_open = False
            raise TimeoutError from error
        raise TimeoutError

    # ------------------------------------------------------------------ frames

    def _flush(self) -> None:
        if data := self._state.data_to_send():
            self._wire.send(data)

    def _receive(self) -> None:
        """Take what comes next. Raise Ended if the server closes the connection, or says that it will (GOAWAY)."""
        data = self._wire.some()
        self._received += len(data)
        goodbye = None
        for event in self._state.receive_data(data):
            if isinstance(event, events.ConnectionTerminated):
                goodbye = event
            else:
                self._take(event)
        if self._received > CALL_ROOM or self._received - self._data > FRAME_ROOM:
            raise Nonsense("more came than a call needs")
        if goodbye is not None:
            self.is_open = False
            if not self._stream.over:
                raise Ended(f"the server said goodbye (GOAWAY, {_reason(goodbye.error_code)})")
            return
        self._flush()

    def _take(self, event: events.Event) -> None:
        if getattr(event, "stream_id", None) != self._stream.number:
            return
        if isinstance(event, events.ResponseReceived | events.TrailersReceived):
            self._stream.fields.update((bytes(name), bytes(value)) for name, value in event.headers)
        elif isinstance(event, events.DataReceived):
            self._data += len(event.data)
            self._stream.rest += event.data
            self._cut()
            self._state.acknowledge_received_data(event.flow_controlled_length, self._stream.number)
        elif isinstance(event, events.StreamReset):
            self._stream.over, self._stream.reset = True, int(event.error_code or 0)
        elif isinstance(event, events.StreamEnded):
            self._stream.over = True

    def _cut(self) -> None:
        """Take the messages that are complete. Those of a web server's page make no sense, and are not looked at."""
        stream, at = self._stream, 0
        if not stream.fields.get(b"content-type", b"").startswith(b"application/grpc"):
            stream.rest.clear()
            return
        while len(stream.rest) - at >= PREFIX:
            size = int.from_bytes(stream.rest[at + 1 : at + PREFIX], "big")
            if stream.rest[at]:
                raise Nonsense("a message is compressed, which nobody asked for")
            if size > LARGEST:
                raise Nonsense(f"a message has more than {LARGEST >> 20} MB")
            if len(stream.messages) >= MOST_MESSAGES:
                raise Nonsense(f"the answer has more than {MOST_MESSAGES:,} messages")
            if len(stream.rest) - at < PREFIX + size:
                break
            stream.messages.append(bytes(stream.rest[at + PREFIX : at + PREFIX + size]))
            at += PREFIX + size
        del stream.rest[:at]


def _reason(code: int | None) -> str:
    """Return the name of an error code (RFC 9113, section 7)."""
    try:
        return ErrorCodes(code or 0).name
    except ValueError:
        return str(code)
