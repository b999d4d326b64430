"""MQTT 3.1.1: OASIS, docs.oasis-open.org/mqtt/mqtt/v3.1.1."""

from __future__ import annotations

import struct

from slimmer.exercise.protocols.protocol import MOST_REPLIES, THROWAWAY, VALUE, Refused, Session, Step, expect
from slimmer.exercise.protocols.wire import Nonsense

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, DISCONNECT = 0x10, 0x20, 0x30, 0x40, 0x82, 0x90, 0xE0
RETAIN_ONCE = 0x03
"""The flags of a message that is kept, and acknowledged (QoS 1)."""

CLEAN, PASSWORD, USER = 0x02, 0x40, 0x80
REFUSALS = {
    1: "version",
    2: "client identifier",
    3: "not available",
    4: "bad user name or password",
    5: "not authorized",
}
LONGEST_PACKET = 1 << 18
TOPIC = f"slimmer/{THROWAWAY}"


def packet(kind: int, body: bytes) -> bytes:
    """Return a packet. Its length is written with 7 bits a byte."""
    size, digits = len(body), bytearray()
    while True:
        size, digit = divmod(size, 128)
        digits.append(digit | (128 if size else 0))
        if not size:
            return bytes([kind]) + digits + body


def text(value: str) -> bytes:
    """Return a text with its length before it."""
    data = value.encode()
    return struct.pack("!H", len(data)) + data


def connect(user: str = "", password: str = "") -> bytes:
    """Return CONNECT, with a clean session."""
    flags = CLEAN | (USER | PASSWORD if user else 0)
    body = text("MQTT") + bytes([4, flags]) + struct.pack("!H", 60) + text("slimmer")
    return packet(CONNECT, body + (text(user) + text(password) if user else b""))


class Mqtt(Session):
    """MQTT subscribes to a topic, publishes a message to it that the broker keeps, reads it back and takes it away."""

    name, title, ports = "mqtt", "MQTT", (1883,)
    hello = connect()
    goodbye = packet(DISCONNECT, b"")
    credentials = ("MQTT_PASSWORD", "MOSQUITTO_PASSWORD")

    @classmethod
    def knows(cls, first: bytes) -> bool:
        return first[:3] in (b"\x20\x02\x00", b"\x20\x02\x01") and len(first) == 4

    def steps(self) -> tuple[Step, ...]:
        return (
            Step("connect", self._open, vital=True),
            Step("authenticate", self._authenticate, vital=True),
            Step("list", self._subscribe),
            Step("write", lambda: self._publish(1, VALUE)),
            Step("read", self._read),
            Step("remove", lambda: self._publish(2, "")),
        )

    def _open(self) -> str:
        assert self.wire
        self._inbox: list[bytes] = []
        return "connected"

    def _authenticate(self) -> str:
        password = self.variable(*self.credentials)
        user = self.variable("MQTT_USERNAME", "MQTT_USER", "MOSQUITTO_USERNAME") if password else ""
        self.wire.send(connect(user, password))
        code = self._await(CONNACK)[1]
        if code:
            raise Refused(str(code), REFUSALS.get(code, "refused"))
        return "accepted"

    def _subscribe(self) -> str:
        self.wire.send(packet(SUBSCRIBE, b"\0\1" + text(TOPIC) + b"\0"))
        if (code := self._await(SUBACK)[2]) >= 0x80:
            raise Refused(str(code), "the subscription was refused")
        return "subscribed"

    def _publish(self, number: int, value: str) -> str:
        self.wire.send(packet(PUBLISH | RETAIN_ONCE, text(TOPIC) + struct.pack("!H", number) + value.encode()))
        expect(self._await(PUBACK)[:2] == struct.pack("!H", number), "the acknowledgement of this message")
        return "acknowledged"

    def _read(self) -> str:
        message = self._inbox.pop(0) if self._inbox else self._await(PUBLISH)
        expect(message.startswith(text(TOPIC)), "a message of the topic")
        return message.removeprefix(text(TOPIC)).decode("utf-8", "replace")

    def _await(self, wanted: int) -> bytes:
        """Return the body of the next packet of a type. Messages that come meanwhile are kept."""
        for _ in range(MOST_REPLIES):
            kind, body = self._packet()
            if kind == wanted:
                return body
            expect(kind == PUBLISH and len(self._inbox) < 10, "the packet that was due")
            self._inbox.append(body)
        raise Nonsense("the packets do not end")

    def _packet(self) -> tuple[int, bytes]:
        """Return the type of the next packet and its body, which has at least two bytes."""
        kind, length, shift = self.wire.exactly(1)[0] & 0xF0, 0, 0
        while True:
            digit = self.wire.exactly(1)[0]
            length |= (digit & 0x7F) << shift
            shift += 7
            if not digit & 0x80:
                break
            expect(shift < 28, "a length")
        if not 2 <= length <= LONGEST_PACKET:
            raise Nonsense("a packet has an impossible length")
        return kind, self.wire.exactly(length)
