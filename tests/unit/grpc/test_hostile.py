"""Servers that mean no good: whatever they send, the calls end soon, with a line that says so, and without much memory."""

from __future__ import annotations

import random
import socket
import time
import tracemalloc
from collections.abc import Callable

import pytest

from slimmer.exercise.grpc import caller, connection, recognition
from slimmer.exercise.grpc.caller import MOST_METHODS, MOST_SERVICES, Called, call_again, call_services
from slimmer.exercise.grpc.connection import LARGEST, Connection, Result
from slimmer.exercise.grpc.health import CHECK
from slimmer.exercise.grpc.recognition import Speaker, recognise
from slimmer.exercise.grpc.services import REFLECTIONS
from slimmer.exercise.grpc.talk import Talk
from slimmer.exercise.grpc.wire_format import encoded
from slimmer.exercise.rpc import Rpc
from tests.unit.grpc.hostile import (
    HEAD,
    OK,
    SETTINGS,
    Call,
    Does,
    accepting,
    described,
    file,
    frame,
    healthy,
    prefixed,
    serving,
)
from tests.unit.protocols.place import Place, context
from tests.work import HANGING

ANY = "/a.B/C"


@pytest.fixture(autouse=True)
def short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """These apps do not exit when a connection breaks."""
    monkeypatch.setattr(caller, "LAST_BREATH", 0.0)
    monkeypatch.setattr(connection, "PROMPT", 0.3)


def call(answers: dict[str, Does]) -> Called:
    """Call what a server says that it has. Raises AssertionError if that takes too long, or if the port does not speak gRPC."""
    started = time.monotonic()
    with accepting(serving(answers)) as port:
        [called] = call_services(context(Place(), []), [(port, "")])
    assert time.monotonic() - started < HANGING
    return called


def problem(talk: Callable[[socket.socket], None], seconds: float = 50.0) -> str:
    """Why a call of a server has no answer."""
    started = time.monotonic()
    with accepting(talk) as port:
        one = Talk(Place(), port, tls=False)
        reply = one.ask(Rpc(ANY), seconds)
        one.close()
    assert time.monotonic() - started < HANGING and reply.result is None
    return reply.problem


def test_a_call_is_answered() -> None:
    talk = serving({ANY: lambda call: call.answer(b"\x08\x01", status=5, message="n%C3%B6 %")})
    with accepting(talk) as port, Connection(("127.0.0.1", port), 80, 5.0, tls=False) as one:
        assert one.call(ANY, b"", 5.0) == Result(5, "nö %", (b"\x08\x01",))
        assert one.call("/other", b"", 5.0) == Result(12, "", ())


def test_an_unknown_status_is_unknown() -> None:
    talk = serving({ANY: lambda call: call.answer(status=99)})
    with accepting(talk) as port, Connection(("127.0.0.1", port), 80, 5.0, tls=False) as one:
        assert one.call(ANY, b"", 5.0).status == 2


def endless(call: Call) -> None:
    call.state.send_headers(call.stream, HEAD)
    while True:
        call.data(prefixed(b"x" * 1000))


def giant(call: Call) -> None:
    call.state.send_headers(call.stream, HEAD)
    call.data(b"\0" + (LARGEST + 1).to_bytes(4, "big") + b"x" * 100)


def compressed(call: Call) -> None:
    call.state.send_headers(call.stream, HEAD)
    call.data(b"\1\0\0\0\1x")


def cut(call: Call) -> None:
    call.state.send_headers(call.stream, HEAD)
    call.data(b"\0\0\0\0\5x")
    call.state.send_headers(call.stream, OK, end_stream=True)
    call.flush()


def without_status(call: Call) -> None:
    call.state.send_headers(call.stream, HEAD)
    call.state.end_stream(call.stream)
    call.flush()


def large_headers(call: Call) -> None:
    call.state.send_headers(call.stream, [*HEAD, *((f"x-{n}", "y" * 1000) for n in range(200))])
    call.flush()


def resetting(call: Call) -> None:
    call.state.reset_stream(call.stream, 11)
    call.flush()


