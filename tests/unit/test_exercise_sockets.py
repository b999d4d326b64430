"""Requests and exchanges over Unix sockets of real servers: what is asked, what is told, and what goes wrong."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from slimmer.errors import AppFailed, ExerciseFailed, NotInTime, UsageError
from slimmer.exercise.base_url import base_url
from slimmer.exercise.drive import exercise
from slimmer.exercise.exchange import Exchange, Kind, Step
from slimmer.exercise.expectations import ReplayExpectations, replay_expectations
from slimmer.exercise.file_check import ask_each
from slimmer.exercise.plan import Api, Crawl, ExercisePlan, GraphQl, Grpc
from slimmer.exercise.probe_file import requests_from_file
from slimmer.exercise.profile import AppProfile
from slimmer.exercise.request import Expectation, Request
from slimmer.exercise.result import ExerciseResult
from slimmer.exercise.verdict import failure
from slimmer.pipeline.scenario import check_shared
from slimmer.pipeline.unexercised import exercised as added_up
from slimmer.unexercised import exercise_lines
from slimmer.verify.behaviour import compare_behaviour
from tests.unit.local_app import CERTIFICATE, LocalApp
from tests.unit.test_exercise_exchanges import CHAT, HTTP2

SERVING = """
import socketserver

class Local(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def get_request(self):
        client, _ = super().get_request()
        return client, ("local", 0)

def serve_socket(path, handler=Handler):
    threading.Thread(target=Local(path, handler).serve_forever, daemon=True).start()

def echo(path):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    def accept():
        while True:
            client, _ = listener.accept()
            threading.Thread(target=answer, args=(client,), daemon=True).start()
    def answer(client):
        while data := client.recv(1000):
            client.sendall(b"heard " + data)
    threading.Thread(target=accept, daemon=True).start()
"""


@pytest.fixture
def place() -> Iterator[str]:
    """The path of a socket that is not there yet. It is short, as those of sockets must be."""
    with tempfile.TemporaryDirectory(prefix="sockets-") as folder:
        yield f"{folder}/app.sock"


@pytest.fixture
def lasting() -> Iterator[str]:
    """A path that looks as if the app had chosen it for good."""
    path = Path(tempfile.gettempdir(), f"slimmer-{uuid.uuid4().hex}.sock")
    yield str(path)
    path.unlink(missing_ok=True)


def asking(*requests: Request | Exchange, sockets: tuple[str, ...] = (), ready: float = 20.0) -> ExercisePlan:
    """A plan of the user's own requests alone; without any, of the default `GET /`."""
    plan = ExercisePlan(
        sockets=sockets, ready_timeout=ready, request_timeout=5.0,
        crawl=Crawl(on=False), api=Api(on=False), graphql=GraphQl(on=False), grpc=Grpc(on=False),
    )  # fmt: skip
    return replace(plan, requests=requests, explicit=True) if requests else plan


def run(
    folder: Path, source: str, plan: ExercisePlan, expectations: ReplayExpectations | None = None, *exposed: int
) -> ExerciseResult:
    with LocalApp(folder, SERVING + source) as app:
        return exercise(app, plan, expectations, profile=AppProfile(expected_ports=exposed))


def get(path: str, unix_socket: str = "", **expect: object) -> Request:
    expected = Expectation(**expect) if expect else None  # type: ignore[arg-type]
    return Request("GET", path, unix_socket=unix_socket, expect=expected)


def talk(unix_socket: str, *steps: tuple[bytes, bool]) -> Exchange:
    return Exchange(Kind.UNIX, tuple(Step(data, expected) for data, expected in steps), unix_socket=unix_socket)


def test_requests_go_to_the_socket_that_they_name(tmp_path: Path, place: str) -> None:
    other = place.replace("app", "other")
    source = f"serve_socket({place!r}); echo({other!r}); serve(); forever()"
    requests = (
        get("/", place, contains=("hello",)),
        talk(other, (b"one", False), (b"heard one", True)),
        get("/broken", place, status=(500,)),
    )
    exercised = run(tmp_path, source, asking(*requests))
    assert failure(exercised) is None
    assert [(one.request.path, one.unix_socket, one.port, one.status) for one in exercised.answers] == [
        ("/", place, 0, 200),
        ("", other, 0, None),
        ("/broken", place, 0, 500),
    ]
    assert exercised.answers[1].body == b"heard one"
    assert exercised.http_sockets == (place,)
    assert exercised.sockets == exercised.last_sockets == (place, other)


def test_a_named_socket_gets_the_default_request_and_those_for_no_port(tmp_path: Path, place: str) -> None:
    source = f"serve_socket({place!r}); forever()"
    (answer,) = run(tmp_path, source, asking(sockets=(place,))).answers
    assert (answer.request.path, answer.unix_socket, answer.status) == ("/", place, 200)
    Path(place).unlink()
    exercised = run(tmp_path, source, asking(get("/", contains=("hello",)), sockets=(place,)))
    assert failure(exercised) is None
    assert [one.unix_socket for one in exercised.answers] == [place]


def test_the_readiness_waits_for_the_socket(tmp_path: Path, place: str) -> None:
    source = f"serve(); time.sleep(1.5); serve_socket({place!r}); forever()"
    exercised = run(tmp_path, source, asking(get("/", place, status=(200,))))
    assert failure(exercised) is None
    assert exercised.ready_after >= 1.5


def test_values_and_cookies_stay_with_the_scenario(tmp_path: Path, place: str) -> None:
    file = tmp_path / "probes.yaml"
    file.write_text(
        f"unix_socket: {place}\n"
        "requests:\n"
        "  - {path: /, capture: {word: {regex: '<h1>(.*)</h1>'}}}\n"
        "  - {method: POST, path: /echo, form: {a: '${word}'}, expect: {status: 201, contains: a=hello}}\n"
        "  - {path: /, port: 1}\n"
    )
    first, second, third = requests_from_file(file)
    assert (first.unix_socket, second.unix_socket, third.unix_socket) == (place, place, "")
    exercised = run(tmp_path, f"serve_socket({place!r}); forever()", asking(first, second))
    assert failure(exercised) is None


@pytest.mark.parametrize(
    ("made", "why"),
    [
        ("pass", "there is no such socket"),
        ("open({path!r}, 'w').close()", "it is not a socket"),
        ("socket.socket(socket.AF_UNIX).bind({path!r})", "nobody listens on it"),
    ],
)
def test_a_socket_that_takes_no_connection_is_one_clear_line(tmp_path: Path, place: str, made: str, why: str) -> None:
    with pytest.raises(NotInTime) as caught:
        run(tmp_path, f"{made.format(path=place)}; forever()", asking(get("/", place), ready=2.0))
    assert f"not ready within 2 s: {place} did not open: {why}; it listens on no port" in caught.value.message
    assert "--ready-timeout" in (caught.value.hint or "")


def test_an_app_that_ends_before_it_listens_failed(tmp_path: Path, place: str) -> None:
    with pytest.raises(AppFailed, match=f"exited with code 0 before it listened on {place}"):
        run(tmp_path, "", asking(get("/", place)))


def test_a_server_that_hangs_is_late_and_one_that_closes_gave_no_answer(tmp_path: Path, place: str) -> None:
    other = place.replace("app", "other")
    source = f"""
class Closes(Handler):
    def handle(self):
        pass
serve_socket({place!r}); serve_socket({other!r}, Closes); forever()
"""
    plan = replace(asking(get("/hang", place), get("/", other)), request_timeout=1.0)
    problems = run(tmp_path, source, plan).problems
    assert [problem.rpartition(" (")[0] for problem in problems] == [
        f"GET /hang on {place}: no answer in time",
        f"GET / on {other}: the connection was closed without an answer",
    ]


def test_a_server_that_has_gone_is_told_as_such(tmp_path: Path, place: str) -> None:
    source = f"""
import os
class Leaves(Handler):
    def get_(self):
        os.unlink({place!r})
        self.answer(200, b"bye")
serve_socket({place!r}, Leaves); serve(); forever()
"""
    exercised = run(tmp_path, source, asking(get("/", place), get("/", place)))
    assert exercised.problems == (f"GET / on {place}: could not connect: there is no such socket",)
    assert exercised.last_sockets == ()


def test_an_app_without_a_port_is_asked_at_its_own_socket(tmp_path: Path, lasting: str) -> None:
    exercised = run(tmp_path, f"serve_socket({lasting!r}); forever()", asking())
    assert [(one.request.path, one.unix_socket, one.status) for one in exercised.answers] == [("/", lasting, 200)]
    expectations = replay_expectations(exercised)
    assert expectations.sockets == (lasting,)
    Path(lasting).unlink()
    again = run(tmp_path, f"time.sleep(0.5); serve_socket({lasting!r}); forever()", asking(), expectations)
    assert compare_behaviour(exercised, again) == ()


def test_sockets_that_slimmer_does_not_speak_to_are_told(tmp_path: Path, place: str) -> None:
    name = f"@slimmer-{uuid.uuid4().hex}"
    source = f"serve(); serve_socket({place!r}); echo('\\0' + {name[1:]!r}); print('both', flush=True); forever()"
    with LocalApp(tmp_path, SERVING + source) as app:
        while "both" not in app.last_log_lines():
            app.wait(0.02)
        exercised = exercise(app, asking())
    assert [one.unix_socket for one in exercised.answers] == [""]
    assert set(exercised.sockets) == {place, name}
    lines = exercise_lines(added_up([exercised]))
    assert f"Unix socket {place}: no request was answered" in lines
    assert f"Unix socket {name}: no request was answered" in lines


def test_an_abstract_socket_is_spoken_to_by_its_name(tmp_path: Path) -> None:
    name = f"@slimmer-{uuid.uuid4().hex}"
    exercised = run(
        tmp_path, f"echo('\\0' + {name[1:]!r}); forever()", asking(talk(name, (b"x", False), (b"heard x", True)))
    )
    assert failure(exercised) is None
    lines = exercise_lines(added_up([exercised]))
    assert lines == [f"Unix socket {name}: answered in its own protocol", "1 request"]


def test_of_several_commands_the_one_that_listens_is_asked(tmp_path: Path, place: str) -> None:
    plan = asking(get("/", place, contains=("hello",)), ready=30.0)
    results = []
    for source in (f"time.sleep(0.5); serve_socket({place!r}); forever()", "time.sleep(1)"):
        with LocalApp(tmp_path, SERVING + source) as app:
            results.append(exercise(app, plan, shared=True))
        Path(place).unlink(missing_ok=True)
    serving, ending = results
    assert serving.http_sockets == (place,) and failure(serving) is None
    assert serving.seconds < plan.ready_timeout
    assert ending.answers == () and ending.exit_code == 0
    check_shared(plan, results)
    with pytest.raises(
        ExerciseFailed, match=f"none of the 2 commands answered a request, and none listened on {place}"
    ):
        check_shared(plan, [ending, ending])


def test_a_slim_image_without_the_socket_differs(tmp_path: Path, place: str) -> None:
    plan = asking(get("/", place))
    exercised = run(tmp_path, f"serve_socket({place!r}); forever()", plan)
    Path(place).unlink()
    with pytest.raises(NotInTime, match="there is no such socket"):
        run(tmp_path, "serve(); forever()", replace(plan, ready_timeout=1.0), replay_expectations(exercised))
    (differs,) = compare_behaviour(exercised, replace(exercised, http_sockets=(), answers=()))
    assert (differs.what, differs.expected, differs.actual) == ("HTTP sockets", place, "none")


def test_a_probe_file_is_tried_out_at_sockets_of_this_machine(tmp_path: Path, place: str) -> None:
    with LocalApp(tmp_path, SERVING + f"echo({place!r}); forever()", begun=True):
        steps = (b"x", False), (b"heard x", True)
        found = [*ask_each([talk(place, *steps), talk(f"{place}x", *steps)], base_url("http://localhost:1"), 5.0)]
    assert [one.problem.partition(" (")[0] for one in found] == ["", f"UNIX on {place}x: could not connect"]


def asks(folder: Path, place: str, text: str) -> ExercisePlan:
    """A plan of the requests of a probe file, which go to one socket."""
    (folder / "probes.yaml").write_text(f"unix_socket: {place}\nrequests:\n{text}")
    return replace(asking(), requests=requests_from_file(folder / "probes.yaml"), explicit=True)


def test_messages_of_a_websocket_over_a_socket(tmp_path: Path, place: str) -> None:
    source = f"""{CHAT}
from websockets.sync.server import unix_serve
threading.Thread(target=unix_serve(chat, {place!r}, process_request=answer).serve_forever, daemon=True).start()
forever()
"""
    requests = """
  - {path: /page, capture: {token: {regex: ".+"}}}
  - {path: "/in/${token}", websocket: [{send: hello}, {expect: echo hello}]}
  - {path: /who, websocket: [{expect: "sid=1 localhost"}]}
"""
    exercised = run(tmp_path, source, asks(tmp_path, place, requests))
    assert exercised.problems == ()
    assert [(answer.status, answer.unix_socket) for answer in exercised.answers] == [
        (200, place), (101, place), (101, place),
    ]  # fmt: skip


@pytest.mark.parametrize("talk", ["http2", "secure"])
def test_http2_over_a_socket_in_plain_text_and_with_tls(tmp_path: Path, place: str, talk: str) -> None:
    source = f"""{HTTP2}
CERTIFICATE = {str(CERTIFICATE)!r}
listener = socket.socket(socket.AF_UNIX)
listener.bind({place!r})
listener.listen()
while True:
    threading.Thread(target={talk}, args=(listener.accept()[0],), daemon=True).start()
"""
    requests = "  - {path: '/a?b', http: 2, expect: {contains: 'GET /a?b localhost'}}\n"
    exercised = run(tmp_path, source, asks(tmp_path, place, requests))
    assert exercised.problems == () and exercised.answers[0].body == b"GET /a?b localhost"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("requests: [{path: /, unix_socket: run/app.sock}]", "request 1: `unix_socket` is not a Unix socket"),
        (f"requests: [{{path: /, unix_socket: /{'a' * 107}}}]", "request 1: `unix_socket` is longer than 107 bytes"),
        ("requests: [{path: /, port: 80, unix_socket: /a}]", "request 1: `unix_socket` and `port` contradict"),
        ("requests: [{unix: [{send: a}]}]", "request 1: needs `unix_socket`"),
        ("requests: [{tcp: [{send: a}], unix_socket: /a}]", "unknown key 'unix_socket'"),
        ("unix_socket: app.sock\nrequests: []", "line 1: `unix_socket` is not a Unix socket"),
        ("unix_socket: [/a]\nrequests: []", "line 1: `unix_socket` is not text"),
        ("requests: []\nsocket: /a", "unknown key 'socket'"),
    ],
)
def test_what_is_wrong_in_a_probe_file_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "probes.yaml"
    file.write_text(text)
    with pytest.raises(UsageError) as caught:
        requests_from_file(file)
    assert complaint in caught.value.message
