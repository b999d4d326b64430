"""WebSockets, bytes over TCP, and HTTP/2, against real servers: what is sent, what passes, what fails, and what bounds it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from slimmer.errors import UsageError
from slimmer.exercise.drive import exercise
from slimmer.exercise.exchange import Exchange, Kind, Step
from slimmer.exercise.exchange_client import talk_tcp
from slimmer.exercise.expectations import replay_expectations
from slimmer.exercise.plan import ExercisePlan
from slimmer.exercise.probe_file import requests_from_file
from slimmer.exercise.request import Ask
from slimmer.exercise.result import ExerciseResult
from slimmer.exercise.websocket_client import talk_websocket
from slimmer.verify.behaviour import compare_behaviour
from tests.unit.local_app import CERTIFICATE, LocalApp, free_port
from tests.work import HANGING

CHAT = """
import secrets
from websockets.sync.server import serve as websockets
from websockets.exceptions import ConnectionClosed

tokens = []

def chat(connection):
    request = connection.request
    if request.path.startswith("/who"):
        connection.send(request.headers.get("Cookie", "") + " " + request.headers["Host"])
    for message in connection:
        if message == "leave":
            return
        if message == "flood":
            for _ in range(100):
                connection.send("x" * 100_000)
        if message == "big":
            connection.send("x" * (2 << 20))
        connection.send(f"echo {message}" if isinstance(message, str) else message[::-1])
        connection.send(f"seen at {time.time()}")

def answer(connection, request):
    from http import HTTPStatus
    if request.path == "/page":
        token = secrets.token_hex(8)
        tokens.append(token)
        response = connection.respond(HTTPStatus.OK, token)
        response.headers["Set-Cookie"] = "sid=1; Path=/"
        return response
    if request.path.startswith("/in/"):
        return None if request.path[4:] in tokens else connection.respond(HTTPStatus.FORBIDDEN, "no")
    if request.path == "/moved":
        response = connection.respond(HTTPStatus.FOUND, "")
        response.headers["Location"] = "ws://localhost:1/"
        return response
    return None if request.headers.get("Upgrade") else connection.respond(HTTPStatus.OK, "page")

def chats(port, tls=None):
    context = None
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls)
    threading.Thread(target=websockets(chat, "127.0.0.1", port, process_request=answer, ssl=context).serve_forever, daemon=True).start()

def line(client):
    client.sendall(b"220 ready\\r\\n")
    for text in client.makefile("rb"):
        if text == b"QUIT\\r\\n":
            return client.close()
        client.sendall(b"+" + text[::-1].strip() + b"\\r\\n" + b"$junk")

