"""Servers of HTTP/2 in this process, which answer calls as a test likes: frame by frame, well or badly."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded
from h2.exceptions import H2Error

from slimmer.exercise.grpc.health import CHECK
from slimmer.exercise.grpc.services import REFLECTIONS
from slimmer.exercise.grpc.wire_format import encoded

SETTINGS = b"\0\0\0\4\0\0\0\0\0"
HEAD = [(":status", "200"), ("content-type", "application/grpc")]
OK = [("grpc-status", "0")]


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """A frame of HTTP/2 (RFC 9113, section 4.1)."""
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def prefixed(message: bytes) -> bytes:
    """A message as gRPC sends it."""
    return b"\0" + len(message).to_bytes(4, "big") + message


class Call:
    """A call that a server got. What is sent goes out at once."""

    def __init__(self, client: socket.socket, state: H2Connection, stream: int, path: str) -> None:
        self.client, self.state, self.stream, self.path, self.message = client, state, stream, path, b""

    def flush(self) -> None:
        self.client.sendall(self.state.data_to_send())

    def answer(self, *messages: bytes, status: int = 0, message: str = "") -> None:
        self.state.send_headers(self.stream, HEAD)
        for one in messages:
            self.data(prefixed(one))
        more = [("grpc-message", message)] if message else []
        self.state.send_headers(self.stream, [("grpc-status", str(status)), *more], end_stream=True)
        self.flush()

    def data(self, data: bytes) -> None:
        """Send data, as far as the window goes. Raises OSError or H2Error if the client wants no more."""
        while data:
            room = min(self.state.local_flow_control_window(self.stream), self.state.max_outbound_frame_size)
            self.state.send_data(self.stream, data[:room])
            data = data[room:]
            self.flush()
            while data and not self.state.local_flow_control_window(self.stream):
                if not (more := self.client.recv(65536)):
                    raise OSError
                self.state.receive_data(more)


Does = Callable[[Call], None]


@contextmanager
def accepting(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server of the loopback that talks to each client in this way; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def one(client: socket.socket) -> None:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with client, suppress(OSError, H2Error):
                talk(client)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    threading.Thread(target=one, args=(client,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield int(listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)


def serving(answers: Mapping[str, Does]) -> Callable[[socket.socket], None]:
    """A server of calls: each path has what answers it; "" is for all others."""

    def talk(client: socket.socket) -> None:
        state = H2Connection(H2Configuration(client_side=False, header_encoding=None))
        state.initiate_connection()
        client.sendall(state.data_to_send())
        calls: dict[int, Call] = {}
        while data := client.recv(65536):
            for event in state.receive_data(data):
                if isinstance(event, RequestReceived):
                    path = next(value.decode() for name, value in event.headers if name == b":path")
                    calls[event.stream_id] = Call(client, state, event.stream_id, path)
                elif isinstance(event, DataReceived):
                    calls[event.stream_id].message += event.data[5:]
                elif isinstance(event, StreamEnded):
                    call = calls[event.stream_id]
                    (answers.get(call.path) or answers.get("") or unimplemented)(call)
            client.sendall(state.data_to_send())

    return talk


def unimplemented(call: Call) -> None:
    """An answer of headers alone."""
    call.state.send_headers(call.stream, [*HEAD, ("grpc-status", "12")], end_stream=True)
    call.flush()


def healthy(call: Call) -> None:
    call.answer(b"\x08\x01")


def described(*services: tuple[str, bytes]) -> dict[str, Does]:
    """A healthy server with reflection: the names of its services, and of each the file descriptor."""
    files = dict(services)

    def reflect(call: Call) -> None:
        if call.message == encoded(7, b"*"):
            call.answer(encoded(6, b"".join(encoded(1, encoded(1, name.encode())) for name in files)))
        else:
            call.answer(encoded(4, encoded(1, files[call.message[2:].decode()])))

    return {CHECK: healthy, REFLECTIONS[0]: reflect}


def file(package: str, service: str, *methods: str) -> bytes:
    """A file descriptor with one service."""
    several = b"".join(encoded(2, encoded(1, name.encode())) for name in methods)
    return encoded(2, package.encode()) + encoded(6, encoded(1, service.encode()) + several)
