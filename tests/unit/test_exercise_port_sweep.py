"""Requests to a real server: which ports are asked, what passes, what warns, what fails, and what is a crash."""

from __future__ import annotations

import ast
import socket
import time
from dataclasses import replace
from pathlib import Path

import pytest

from slimmer.errors import AppFailed
from slimmer.exercise import port_sweep
from slimmer.exercise.context import BODIES_LIMIT
from slimmer.exercise.drive import UNKNOWN, exercise
from slimmer.exercise.expectations import ReplayExpectations, replay_expectations
from slimmer.exercise.plan import Api, Crawl, ExercisePlan, GraphQl, Grpc, Until
from slimmer.exercise.port_sweep import MOST_PORTS
from slimmer.exercise.profile import AppProfile
from slimmer.exercise.request import Expectation, Request
from slimmer.exercise.result import ExerciseResult
from slimmer.exercise.verdict import failure
from tests.unit.local_app import CERTIFICATE, LocalApp, free_port
from tests.work import HANGING

WEB = "serve(); forever()"


def run(
    folder: Path,
    source: str,
    plan: ExercisePlan,
    expectations: ReplayExpectations | None = None,
    profile: AppProfile = UNKNOWN,
    *,
    begun: bool = False,
) -> ExerciseResult:
    """Start the app, exercise it (once it has begun), kill it."""
    with LocalApp(folder, source, begun=begun) as app:
        return exercise(app, plan, expectations, profile=profile)


def asking(*requests: Request, request_timeout: float = 5.0) -> ExercisePlan:
    """A plan of the user's own requests alone."""
    return ExercisePlan(
        requests=requests, explicit=True, ready_timeout=10.0, request_timeout=request_timeout,
        crawl=Crawl(on=False), api=Api(on=False), graphql=GraphQl(on=False), grpc=Grpc(on=False),
    )  # fmt: skip


def get(path: str, **expect: object) -> Request:
    return Request("GET", path, expect=Expectation(**expect) if expect else None)  # type: ignore[arg-type]


def test_a_plain_web_app_is_asked_for_its_front_page(tmp_path: Path) -> None:
    exercised = run(tmp_path, WEB, ExercisePlan())
    (answer,) = exercised.answers
    assert (answer.request.method, answer.request.path, answer.status) == ("GET", "/", 200)
    assert answer.content_type == "text/html; charset=utf-8"
    assert exercised.http_ports == exercised.ports == (answer.port,)
    assert exercised.problems == exercised.warnings == ()
    assert exercised.exit_code is None
    assert failure(exercised) is None


def test_own_requests_take_the_place_of_the_default(tmp_path: Path) -> None:
    exercised = run(tmp_path, WEB, asking(Request("POST", "/echo", (("Content-Type", "a/b"),), b"text"), get("/")))
    assert [(a.request.path, a.status, a.content_type) for a in exercised.answers] == [
        ("/echo", 201, "a/b"),
        ("/", 200, "text/html; charset=utf-8"),
    ]


def test_all_requests_are_tried_and_all_problems_are_told(tmp_path: Path) -> None:
    exercised = run(
        tmp_path, WEB, asking(get("/broken"), get("/", status=(201,)), get("/"), get("/", contains=("bye",)))
    )
    assert [answer.status for answer in exercised.answers] == [500, 200, 200, 200]
    assert len(exercised.problems) == 3
    error = failure(exercised)
    assert error is not None and error.exit_code == 6
    assert "GET /broken" in error.message and "answered 500" in error.message
    assert "answered 200, not 201" in error.message and "does not contain 'bye'" in error.message


def test_an_unexpected_client_error_is_a_warning_and_an_expected_one_is_fine(tmp_path: Path) -> None:
    exercised = run(tmp_path, WEB, asking(get("/none"), get("/none", status=(404, 410))))
    assert exercised.problems == ()
    assert "GET /none" in exercised.answers[0].warning and "404" in exercised.answers[0].warning
    assert exercised.answers[1].warning == ""
    assert exercised.warnings == (exercised.answers[0].warning,)