def leaving(call: Call) -> None:
    call.state.close_connection(2)
    call.flush()


def web(call: Call) -> None:
    call.state.send_headers(call.stream, [(":status", "404"), ("content-type", "text/html")])
    while True:
        call.data(b"<p>" * 1000)


def headless(call: Call) -> None:
    call.client.sendall(frame(0, 0, call.stream, prefixed(b"x")))


def pushing(call: Call) -> None:
    call.client.sendall(frame(5, 4, call.stream, b"\0\0\0\2\x82"))


def silent(call: Call) -> None:
    time.sleep(HANGING)


def dripping(call: Call) -> None:
    call.state.send_headers(call.stream, HEAD)
    while True:
        call.data(b"\0")
        time.sleep(0.05)


def continuing(call: Call) -> None:
    call.client.sendall(frame(1, 0, call.stream, b"\x88"))
    while True:
        call.client.sendall(frame(9, 0, call.stream, b""))


def flood(kind: int, payload: bytes, stream: int = 0) -> Does:
    def does(call: Call) -> None:
        while True:
            call.client.sendall(frame(kind, 0, stream, payload) * 500)

    return does


PROBLEMS: dict[Does, str] = {
    endless: "the answer has more than 1,000 messages",
    giant: "a message has more than 4 MB",
    compressed: "a message is compressed, which nobody asked for",
    cut: "a message ends too early",
    without_status: "the answer has no status",
    resetting: "the server reset the stream (ENHANCE_YOUR_CALM)",
    leaving: "the server said goodbye (GOAWAY, INTERNAL_ERROR)",
    web: "the server answered 404 of HTTP, and nothing of gRPC",
    silent: "no answer in time",
    dripping: "no answer in time",
}


@pytest.mark.parametrize("does", PROBLEMS, ids=lambda does: does.__name__)
def test_each_problem_has_a_line(does: Does) -> None:
    assert problem(serving({ANY: does}), 1.0 if does in (silent, dripping) else 50.0) == PROBLEMS[does]


@pytest.mark.parametrize("does", [large_headers, headless, pushing, continuing], ids=lambda does: does.__name__)
def test_what_http2_forbids_is_a_problem(does: Does) -> None:
    found = problem(serving({ANY: does}))
    assert found and "\n" not in found


@pytest.mark.parametrize(
    "does",
    [
        flood(6, b"x" * 8),
        flood(4, b"\0\3\0\0\0\1"),
        flood(8, b"\0\0\0\1"),
        flood(2, b"\0\0\0\0\1", 3),
        flood(200, b"x" * 60),
    ],
    ids=["PING", "SETTINGS", "WINDOW_UPDATE", "PRIORITY", "unknown"],
)
def test_floods_end_without_much_memory(does: Does) -> None:
    tracemalloc.start()
    try:
        assert problem(serving({ANY: does}))
        assert tracemalloc.get_traced_memory()[1] < 30 << 20
    finally:
        tracemalloc.stop()


def test_a_server_that_wants_no_data_is_given_up() -> None:
    def talk(client: socket.socket) -> None:
        client.sendall(frame(4, 0, 0, b"\0\4\0\0\0\0"))  # SETTINGS_INITIAL_WINDOW_SIZE: 0
        while client.recv(65536):
            pass

    with accepting(talk) as port:
        one = Talk(Place(), port, tls=False)
        assert one.ask(Rpc(ANY), 1.0).problem == "no answer in time"
        assert one.ask(Rpc(ANY), 1.0).problem == "no answer in time"
        one.close()


def test_a_connection_that_had_calls_may_end() -> None:
    """As servers do that let no connection get old."""

    def last(call: Call) -> None:
        call.answer(b"")
        call.state.close_connection()
        call.flush()

    with accepting(serving({ANY: last})) as port:
        one = Talk(Place(), port, tls=False)
        for _ in range(3):
            assert one.ask(Rpc(ANY), 5.0).result == Result(0, "", (b"",))
        one.close()


