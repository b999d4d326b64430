"""Servers that mean no good: whatever they send, a session ends soon, with a problem, and without much memory."""

from __future__ import annotations

import os
import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from slimmer.exercise.protocols import recognition, source
from slimmer.exercise.protocols.protocol import Refused, Session
from slimmer.exercise.protocols.recognition import recognise
from slimmer.exercise.protocols.source import BROKEN, converse_again
from slimmer.exercise.protocols.table import PROTOCOLS, named
from slimmer.exercise.protocols.wire import MOST, Nonsense, Wire
from slimmer.exercise.result import Answer
from tests.exchanges import playing
from tests.unit.protocols.place import Place, context
from tests.unit.protocols.test_sessions import exchange, names

LOGGED_IN = [*exchange(named("mysql"))[:3]]


@pytest.fixture(autouse=True)
def no_last_breath(monkeypatch: pytest.MonkeyPatch) -> None:
    """These apps do not exit when a connection breaks."""
    monkeypatch.setattr(source, "LAST_BREATH", 0.0)


@contextmanager
def server(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server of the loopback that talks to each client in this way."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    threading.Thread(target=one, args=(client,), daemon=True).start()

        def one(client: socket.socket) -> None:
            with client, suppress(OSError):
                talk(client)

        threading.Thread(target=accept, daemon=True).start()
        yield int(listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)


def speak(port: int, name: str) -> list[Answer]:
    started = time.monotonic()
    answers = list(converse_again(context(Place(), [], {"POSTGRES_PASSWORD": "x"}, 0.1), [(port, name)]))
    assert time.monotonic() - started < 5
    return answers


def flood(client: socket.socket) -> None:
    while True:
        client.sendall(b"x" * 65536)


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=names)
def test_a_flood_ends_the_session(protocol: type[Session]) -> None:
    with server(flood) as port:
        answers = speak(port, protocol.name)
        assert recognise(Place(), port) is None
    assert answers[-1].problem


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=names)
def test_noise_instead_of_answers_is_a_problem_and_no_crash(protocol: type[Session]) -> None:
    """The answers of a real server, each with some bytes changed: the first differences lead deepest into the readers."""
    chance = random.Random(protocol.name)
    for _ in range(30):
        played = []
        for side, data in exchange(protocol):
            noisy = bytearray(data)
            for _ in range(chance.randrange(3) if side == "<" else 0):
                noisy[chance.randrange(len(noisy))] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
            if side == "<" and chance.random() < 0.1:
                del noisy[chance.randrange(len(noisy)) :]
            played.append((side, bytes(noisy)))
        _run(protocol, b"".join(data for side, data in played if side == "<"))


def _run(protocol: type[Session], heard: bytes) -> None:
    """Run a session with a server that sends all this at once, whatever it is asked, and then closes its half."""

    def talk(client: socket.socket) -> None:
        client.sendall(heard)
        client.shutdown(socket.SHUT_WR)
        while client.recv(4096):
            pass

    with server(talk) as port:
        session = protocol(
            lambda: Wire(("127.0.0.1", port), 5.0), {"SLAPD_DOMAIN": "other.test", "SLAPD_PASSWORD": "s"}
        )
        try:
            for step in session.steps():
                step.run()
        except (Refused, *BROKEN):
            pass
        finally:
            session.close()


def wire_raises(kind: type[Exception], read: Callable[[], object]) -> None:
    with pytest.raises(kind):
        read()


def test_a_line_without_an_end_is_cut() -> None:
    with server(lambda client: client.sendall(b"+" + b"x" * 10_000)) as port, Wire(("127.0.0.1", port), 5.0) as wire:
        wire_raises(Nonsense, wire.line)


def test_a_message_longer_than_what_is_read_in_all_is_refused_at_once() -> None:
    with server(lambda client: time.sleep(5)) as port, Wire(("127.0.0.1", port), 5.0) as wire:
        wire_raises(Nonsense, lambda: wire.exactly(MOST + 1))


def test_one_byte_a_moment_does_not_hold_up_a_step() -> None:
    def trickle(client: socket.socket) -> None:
        while True:
            client.sendall(b"x")
            time.sleep(0.02)

    with server(trickle) as port, Wire(("127.0.0.1", port), 0.2) as wire:
        started = time.monotonic()
        wire_raises(TimeoutError, wire.line)
        assert time.monotonic() - started < 2


def test_a_silent_port_gets_two_guesses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recognition, "ANSWER", 0.2)
    asked: list[bytes] = []

    def wait(client: socket.socket) -> None:
        while data := client.recv(4096):
            asked.append(data)

    with server(wait) as port:
        started = time.monotonic()
        assert recognise(Place(), port) is None
        assert time.monotonic() - started < 5
    assert len(asked) == 2


def test_scram_with_two_thousand_million_rounds_is_refused() -> None:
    def message(kind: bytes, body: bytes) -> bytes:
        return kind + struct.pack("!i", len(body) + 4) + body

    def talk(client: socket.socket) -> None:
        client.recv(8)
        client.sendall(b"N")
        client.recv(4096)
        client.sendall(message(b"R", struct.pack("!i", 10) + b"SCRAM-SHA-256\0\0"))
        nonce = client.recv(4096).rpartition(b"r=")[2]
        client.sendall(message(b"R", struct.pack("!i", 11) + b"r=" + nonce + b"more,s=c2FsdA==,i=2147483647"))
        client.recv(4096)

    with server(talk) as port:
        answers = speak(port, "postgresql")
    assert "too much work" in answers[-1].problem


def test_a_server_that_asks_for_a_file_gets_none() -> None:
    wanted = b"\xfb/etc/passwd"
    with playing(
        [
            *LOGGED_IN,
            (">", b"\x0f\0\0\0\x03SHOW DATABASES"),
            ("<", struct.pack("<I", len(wanted))[:3] + b"\x01" + wanted),
        ]
    ) as port:
        place = context(Place({3306: port}), [], {"MARIADB_ROOT_PASSWORD": "geheim"}, 0.1)
        answers = list(converse_again(place, [(3306, "mysql")]))
    assert "wants a file of this machine" in answers[-1].problem


def test_random_bytes_are_no_protocol() -> None:
    noise = os.urandom(64)
    with server(lambda client: client.sendall(b"\xff" + noise)) as port:
        assert recognise(Place(), port) is None