def test_an_expected_server_error_passes(tmp_path: Path) -> None:
    assert run(tmp_path, WEB, asking(get("/broken", status=(500,)))).problems == ()


@pytest.mark.parametrize(
    ("wanted", "passes"), [("text/html", True), ("text/html; charset=utf-8", True), ("text/css", False)]
)
def test_the_content_type_counts_without_its_parameters_unless_they_are_asked_for(
    tmp_path: Path, wanted: str, passes: bool
) -> None:
    assert (run(tmp_path, WEB, asking(get("/", content_type=wanted))).problems == ()) is passes


def test_a_hanging_request_fails_in_time_and_the_next_ones_are_sent(tmp_path: Path) -> None:
    started = time.monotonic()
    exercised = run(tmp_path, WEB, asking(get("/"), get("/hang"), get("/"), request_timeout=0.5))
    assert time.monotonic() - started < HANGING
    assert [answer.status for answer in exercised.answers] == [200, None, 200]
    assert "no answer in time" in exercised.problems[0]


def test_a_first_request_that_hangs_does_not_hide_the_port(tmp_path: Path) -> None:
    exercised = run(tmp_path, WEB, asking(get("/hang"), get("/"), request_timeout=0.5))
    assert [answer.status for answer in exercised.answers] == [None, 200]
    assert len(exercised.problems) == 1 and exercised.http_ports


def test_a_crash_while_exercised_shows_the_last_words(tmp_path: Path) -> None:
    with pytest.raises(AppFailed, match=r"(?s)code 3 while port .*about to crash") as error:
        run(tmp_path, WEB, asking(get("/"), get("/crash")))
    assert error.value.exit_code == 5


def test_a_server_that_ends_well_while_exercised_has_crashed_too(tmp_path: Path) -> None:
    with pytest.raises(AppFailed, match="code 0"):
        run(tmp_path, WEB, asking(get("/leave")))


def test_a_server_may_end_when_its_exit_is_waited_for(tmp_path: Path) -> None:
    plan = ExercisePlan(requests=(get("/"), get("/leave", status=(200,))), until=Until.EXIT, request_timeout=5)
    exercised = run(tmp_path, WEB, plan)
    assert exercised.exit_code == 0
    assert [answer.status for answer in exercised.answers] == [200, None]


def test_an_app_that_is_warming_up_is_asked_again(tmp_path: Path) -> None:
    assert run(tmp_path, WEB, asking(get("/warm"))).answers[0].status == 200


def test_an_app_that_never_warms_up_fails_when_the_time_is_over(tmp_path: Path) -> None:
    plan = ExercisePlan(requests=(get("/unavailable"),), explicit=True, ready_timeout=1.5)
    assert "answered 503" in run(tmp_path, WEB, plan, begun=True).problems[0]


def test_a_port_that_opens_late_is_exercised_too(tmp_path: Path) -> None:
    exercised = run(tmp_path, WEB, asking(get("/more-once"), get("/")))
    assert len(exercised.http_ports) == 2
    assert [answer.request.path for answer in exercised.answers] == ["/more-once", "/more-once", "/", "/"]


def test_an_app_that_opens_ever_more_ports_comes_to_an_end(tmp_path: Path) -> None:
    exercised = run(tmp_path, WEB, asking(get("/more")))
    assert len(exercised.http_ports) == MOST_PORTS
    assert f"asked {MOST_PORTS} of " in exercised.warnings[0] and "--port" in exercised.warnings[0]


def test_answers_come_in_the_plans_order_then_by_port(tmp_path: Path) -> None:
    exercised = run(tmp_path, "serve(); serve(); forever()", asking(get("/a"), get("/b")))
    keys = [(answer.request.path, answer.port) for answer in exercised.answers]
    assert keys == sorted(keys) and len(keys) == 4