def test_noise_instead_of_frames_is_a_problem_and_no_crash() -> None:
    """Good answers with some bytes changed lead deepest into h2."""
    good = SETTINGS + frame(4, 1, 0) + frame(1, 4, 1, b"\x88\x5f\x10application/grpc") + frame(0, 0, 1, prefixed(b"x"))
    good += frame(1, 5, 1, b"\x40\x0bgrpc-status\x010")
    chance = random.Random(1)
    for _ in range(200):
        damaged = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            damaged[chance.randrange(9, len(damaged))] = chance.randrange(256)

        def talk(client: socket.socket, data: bytes = bytes(damaged)) -> None:
            client.recv(65536)
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
            while client.recv(65536):
                pass

        with accepting(talk) as port:
            one = Talk(Place(), port, tls=False)
            reply = one.ask(Rpc(ANY), 5.0)
            assert reply.result is not None or reply.problem
            one.close()


# ---------------------------------------------------------------------- recognition


def say(data: bytes, *, waits: bool = True) -> Callable[[socket.socket], None]:
    def talk(client: socket.socket) -> None:
        client.sendall(data)
        while waits and client.recv(65536):
            pass

    return talk


@pytest.mark.parametrize(
    "talk",
    [
        say(b""),
        say(b"", waits=False),
        say(b"SSH-2.0-OpenSSH_9.2p1\r\n"),
        say(b"220 mail ESMTP\r\n"),
        say(b"\x4a\0\0\0\x0a8.0.36\0"),
        say(b"HTTP/1.1 400 Bad Request\r\n\r\n", waits=False),
        say(b"\0"),
        say(b"\0" * 100),
        say(b"-ERR unknown command\r\n"),
        say(b"\x15\3\1\0\2\2\x46", waits=False),
    ],
    ids=["silent", "closed", "SSH", "SMTP", "MySQL", "HTTP", "zero", "zeros", "Redis", "alert"],
)
def test_other_protocols_are_no_grpc_and_cost_no_time(
    talk: Callable[[socket.socket], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recognition, "PATIENCE", 1.0)
    started = time.monotonic()
    with accepting(talk) as port:
        assert recognise(Place(), port, "") is None
    assert time.monotonic() - started < 30


def test_a_server_of_another_protocol_that_waits_is_told_the_end() -> None:
    ended: list[bytes] = []

    def talk(client: socket.socket) -> None:
        data = b""
        while more := client.recv(65536):
            data += more
        ended.append(data)

    with accepting(talk) as port:
        assert recognise(Place(), port, "") is None
    assert ended[0].startswith(b"PRI * HTTP/2.0\r\n")


def test_a_server_of_http2_that_has_no_grpc_is_not_told() -> None:
    with accepting(serving({"": web})) as port:
        assert recognise(Place(), port, "") is None


def test_a_server_of_http2_that_answers_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recognition, "PATIENCE", 2.0)
    with accepting(serving({"": silent})) as port:
        assert recognise(Place(), port, "http") is None, "it answered HTTP/1.1 well"
        found = recognise(Place(), port, "")
        assert found == Speaker(port, False, "it speaks HTTP/2, but a call failed: no answer within 2 s")
        [called] = call_services(context(Place(), []), [(port, "")])
    assert called.told.limits == (found.problem,) and called.answers == ()


def test_a_slow_server_is_recognised() -> None:
    first = serving({CHECK: healthy})

    def slow(client: socket.socket) -> None:
        time.sleep(1.0)
        first(client)

    with accepting(slow) as port:
        assert recognise(Place(), port, "") == Speaker(port, False)


# ---------------------------------------------------------------------- services


def test_a_hundred_thousand_services_are_cut() -> None:
    names = [f"a.S{n}" for n in range(100_000)]
    answers = described(*((name, file("a", name[2:], "Get")) for name in names))
    called = call(answers | {"": lambda call: call.answer(b"")})
    assert called.told.limits[0] == "left out 99,800 services after the first 200"
    assert called.told.found == MOST_SERVICES


def test_ten_thousand_methods_are_cut() -> None:
    answers = described(("a.S", file("a", "S", *(f"Get{n}" for n in range(10_000)))))
    called = call(answers | {"": lambda call: call.answer(b"")})
    assert (called.told.found, called.told.asked) == (10_000, MOST_METHODS)
    assert "left out 9,500 methods after the first 500" in called.told.limits