"""


def asks(folder: Path, text: str) -> tuple[Ask, ...]:
    (folder / "probes.yaml").write_text(text)
    return requests_from_file(folder / "probes.yaml")


def plan(requests: tuple[Ask, ...], timeout: float = 5.0) -> ExercisePlan:
    return ExercisePlan(requests=requests, explicit=True, ready_timeout=10, request_timeout=timeout)


@pytest.mark.parametrize("tls", ["", f", {str(CERTIFICATE)!r}"])
def test_messages_of_a_websocket(tls: str, tmp_path: Path) -> None:
    port = free_port()
    requests = asks(
        tmp_path,
        """
        - {path: /page, capture: {token: {regex: ".+"}}}
        - {path: /chat, websocket: [{send: hello ü}, {expect: echo hello ü}, {send: {hex: "00 01"}}, {expect: {hex: "0100"}}]}
        - {path: "/in/${token}", websocket: [{send: a}, {expect: "seen"}]}
        - {path: /who, websocket: [{expect: "sid=1 localhost:"}], headers: {X-A: b}}
        """,
    )
    with LocalApp(tmp_path, f"{CHAT}chats({port}{tls}); forever()") as app:
        exercised = exercise(app, plan(requests))
        replayed = exercise(app, plan(requests), replay_expectations(exercised))
    assert exercised.problems == () and exercised.http_ports == (port,)
    assert [answer.status for answer in exercised.answers] == [200, 101, 101, 101]
    assert (exercised.answers[1].body or b"").startswith("echo hello ü\nseen at ".encode())
    assert [answer.request.path for answer in exercised.answers][2] == "/in/${token}"
    assert compare_behaviour(exercised, replayed, lambda: replayed) == ()


def test_a_websocket_that_says_something_else_fails(tmp_path: Path) -> None:
    port = free_port()
    requests = asks(
        tmp_path,
        """
        - {path: /a, websocket: [{send: x}, {expect: no such text}]}
        - {path: /b, websocket: [{send: leave}, {expect: bye}]}
        - {path: /in/x, websocket: [{send: x}]}
        - {path: /moved, websocket: [{send: x}]}
        - {path: /c, websocket: [{send: flood}, {expect: never}]}
        - {path: /d, websocket: [{send: big}, {expect: xx}]}
        - {path: /}
        """,
    )
    with LocalApp(tmp_path, f"{CHAT}chats({port}); forever()") as app:
        exercised = exercise(app, plan(requests, 1.0))
    problems = exercised.problems
    assert problems[0] == f"WEBSOCKET /a on port {port}: no answer in time: step 2 (expect)"
    assert problems[1].endswith("the connection was closed too early: step 2 (expect)")
    assert problems[2].endswith("the handshake failed: answered 403")
    assert "the handshake failed" in problems[3]
    assert problems[4].endswith("more came than slimmer keeps, without what was expected: step 2 (expect)")
    assert problems[5].endswith("the connection was closed too early: step 2 (expect)")
    assert len(problems) == 6 and exercised.answers[-1].status == 200


def test_a_websocket_whose_app_reads_nothing_ends(tmp_path: Path) -> None:
    port = free_port()
    deaf = CHAT.replace("for message in connection:", "time.sleep(600)\n    for message in []:")
    step = Step(b"x" * 500_000, expected=False)  # more of these than the server's library takes ahead, even in a race
    exchange = Exchange(Kind.WEBSOCKET, (step,) * 4000, "/deaf")
    with LocalApp(tmp_path, f"{deaf}chats({port}); forever()", begun=True):
        started = time.monotonic()
        reply = talk_websocket(exchange, ("127.0.0.1", port), "localhost", "http", 1.0)
    assert reply.trouble and time.monotonic() - started < HANGING


def test_bytes_over_tcp(tmp_path: Path) -> None:
    port, web = free_port(), free_port()
    requests = asks(
        tmp_path,
        f"""
        - {{path: /}}
        - {{tcp: [{{expect: "220 "}}, {{send: "abc\\r\\n"}}, {{expect: "+cba"}}, {{send: {{hex: 78 79 0d0a}}}}, {{expect: "+yx\\r\\n"}}], port: {port}}}
        """,
    )
    with LocalApp(tmp_path, f"{CHAT}raw(line, {port}); serve({web}); forever()") as app:
        exercised = exercise(app, plan(requests))
        replayed = exercise(app, plan(requests), replay_expectations(exercised))
    assert exercised.problems == () and exercised.warnings == ()
    assert (exercised.http_ports, set(exercised.ports)) == ((web,), {port, web})
    assert [(answer.request.method, answer.port, answer.status) for answer in exercised.answers] == [
        ("GET", web, 200),
        ("TCP", port, None),
    ]
    assert exercised.answers[1].body == b"220 ready\r\n+cba\r\n$junk+yx\r\n"
    assert compare_behaviour(exercised, replayed) == ()


DATAGRAMS = """
def datagrams(port):
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", port))
    def answer():
        while True:
            data, client = server.recvfrom(65536)
            for piece in data.split(b" "):
                server.sendto(piece.upper(), client)
    threading.Thread(target=answer, daemon=True).start()