def test_one_port_that_meets_the_expectations_is_enough(tmp_path: Path) -> None:
    source = """
        class Metrics(Handler):
            def get_(self):
                self.answer(200, b"metrics 1")
        serve(); serve(handler=Metrics); forever()
    """
    exercised = run(tmp_path, source, asking(get("/", contains=("hello",))))
    assert exercised.problems == ()
    assert sum("does not contain" in answer.warning for answer in exercised.answers) == 1


SICK = """
    class Sick(Handler):
        def get_(self):
            self.answer(503, b"no such page here")
"""


def test_one_port_that_answers_the_first_request_is_enough(tmp_path: Path) -> None:
    source, plan = SICK + "    serve(); serve(handler=Sick); forever()", ExercisePlan(ready_timeout=1.5)
    exercised = run(tmp_path, source, plan, begun=True)
    assert sorted(answer.status or 0 for answer in exercised.answers) == [200, 503] and exercised.problems == ()
    assert sum("answered 503" in warning for warning in exercised.warnings) == 1


def test_the_default_request_may_get_a_server_error(tmp_path: Path) -> None:
    """As HAProxy without a back end."""
    exercised = run(tmp_path, SICK + "    serve(handler=Sick); forever()", ExercisePlan(ready_timeout=5.0))
    assert exercised.problems == () and [answer.status for answer in exercised.answers] == [503]
    assert "answered 503" in exercised.warnings[0]


def test_an_app_that_has_started_is_not_asked_again_for_as_long_as_it_may_start(tmp_path: Path) -> None:
    with LocalApp(tmp_path, SICK + "    serve(handler=Sick); forever()", watched=True) as app:
        exercised = exercise(app, ExercisePlan(ready_timeout=600.0))
    assert exercised.seconds < HANGING and [answer.status for answer in exercised.answers] == [503]


def test_a_server_error_for_a_request_of_the_user_fails(tmp_path: Path) -> None:
    source = SICK + "    serve(); serve(handler=Sick); forever()"
    plan = ExercisePlan(requests=(get("/"),), explicit=True, ready_timeout=1.5)
    assert len(run(tmp_path, source, plan, begun=True).problems) == 1


def test_a_replay_does_not_wait_for_what_the_original_never_was_ready_for(tmp_path: Path) -> None:
    with LocalApp(tmp_path, SICK + "    serve(); serve(handler=Sick); forever()", begun=True) as app:
        plan = ExercisePlan(ready_timeout=1.5)
        observed = exercise(app, plan)
        again = exercise(app, replace(plan, ready_timeout=60.0), replay_expectations(observed))
    assert [answer.status for answer in again.answers] == [answer.status for answer in observed.answers]
    assert again.seconds < 30


def test_a_request_with_a_port_goes_there_alone(tmp_path: Path) -> None:
    port = free_port()
    exercised = run(tmp_path, f"serve(); serve({port}); forever()", asking(Request("GET", "/", port=port)))
    assert [answer.port for answer in exercised.answers] == [port]


def test_only_the_named_ports_are_exercised(tmp_path: Path) -> None:
    port = free_port()
    exercised = run(tmp_path, f"serve(); serve({port}); forever()", ExercisePlan(ports=(port,)))
    assert exercised.ports == exercised.http_ports == (port,)


def test_no_http_sends_nothing(tmp_path: Path) -> None:
    exercised = run(tmp_path, "serve(); forever()", ExercisePlan(http=False))
    assert exercised.answers == () and len(exercised.ports) == 1


def test_a_self_signed_https_server_is_exercised(tmp_path: Path) -> None:
    exercised = run(tmp_path, f"serve(tls={str(CERTIFICATE)!r}); forever()", ExercisePlan(request_timeout=5))
    assert [answer.status for answer in exercised.answers] == [200]
    assert exercised.problems == ()