def test_descriptors_that_import_each_other_and_names_that_are_none_are_left_out() -> None:
    circle = (
        encoded(3, b"b.proto")
        + encoded(2, b"a")
        + encoded(6, encoded(1, b"S") + encoded(2, encoded(1, b"Get\r\nX: y")))
    )
    odd = encoded(
        6, b"".join(encoded(1, encoded(1, name)) for name in (b"../etc", b"a b", b"\xff", b"a.S", b"a.T", b"a.S"))
    )
    files = {"a.S": circle * 500, "a.T": b"\xff" * 100}

    def reflect(call: Call) -> None:
        call.answer(odd if call.message[:1] == b"\x3a" else encoded(4, encoded(1, files[call.message[2:].decode()])))

    called = call({CHECK: healthy, REFLECTIONS[0]: reflect})
    assert called.told.found == 0
    assert called.told.limits == ("left out 1 service (a message has a number that does not end): a.T",)


@pytest.mark.parametrize(
    ("does", "line"),
    [
        (
            lambda call: call.answer(encoded(7, encoded(2, b"not\x1b[2J today"))),
            r"reflection cannot be used: not\x1b[2J today",
        ),
        (lambda call: call.answer(b"\xff"), "reflection cannot be used: a message has a number that does not end"),
        (lambda call: call.answer(status=16), "reflection answered UNAUTHENTICATED, so the methods are not known"),
        (resetting, "reflection gave no answer, so the methods are not known"),
    ],
    ids=["refused", "nonsense", "guarded", "reset"],
)
def test_reflection_that_fails_is_told(does: Does, line: str) -> None:
    called = call({CHECK: healthy, REFLECTIONS[0]: does})
    assert called.told.limits == (line,) and called.answers[0].request.path == CHECK


def test_the_older_reflection_will_do() -> None:
    answers = described(("a.S", file("a", "S", "Get")))
    answers[REFLECTIONS[1]] = answers.pop(REFLECTIONS[0])
    called = call(answers | {"/a.S/Get": lambda call: call.answer(b"")})
    assert (called.told.found, called.told.answered) == (1, 1)


def test_a_reset_storm_ends_the_calls() -> None:
    answers = described(("a.S", file("a", "S", *(f"Get{n}" for n in range(50)))))
    called = call(answers | {"": resetting})
    assert called.told.limits == (
        "5 methods got no whole answer (the server reset the stream (ENHANCE_YOUR_CALM)): S/Get0, S/Get1, S/Get2 …",
        "stopped after 5 calls in a row without an answer, with 45 methods left",
    )


def test_a_server_that_hangs_in_another_run_is_not_asked_for_ever() -> None:
    known = [Rpc(f"/a.S/Get{n}") for n in range(50)]
    with accepting(serving({"": resetting})) as port:
        answers = list(call_again(context(Place(), []), [(port, one) for one in known]))
    assert all(one.problem for one in answers) and len(answers) == 50
    assert answers[5].problem.endswith("not sent: calls before it got no answer")


def test_messages_of_any_depth_are_shown() -> None:
    deep = b""
    for _ in range(2000):
        deep = encoded(1, deep + b"\x08\x01")
    called = call({CHECK: lambda call: call.answer(deep)})
    assert called.health == "UNKNOWN" and called.answers[0].body


def test_a_message_of_success_says_nothing() -> None:
    called = call({CHECK: lambda call: call.answer(b"\x08\x02", message="OK")})
    assert called.answers[0].body == b"message:\n  1: 2\n" and called.health == "NOT_SERVING"


def test_a_port_that_speaks_http_too_is_called() -> None:
    """As a server that has HTTP/2 alone and refuses HTTP/1.1 politely, or a gateway."""
    answers = described(("a.S", file("a", "S", "Get")))
    with accepting(serving(answers | {"/a.S/Get": lambda call: call.answer(b"")})) as port:
        [called] = call_services(context(Place(), []), [(port, "http")])
    assert (called.told.found, called.told.answered) == (1, 1)
