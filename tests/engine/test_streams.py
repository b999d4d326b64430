"""Byte streams to and from processes in containers."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator

import docker
import pytest

from slimmer.engine.streams import STDERR_LIMIT, MultiplexedStream
from slimmer.errors import EngineError, EngineUnreachable


def frame(kind: int, payload: bytes) -> bytes:
    return struct.pack(">BxxxL", kind, len(payload)) + payload


@pytest.fixture
def pair() -> Iterator[tuple[MultiplexedStream, socket.socket]]:
    here, there = socket.socketpair()
    stream = MultiplexedStream(here)
    yield stream, there
    stream.close()
    there.close()


def test_frames_are_joined_and_errors_kept_aside(pair: tuple[MultiplexedStream, socket.socket]) -> None:
    stream, engine = pair
    engine.sendall(frame(1, b"ab") + frame(2, b"oh no") + frame(1, b"") + frame(1, b"cdef"))
    assert stream.recv_exactly(5) == b"abcde"
    assert stream.recv() == b"f"
    assert stream.stderr == "oh no"
    engine.shutdown(socket.SHUT_WR)
    assert stream.recv() == b""


def test_an_answer_that_ends_early_is_an_error_with_the_process_words(
    pair: tuple[MultiplexedStream, socket.socket],
) -> None:
    stream, engine = pair
    engine.sendall(frame(1, b"ab") + frame(2, b"out of luck"))
    engine.shutdown(socket.SHUT_WR)
    with pytest.raises(EngineError, match="out of luck"):
        stream.recv_exactly(3)


def test_an_engine_that_is_gone_is_told(pair: tuple[MultiplexedStream, socket.socket]) -> None:
    stream, engine = pair
    stream.send_exactly(b"a question that nobody reads")
    engine.close()
    with pytest.raises(EngineUnreachable, match="reset"):
        stream.recv_exactly(1)
    with pytest.raises(EngineUnreachable, match="broke"):
        stream.send_exactly(b"another")


def test_errors_are_bounded(pair: tuple[MultiplexedStream, socket.socket]) -> None:
    stream, engine = pair
    sent = b"".join(frame(2, b"%07d\n" % number) for number in range(20_000)) + frame(1, b"x")
    threading.Thread(target=engine.sendall, args=(sent,), daemon=True).start()
    assert stream.recv() == b"x"
    assert len(stream.stderr) <= STDERR_LIMIT
    assert stream.stderr.endswith("0019999\n")


def test_nothing_is_lost_that_came_with_the_headers() -> None:
    """A process that speaks at once: its first bytes and the engine's answer arrive in one segment."""
    answer = b"HTTP/1.1 101 UPGRADED\r\nContent-Type: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
    with socket.create_server(("127.0.0.1", 0)) as server:
        sent = answer + frame(1, b"first") + frame(1, b"second")
        threading.Thread(target=_serve_once, args=(server, sent), daemon=True).start()
        client = docker.APIClient(f"tcp://127.0.0.1:{server.getsockname()[1]}", version="1.41", timeout=10)
        stream = MultiplexedStream(client.exec_start("x", socket=True))
        assert stream.recv_exactly(11) == b"firstsecond"
        assert stream.recv() == b""
        stream.close()
        client.close()


def _serve_once(server: socket.socket, sent: bytes) -> None:
    connection, _ = server.accept()
    with connection:
        asked = b""
        while b"}" not in asked:
            asked += connection.recv(1 << 16)
        connection.sendall(sent)