BANNER = r'raw(lambda client: (client.sendall(b"220 mail.example ESMTP\r\n"), time.sleep(9), client)); '
SILENT = "raw(lambda client: (time.sleep(600), client)); "
CLOSES = "raw(lambda client: client.close()); "


@pytest.mark.parametrize("talk", [BANNER, SILENT, CLOSES], ids=["banner", "silent", "closes"])
def test_a_port_that_speaks_no_http_is_no_failure(tmp_path: Path, talk: str) -> None:
    exercised = run(tmp_path, talk + "forever()", ExercisePlan(request_timeout=0.5))
    assert not (exercised.problems or exercised.answers or exercised.http_ports)
    assert "no port spoke HTTP" in exercised.warnings[0]


def test_a_service_that_waits_for_the_end_of_a_line_does_not_hold_us_up(tmp_path: Path) -> None:
    """As Redis: it closes on HTTP, and takes a ClientHello for the beginning of a command."""
    source = """
        def talk(client):
            data = client.recv(65536)
            if not data.startswith(b"GET "):
                while not data.endswith(b"\\n") and (more := client.recv(65536)):
                    data += more
            client.close()
        raw(talk); forever()
    """
    started = time.monotonic()
    assert run(tmp_path, source, ExercisePlan(request_timeout=600.0)).problems == ()
    assert time.monotonic() - started < HANGING


def test_an_https_server_that_answers_slowly_is_exercised(tmp_path: Path) -> None:
    source = f"""
        class Slow(Handler):
            def setup(self):
                time.sleep(1.0)
                super().setup()
        serve(tls={str(CERTIFICATE)!r}, handler=Slow); forever()
    """
    assert [answer.status for answer in run(tmp_path, source, ExercisePlan()).answers] == [200]


@pytest.mark.parametrize("talk", [BANNER, SILENT, CLOSES], ids=["banner", "silent", "closes"])
def test_own_requests_that_reach_nobody_are_a_failure(tmp_path: Path, talk: str) -> None:
    exercised = run(tmp_path, talk + "forever()", asking(get("/"), get("/b"), request_timeout=0.5))
    assert len(exercised.problems) == 2


def test_a_named_port_must_speak_http(tmp_path: Path) -> None:
    port = free_port()
    plan = ExercisePlan(ports=(port,), request_timeout=0.5)
    source = f"raw(lambda client: client.close(), {port}); forever()"
    assert len(run(tmp_path, source, plan).problems) == 1
    assert run(tmp_path, source, ExercisePlan(ports=(port,), http=False)).problems == ()


def test_a_silent_port_beside_the_web_port_is_no_failure(tmp_path: Path) -> None:
    exercised = run(tmp_path, SILENT + WEB, asking(get("/"), request_timeout=0.5))
    assert exercised.problems == () and len(exercised.http_ports) == 1 and len(exercised.ports) == 2


def test_an_exposed_port_that_opens_after_a_silent_one_is_waited_for(tmp_path: Path) -> None:
    port = free_port()
    source = f"{CLOSES} time.sleep(1.5); serve({port}); forever()"
    exercised = run(tmp_path, source, ExercisePlan(), profile=AppProfile(expected_ports=(port,)))
    assert exercised.http_ports == (port,)


def test_a_silent_port_is_not_waited_for_as_long_as_the_exposed_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as a broker's port mapper, which listens seconds before the broker does."""
    monkeypatch.setattr(port_sweep, "SILENCE", 0.2)
    port = free_port()
    source = f"{SILENT} time.sleep(1.0); serve({port}); forever()"
    plan, profile = ExercisePlan(request_timeout=HANGING), AppProfile(expected_ports=(port,))
    exercised = run(tmp_path, source, plan, profile=profile)
    assert exercised.http_ports == (port,)
    assert exercised.done_after < HANGING


