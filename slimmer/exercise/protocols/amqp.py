"""AMQP 0-9-1, as RabbitMQ speaks it: amqp.org, "AMQP 0-9-1 Complete XML definition"."""

from __future__ import annotations

import struct

from slimmer.exercise.protocols.protocol import MOST_REPLIES, THROWAWAY, VALUE, Refused, Session, Step, expect
from slimmer.exercise.protocols.wire import Nonsense

METHOD, HEADER, BODY, HEARTBEAT, FRAME_END = 1, 2, 3, 8, 0xCE

Method = tuple[int, int]
"""The numbers of a class and of a method."""

START, START_OK, TUNE, TUNE_OK, OPEN, OPEN_OK = (10, 10), (10, 11), (10, 30), (10, 31), (10, 40), (10, 41)
CLOSE, CLOSE_OK, CHANNEL_CLOSE = (10, 50), (10, 51), (20, 40)
CHANNEL_OPEN, CHANNEL_OPEN_OK = (20, 10), (20, 11)
EXCHANGE_DECLARE, EXCHANGE_DECLARE_OK = (40, 10), (40, 11)
QUEUE_DECLARE, QUEUE_DECLARE_OK, QUEUE_DELETE, QUEUE_DELETE_OK = (50, 10), (50, 11), (50, 40), (50, 41)
PUBLISH, GET, GET_OK = (60, 40), (60, 70), (60, 71)

PASSIVE, EXCLUSIVE_AUTO_DELETE = b"\x01", b"\x0c"
NO_TABLE = b"\0\0\0\0"
LONGEST_FRAME = 1 << 17


def short(value: str) -> bytes:
    """Return a short string."""
    data = value.encode()[:255]
    return bytes([len(data)]) + data


def long(data: bytes) -> bytes:
    """Return a long string, or a table."""
    return struct.pack("!I", len(data)) + data


class Amqp(Session):
    """AMQP makes a queue that nobody else sees, puts a message into it, gets it back and deletes the queue."""

    name, title, ports = "amqp", "AMQP", (5672,)
    hello = b"AMQP\0\0\x09\x01"
    credentials = ("RABBITMQ_DEFAULT_PASS", "RABBITMQ_PASSWORD", "AMQP_PASSWORD")

    @classmethod
    def knows(cls, first: bytes) -> bool:
        """Return True for Connection.Start on channel 0."""
        return first[:3] == b"\x01\0\0" and first[7:11] == struct.pack("!HH", *START)

    def steps(self) -> tuple[Step, ...]:
        return (
            Step("connect", self._open, vital=True),
            Step("authenticate", self._authenticate, vital=True),
            Step("list", self._list, vital=True),
            Step("write", self._write, vital=True),
            Step("read", self._read),
            Step("remove", self._remove),
        )

    def _open(self) -> str:
        self.wire.send(self.hello)
        self._method(START)
        return "connected"

    def _authenticate(self) -> str:
        """Log in as the image's user, or as RabbitMQ's guest, and open the virtual host and a channel."""
        user = self.variable("RABBITMQ_DEFAULT_USER", "RABBITMQ_USERNAME", "AMQP_USER", default="guest")
        password = self.variable(*self.credentials, default="guest")
        able = short("capabilities") + b"F" + long(short("authentication_failure_close") + b"t\x01")
        plain = f"\0{user}\0{password}".encode()
        self._send(0, START_OK, long(able) + short("PLAIN") + long(plain) + short("en_US"))
        channels, frame, _ = struct.unpack("!HIH", self._method(TUNE)[:8])
        self._send(0, TUNE_OK, struct.pack("!HIH", channels, min(frame or LONGEST_FRAME, LONGEST_FRAME), 0))
        self._send(0, OPEN, short(self.variable("RABBITMQ_DEFAULT_VHOST", default="/")) + b"\0\0")
        self._method(OPEN_OK)
        self._send(1, CHANNEL_OPEN, b"\0")
        self._method(CHANNEL_OPEN_OK)
        return "open"

    def _list(self) -> str:
        for exchange in ("direct", "fanout", "topic", "headers"):
            declare = b"\0\0" + short(f"amq.{exchange}") + short(exchange) + PASSIVE + NO_TABLE
            self._send(1, EXCHANGE_DECLARE, declare)
            self._method(EXCHANGE_DECLARE_OK)
        return "the standard exchanges"

    def _write(self) -> str:
        self._send(1, QUEUE_DECLARE, b"\0\0" + short(THROWAWAY) + EXCLUSIVE_AUTO_DELETE + NO_TABLE)
        self._method(QUEUE_DECLARE_OK)
        self._send(1, PUBLISH, b"\0\0" + short("") + short(THROWAWAY) + b"\0")
        data = VALUE.encode()
        self._frame(HEADER, 1, struct.pack("!HHQH", PUBLISH[0], 0, len(data), 0))
        self._frame(BODY, 1, data)
        return "declared and published"

    def _read(self) -> str:
        self._send(1, GET, b"\0\0" + short(THROWAWAY) + b"\x01")
        self._method(GET_OK)
        (size,) = struct.unpack_from("!Q", self._next(HEADER), 4)
        data = b""
        while len(data) < size <= LONGEST_FRAME:
            data += self._next(BODY)
        return data.decode("utf-8", "replace")

    def _remove(self) -> str:
        self._send(1, QUEUE_DELETE, b"\0\0" + short(THROWAWAY) + b"\0")
        self._method(QUEUE_DELETE_OK)
        return "deleted"

    def leave(self) -> None:
        """Close the connection in AMQP, too: its class, method and reply code are 0, 0 and 200 for a client that is done."""
        self._send(0, CLOSE, struct.pack("!H", 200) + short("") + struct.pack("!HH", 0, 0))
        self._method(CLOSE_OK)

    # ------------------------------------------------------------------ frames

    def _send(self, channel: int, method: Method, arguments: bytes) -> None:
        self._frame(METHOD, channel, struct.pack("!HH", *method) + arguments)

    def _frame(self, kind: int, channel: int, body: bytes) -> None:
        self.wire.send(struct.pack("!BHI", kind, channel, len(body)) + body + bytes([FRAME_END]))

    def _method(self, wanted: Method) -> bytes:
        """Return the arguments of the next method. Raise Refused if the server closes the connection or the channel instead."""
        body = self._next(METHOD)
        method = struct.unpack_from("!HH", body)
        if method in (CLOSE, CHANNEL_CLOSE):
            (code,) = struct.unpack_from("!H", body, 4)
            raise Refused(str(code), body[7 : 7 + body[6]].decode("utf-8", "replace"))
        expect(method == wanted, f"method {wanted[0]}.{wanted[1]}")
        return body[4:]

    def _next(self, wanted: int) -> bytes:
        """Return the body of the next frame that is no heartbeat."""
        for _ in range(MOST_REPLIES):
            kind, _, length = struct.unpack("!BHI", self.wire.exactly(7))
            if length > LONGEST_FRAME:
                raise Nonsense("a frame is too long")
            body = self.wire.exactly(length + 1)[:-1]
            if kind != HEARTBEAT:
                expect(kind == wanted, "the frame that was due")
                return body
        raise Nonsense("the heartbeats do not end")