"""


def free_udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_datagrams(tmp_path: Path) -> None:
    port = free_udp_port()
    requests = asks(
        tmp_path,
        f"""
        - {{udp: [{{send: a b}}, {{expect: B}}, {{send: c}}, {{expect: C}}], port: {port}}}
        - {{udp: [{{send: a}}, {{expect: b}}], port: {port}}}
        """,
    )
    with LocalApp(tmp_path, f"{DATAGRAMS}datagrams({port}); forever()") as app:
        exercised = exercise(app, plan(requests, 1.0))
    assert exercised.problems == (f"UDP on port {port}: no answer in time: step 2 (expect)",)
    assert exercised.answers[0].body == b"A\nB\nC\n"
    assert exercised.warnings == ()


def test_a_udp_port_that_is_bound_late_or_never(tmp_path: Path) -> None:
    port, closed = free_udp_port(), free_udp_port()
    requests = asks(
        tmp_path,
        "- {path: /}\n" + "".join(f"- {{udp: [{{send: a}}, {{expect: A}}], port: {one}}}\n" for one in (port, closed)),
    )
    with LocalApp(tmp_path, f"{DATAGRAMS}serve(); time.sleep(1); datagrams({port}); forever()") as app:
        exercised = exercise(app, ExercisePlan(requests=requests, explicit=True, ready_timeout=6, request_timeout=5))
    assert exercised.problems == (f"UDP on port {closed}: could not connect: step 2 (expect)",)
    assert [answer.request.method for answer in exercised.answers] == ["GET", "UDP", "UDP"]


def test_a_server_that_speaks_no_http_needs_no_other_request(tmp_path: Path) -> None:
    port = free_port()
    requests = asks(tmp_path, f"- {{tcp: [{{send: 'QUIT\\r\\n'}}, {{expect: bye}}], port: {port}}}".replace("'", '"'))
    with LocalApp(tmp_path, f"{CHAT}raw(line, {port}); forever()") as app:
        exercised = exercise(app, plan(requests))
    assert exercised.problems == (f"TCP on port {port}: the connection was closed too early: step 2 (expect)",)
    assert exercised.warnings == ()


def test_an_answer_that_differs_is_a_difference(tmp_path: Path) -> None:
    port = free_port()
    requests = asks(tmp_path, f"- {{tcp: [{{expect: ready}}], port: {port}}}")
    results: list[ExerciseResult] = []
    for greeting in ("220 ready", "220 broken ready", "no"):
        with LocalApp(tmp_path, f"{CHAT}raw(line, {port}); forever()".replace("220 ready", greeting)) as app:
            results.append(exercise(app, plan(requests, 1.0), (results and replay_expectations(results[0])) or None))
    same, changed, silent = results
    (difference,) = (one for one in compare_behaviour(same, changed, lambda: same) if one.what != "log")
    assert (difference.where, difference.what) == (f"TCP :{port}", "body")
    (difference,) = (one for one in compare_behaviour(same, silent, lambda: same) if one.what != "log")
    assert (difference.what, difference.expected) == ("answer", "good") and "no answer in time" in difference.actual


def listening(talk: Callable[[socket.socket], None]) -> tuple[str, int]:
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        with listener, suppress(OSError):
            client, _ = listener.accept()
            with client:
                talk(client)

    threading.Thread(target=accept, daemon=True).start()
    host, port = listener.getsockname()
    return host, port


def test_what_never_ends_is_bounded() -> None:
    def flood(client: socket.socket) -> None:
        while True:
            client.sendall(b"x" * 65536)

    exchange = Exchange(Kind.TCP, (Step(b"never", expected=True),))
    started = time.monotonic()
    assert talk_tcp(exchange, listening(flood), HANGING).trouble.startswith("more came")
    assert talk_tcp(exchange, listening(lambda client: time.sleep(3)), 0.3).trouble == "no answer in time"
    sending = Exchange(Kind.TCP, (Step(b"x" * (64 << 20), expected=False),))
    assert talk_tcp(sending, listening(lambda client: time.sleep(3)), 0.3).trouble == "no answer in time"
    assert talk_tcp(exchange, ("127.0.0.1", free_port()), 1).trouble == "could not connect"
    assert time.monotonic() - started < HANGING


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ("{tcp: [{send: a}]}", "`port` is missing"),
        ("{tcp: [], port: 1}", "`tcp` "),
        ("{tcp: [{}], port: 1}", "step 1 has one key"),
        ("{tcp: [{send: a}, {send: a, expect: b}], port: 1}", "step 2 has one key"),
        ("{tcp: [{send: {hex: 0g}}], port: 1}", "`tcp: send: hex` is not a row of hexadecimal bytes"),
        ("{websocket: [{send: a}]}", "`path` is missing"),
        ("{path: /, websocket: [{send: a}], json: 1}", "unknown key 'json'"),
        ("{path: /, http: 3}", "`http` "),
    ],
)
def test_mistakes_in_exchanges(entry: str, complaint: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as error:
        asks(tmp_path, f"- {entry}")
    assert complaint in error.value.message


# ---------------------------------------------------------------------- HTTP/2

HTTP2 = """
import h2.config, h2.connection, h2.events

def http2(client):
    connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    connection.initiate_connection()
    client.sendall(connection.data_to_send())
    while data := client.recv(65536):
        for event in connection.receive_data(data):
            if isinstance(event, h2.events.RequestReceived):
                asked = {name.decode(): value.decode() for name, value in event.headers}
                body = f"{asked[':method']} {asked[':path']} {asked[':authority']}".encode()
                connection.send_headers(event.stream_id, [(":status", "200"), ("content-type", "text/plain")])
                connection.send_data(event.stream_id, body, end_stream=True)
        client.sendall(connection.data_to_send())

def secure(client):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    context.set_alpn_protocols(["h2"])
    http2(context.wrap_socket(client, server_side=True))
"""


@pytest.mark.parametrize("talk", ["http2", "secure"])
def test_http2_where_the_request_says_so(talk: str, tmp_path: Path) -> None:
    port = free_port()
    requests = asks(
        tmp_path, "- {path: '/a?b', http: 2, headers: {X-Upper: c}, expect: {contains: 'GET /a?b localhost:'}}"
    )
    source = f"{HTTP2}\nCERTIFICATE = {str(CERTIFICATE)!r}\nraw({talk}, {port}); forever()"
    with LocalApp(tmp_path, source) as app:
        exercised = exercise(app, plan(requests))
    assert exercised.problems == ()
    assert exercised.answers[0].status == 200


def test_a_server_without_http2_fails_such_a_request_alone(tmp_path: Path) -> None:
    requests = asks(tmp_path, "[{path: /, http: 2}, {path: /}]")
    with LocalApp(tmp_path, "serve(); forever()") as app:
        exercised = exercise(app, plan(requests))
    assert [answer.status for answer in exercised.answers] == [None, 200]
    assert len(exercised.problems) == 1