def test_a_replay_waits_for_the_ports_of_the_original(tmp_path: Path) -> None:
    first, second = free_port(), free_port()
    source = f"serve({first}); time.sleep(1.0); serve({second}); forever()"
    expectations = replay_expectations(ExerciseResult(http_ports=(first, second), seconds=1.0))
    assert run(tmp_path, source, ExercisePlan(), expectations).http_ports == tuple(sorted((first, second)))


def test_nothing_secret_is_told(tmp_path: Path) -> None:
    request = Request("POST", "/echo", (("Authorization", "Bearer hush"),), b"hush", expect=Expectation(status=(200,)))
    exercised = run(tmp_path, WEB, asking(request))
    error = failure(exercised)
    assert error is not None
    assert "hush" not in error.message + repr(exercised) + repr(asking(request))


LARGE = """
def get_large(self):
    self.answer(200, b"x" * (256 << 10))

Handler.get_large = get_large
serve(); forever()
"""


def test_all_bodies_together_are_bounded(tmp_path: Path) -> None:
    exercised = run(tmp_path, LARGE, asking(*(get(f"/large?{number}") for number in range(70)), get("/")))
    held = [answer for answer in exercised.answers if answer.body is not None]
    assert sum(len(answer.body or b"") for answer in held) <= BODIES_LIMIT
    assert len(held) == BODIES_LIMIT // (256 << 10)
    assert all(answer.digest for answer in exercised.answers)


def test_what_an_app_logs_as_errors_is_known(tmp_path: Path) -> None:
    exercised = run(
        tmp_path, 'print("no font: /x/y: not found\\nready", flush=True); serve(); forever()', ExercisePlan()
    )
    assert exercised.error_lines == ("no font: /x/y: not found",)
    assert exercised.output == "" and "font" not in repr(exercised)


def test_what_an_app_wrote_that_ended_is_known(tmp_path: Path) -> None:
    exercised = run(tmp_path, 'print("3 entries")', ExercisePlan())
    assert (exercised.exit_code, exercised.output) == (0, "3 entries\n")
    assert "entries" not in repr(exercised)


def test_a_replay_waits_for_the_originals_other_ports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A port for another protocol may open long after the first answers; one that never opens is not waited for for ever."""
    web, port, never = free_port(), free_port(), free_port()
    source = f"serve({web}); threading.Timer(1.5, raw, (lambda client: client.close(), {port})).start(); forever()"
    assert port in run(tmp_path, source, ExercisePlan(), ReplayExpectations((web,), (port,))).ports
    assert port not in run(tmp_path, source, ExercisePlan(), ReplayExpectations((web,))).ports
    monkeypatch.setattr("slimmer.exercise.port_sweep.LATE", 0.3)
    plan, expectations = ExercisePlan(ready_timeout=2.0), ReplayExpectations((web,), (never,))
    assert never not in run(tmp_path, f"serve({web}); forever()", plan, expectations).ports


def test_a_replay_knows_the_ports_of_both_kinds() -> None:
    expectations = replay_expectations(ExerciseResult(ports=(80, 9000, 40001, 40002), http_ports=(80, 40001)))
    assert (expectations.ready_ports, expectations.other_ports) == ((80, 40001), (9000,))


COUNTING = """
    lock = threading.Lock()
    here, most, order = 0, 0, []
    def enter(port):
        global here, most
        with lock:
            here += 1
            most = max(most, here)
            order.append(port)
    def leave():
        global here
        with lock:
            here -= 1
    class Counting(Handler):
        def answer(self, *words):
            enter(self.server.server_address[1])
            time.sleep(0.02)
            leave()
            super().answer(*words)
        def get_told(self):
            super().answer(200, repr((most, order)).encode())
    def silent(client):
        client.recv(1000)
        enter(0)
        while client.recv(1000):
            pass
        leave()
"""


def told(exercised: ExerciseResult) -> tuple[int, list[int]]:
    """How many requests were under way at once at most, and at which ports they came."""
    (body,) = {answer.body for answer in exercised.answers if answer.request.path == "/told"}
    most, order = ast.literal_eval((body or b"").decode())
    return most, order


def test_silent_ports_are_asked_side_by_side_and_the_rest_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(port_sweep, "_head_start", lambda overtaken: 0.02)
    monkeypatch.setattr(port_sweep, "SILENCE", 1.0)
    monkeypatch.setattr(port_sweep, "KNOWN_SILENCE", 0.3)
    port = free_port()
    source = COUNTING + f"    for _ in range(100): raw(silent)\n    serve({port}, handler=Counting); forever()"
    with LocalApp(tmp_path, source) as app:
        plan = ExercisePlan(request_timeout=2.0)
        observed = exercise(app, plan, profile=AppProfile(expected_ports=(port,)))
        again = exercise(app, plan, replay_expectations(observed))
        asked = exercise(app, ExercisePlan(requests=(get("/told"),), ports=(port,)))
    assert observed.http_ports == again.http_ports == (port,)
    assert f"asked {MOST_PORTS} of 101 ports" in observed.warnings[0]
    assert set(observed.ports) <= set(again.ports)
    assert told(asked)[0] > 8


def test_ports_that_answer_are_asked_in_turn(tmp_path: Path) -> None:
    web = COUNTING + "    for _ in range(6): serve(handler=Counting)\n    forever()"
    with LocalApp(tmp_path, web, begun=True) as app:
        first = exercise(app, ExercisePlan())
        asked = exercise(app, ExercisePlan(requests=(get("/told"),), ports=first.ports[:1]))
    assert told(asked) == (1, list(first.ports))


def test_own_requests_come_to_one_port_after_the_other(tmp_path: Path) -> None:
    """Also when the first one is slow: what was done there may be seen at the next."""
    source = COUNTING.replace("0.02", "0.7") + "    serve(handler=Counting); serve(handler=Counting); forever()"
    with LocalApp(tmp_path, source, begun=True) as app:
        first = exercise(app, asking(get("/"), get("/none")))
        asked = exercise(app, ExercisePlan(requests=(get("/told"),), ports=first.ports[:1]))
    assert told(asked) == (1, [port for port in first.ports for _ in range(2)])


def test_own_requests_to_silent_ports_have_a_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(port_sweep, "SILENCE", 0.2)
    monkeypatch.setattr(port_sweep, "BUDGET", 1.0)
    port = free_port()
    source = COUNTING + f"    for _ in range(30): raw(silent)\n    serve({port}, handler=Counting); forever()"
    plan = asking(*[get("/")] * 20, request_timeout=0.2)
    exercised = run(tmp_path, source, plan, profile=AppProfile(expected_ports=(port,)))
    assert exercised.http_ports == (port,) and len(exercised.answers) == 20 and not exercised.problems
    assert "of 31 ports" in exercised.warnings[0]


def test_ports_that_open_and_close_all_the_time_come_to_an_end(tmp_path: Path) -> None:
    source = """
        serve()
        while True:
            with socket.create_server(("127.0.0.1", 0)):
                time.sleep(0.003)
    """
    exercised = run(tmp_path, source, ExercisePlan(request_timeout=1.0))
    assert not exercised.problems and len(exercised.http_ports) == 1


def test_an_answer_that_leads_elsewhere_is_not_followed(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.2", 0)) as elsewhere:
        elsewhere.settimeout(0.2)
        url = f"http://127.0.0.2:{elsewhere.getsockname()[1]}/"
        source = f"""
            class Leading(Handler):
                def get_(self):
                    self.send_response(302)
                    self.send_header("Location", {url!r})
                    self.send_header("Refresh", "0;url=" + {url!r})
                    self.send_header("Content-Length", "0")
                    self.end_headers()
            serve(handler=Leading); forever()
        """
        assert [answer.status for answer in run(tmp_path, source, ExercisePlan()).answers] == [302]
        with pytest.raises(TimeoutError):
            elsewhere.accept()
