"""Calls of a real gRPC server: which methods are called, what is kept and called again, and servers that are hostile."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from slimmer.errors import AppFailed
from slimmer.exercise.drive import exercise
from slimmer.exercise.expectations import replay_expectations
from slimmer.exercise.grpc import caller, limits
from slimmer.exercise.plan import Api, Crawl, ExercisePlan, GraphQl, Grpc
from slimmer.exercise.result import ExerciseResult
from slimmer.exercise.rpc import Rpc
from slimmer.exercise.verdict import failure
from slimmer.pipeline.report import exercise_report
from slimmer.pipeline.unexercised import exercised as added_up
from slimmer.unexercised import exercise_lines
from slimmer.verify.behaviour import compare_behaviour
from tests.unit.grpc.server import SERVER
from tests.unit.local_app import CERTIFICATE, LocalApp
from tests.unit.protocols.test_exercise import free_port_below

HEALTH = "/grpc.health.v1.Health/Check"
SHOP = "/shop.v1.Shop"
DEFAULT = Grpc()

LOUD = SERVER.replace(
    "checks = health.HealthServicer()",
    """
        class Loud(health.HealthServicer):
            def Check(self, request, context):
                with open(LOG, "a") as log:
                    print("health", request.service, file=log)
                return super().Check(request, context)
        checks = Loud()""",
)


class Result:
    """What came of the calls: the whole exercise, which methods were called, in order, and what was said."""

    def __init__(self, exercised: ExerciseResult, log: list[str], said: list[str], opened: set[str]) -> None:
        self.exercised, self.log, self.said, self.opened = exercised, log, said, opened
        self.kept = {one.request.path: one for one in exercised.answers if isinstance(one.request, Rpc)}
        self.told = next((one for one in exercised.generated if one.source == "grpc"), None)

    @property
    def numbers(self) -> tuple[int, int, int | None]:
        assert self.told
        return self.told.found, self.told.asked, self.told.answered

    def body(self, path: str) -> str:
        return (self.kept[path].body or b"").decode()


def call(
    folder: Path,
    source: str = "",
    start: str = "serve_grpc(PORT)",
    bounds: Grpc = DEFAULT,
    *,
    again: ExerciseResult | None = None,
    protocols: bool = True,
    http: bool = True,
    request_timeout: float = 30.0,
    server: str = SERVER,
) -> Result:
    """Call the methods of an app; with `again`, call again what that run kept."""
    log, said, port = folder / "called", list[str](), again.ports[0] if again else free_port_below()
    log.write_text("")
    setup = f"LOG, PORT = {str(log)!r}, {port}\n{textwrap.dedent(source)}\n{server}\n{start}\nforever()\n"
    with LocalApp(folder, setup, watched=True) as app:
        expected = replay_expectations(again) if again else None
        plan = ExercisePlan(
            http=http,
            request_timeout=request_timeout,
            api=Api(on=False),
            crawl=Crawl(on=False),
            graphql=GraphQl(on=False),
            grpc=bounds,
            protocols=protocols,
        )
        exercised = exercise(app, plan, expected, say=said.append)
    lines = (folder / "app.log").read_text().splitlines()
    return Result(exercised, log.read_text().splitlines(), said, {line[5:] for line in lines if line[:5] == "open "})


@pytest.fixture
def few_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two calls without an answer in a row are enough, and no answer takes long."""
    monkeypatch.setattr(caller, "MOST_SILENT", 2)
    monkeypatch.setattr(limits, "MOST_SILENT", 2)
    monkeypatch.setattr(caller, "TIMEOUT", 2.0)
    monkeypatch.setattr(caller, "STREAM", 2.0)


def test_each_method_is_called_once(tmp_path: Path) -> None:
    result = call(tmp_path)
    assert result.numbers == (12, 8, 6), result.said
    assert result.log == [
        "GetMenu", "CreateOrder", "Break", "Validate", "ListOrders", "WatchPrices", "GetPair",
        "RemoveOrder",  # what takes something away comes last
    ]  # fmt: skip
    port = result.exercised.ports[0]
    assert result.said == [
        f"called 8 of 12 methods of gRPC on {port}: 6 answered OK; 6 requests cover what they opened",
        "grpc: left out 2 methods that take a stream: Shop/Upload, Shop/Chat",
        "grpc: left out 2 methods that would end the app: Shop/ShutDown, Shop/Restart",
        "grpc: 1 method answered UNKNOWN: Shop/Break",
        "grpc: 1 method answered INVALID_ARGUMENT: Shop/Validate",
    ]
    assert failure(result.exercised) is None and result.exercised.warnings == ()
    assert result.exercised.http_ports == ()


def test_only_what_opened_something_is_kept_and_what_it_may_depend_on(tmp_path: Path) -> None:
    result = call(tmp_path)
    assert list(result.kept) == [
        HEALTH, f"{SHOP}/GetMenu", f"{SHOP}/CreateOrder", f"{SHOP}/Break", f"{SHOP}/WatchPrices", f"{SHOP}/RemoveOrder"
    ]  # fmt: skip
    assert result.body(HEALTH) == "message:\n  1: 1\n"
    assert result.body(f"{SHOP}/GetMenu") == 'message:\n  1: "soup for all"\n  3: 18446744073709551615\n'
    assert result.body(f"{SHOP}/RemoveOrder") == "message:\n"
    broken = result.kept[f"{SHOP}/Break"]
    assert broken.status == 2 and "/srv/broken.txt" in result.body(f"{SHOP}/Break")
    endless = result.kept[f"{SHOP}/WatchPrices"]
    assert (endless.status, result.body(f"{SHOP}/WatchPrices").count("message:")) == (0, 10)


def test_another_run_makes_the_kept_calls_and_must_answer_alike(tmp_path: Path) -> None:
    first = call(tmp_path)
    again = call(tmp_path, again=first.exercised)
    assert again.log == ["GetMenu", "CreateOrder", "Break", "WatchPrices", "RemoveOrder"]
    assert again.opened == first.opened and again.told is None
    assert compare_behaviour(first.exercised, again.exercised, lambda: first.exercised) == ()

    lacking = SERVER.replace('opens("menu.txt")', "open('/nowhere/menu.txt')")
    other = call(tmp_path, again=first.exercised, server=lacking)
    [found] = compare_behaviour(first.exercised, other.exercised, lambda: first.exercised)
    assert (found.where, found.what) == (f"GRPC :{first.exercised.ports[0]}{SHOP}/GetMenu", "status")
    assert (found.expected, found.actual) == ("OK", "UNKNOWN") and "No such file" in found.detail


def test_a_message_that_differs_is_told(tmp_path: Path) -> None:
    first = call(tmp_path)
    other = call(tmp_path, again=first.exercised, server=SERVER.replace("soup for", "stew of"))
    [found] = compare_behaviour(first.exercised, other.exercised, lambda: first.exercised)
    assert (found.where, found.what) == (f"GRPC :{first.exercised.ports[0]}{SHOP}/GetMenu", "body")
    assert "stew" in found.detail


def test_what_differs_between_originals_is_noise(tmp_path: Path) -> None:
    noisy = SERVER.replace('f"soup for', 'f"{os.urandom(8).hex()} soup for')
    first = call(tmp_path, server=noisy)
    again, third = (call(tmp_path, again=first.exercised, server=noisy) for _ in range(2))
    assert first.body(f"{SHOP}/GetMenu") != again.body(f"{SHOP}/GetMenu")
    assert compare_behaviour(first.exercised, again.exercised, lambda: third.exercised) == ()


def test_a_server_that_does_not_start_is_a_difference(tmp_path: Path) -> None:
    first = call(tmp_path)
    other = call(tmp_path, "def nothing(client): client.close()", "raw(nothing, PORT)", again=first.exercised)
    found = compare_behaviour(first.exercised, other.exercised, lambda: first.exercised)
    assert f"GRPC :{first.exercised.ports[0]}{HEALTH}" in {one.where for one in found}


def test_the_report_tells_of_calls(tmp_path: Path) -> None:
    first = call(tmp_path).exercised
    report = exercise_report(first)
    assert {row["source"] for row in report["requests"]} == {"grpc"}
    row = report["requests"][1]
    assert (row["method"], row["path"], row["status"], row["problem"]) == ("GRPC", f"{SHOP}/GetMenu", 0, "")
    [told] = report["generated"]
    assert (told["source"], told["found"], told["requested"], told["kept"], told["answered"]) == ("grpc", 12, 8, 6, 6)
    assert exercise_lines(added_up([first])) == [
        f"port {first.ports[0]}/tcp: answered in its own protocol",
        "6 requests: 5 gRPC OK, 1 gRPC UNKNOWN",
    ]


def test_without_the_option_nothing_is_called(tmp_path: Path) -> None:
    result = call(tmp_path, bounds=Grpc(on=False), protocols=False)
    assert result.said == result.log == [] and result.told is None
    assert "no port spoke HTTP" in result.exercised.warnings[0]


def test_only_methods_that_read_are_called_if_others_may_change_what_is_shared(tmp_path: Path) -> None:
    result = call(tmp_path, bounds=Grpc(unchanging="the app shares data with others (--share-mounts)"))
    assert result.log == ["GetMenu", "ListOrders", "WatchPrices", "GetPair"]
    assert result.said[3] == (
        "grpc: left out 4 methods that may change something (Shop/CreateOrder, Shop/RemoveOrder, Shop/Break …), "
        "because the app shares data with others (--share-mounts)"
    )


def test_without_reflection_the_health_is_asked_alone(tmp_path: Path) -> None:
    result = call(tmp_path, "FEATURES = {'health'}")
    port = result.exercised.ports[0]
    assert result.said == [
        f"spoke gRPC on {port}: its health is SERVING",
        "grpc: it has no reflection, so its methods are not known: exercise them with --exec or --exercise",
    ]
    assert list(result.kept) == [HEALTH]


def test_a_server_without_reflection_and_health_speaks_grpc(tmp_path: Path) -> None:
    result = call(tmp_path, "FEATURES = set()")
    assert result.said[0] == f"spoke gRPC on {result.exercised.ports[0]}: its health is UNIMPLEMENTED"
    assert result.kept[HEALTH].status == 12 and result.exercised.warnings == ()


def test_the_health_of_each_service_is_asked(tmp_path: Path) -> None:
    result = call(tmp_path, "FEATURES = {'health', 'reflection', 'loud'}", server=LOUD)
    assert result.log[:3] == ["health ", "health ", "health shop.v1.Shop"]  # the first is how the port was recognised


def test_a_server_that_is_not_serving_yet_is_asked_again(tmp_path: Path) -> None:
    result = call(tmp_path, "FEATURES = {'health', 'reflection', 'slow'}")
    assert result.body(HEALTH) == "message:\n  1: 1\n"
    assert result.numbers == (12, 8, 6)


def test_a_server_over_tls_is_called(tmp_path: Path) -> None:
    first = call(tmp_path, start=f"serve_grpc(PORT, {str(CERTIFICATE)!r})")
    assert first.numbers == (12, 8, 6), first.said
    again = call(tmp_path, start=f"serve_grpc(PORT, {str(CERTIFICATE)!r})", again=first.exercised)
    assert compare_behaviour(first.exercised, again.exercised, lambda: first.exercised) == ()


def test_a_stream_that_is_slow_counts_by_its_first_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caller, "STREAM", 4.0)
    first = call(tmp_path, "PRICES = 3.0")
    assert first.body(f"{SHOP}/WatchPrices") == "message:\n"
    again = call(tmp_path, "PRICES = 0.01", again=first.exercised)
    assert again.body(f"{SHOP}/WatchPrices") == "message:\n"


def test_streams_that_wait_for_something_are_left(tmp_path: Path, few_silent: None) -> None:
    more = "MORE = {f'Subscribe{n}': (False, True) for n in range(3)}"
    idle = "DOES = {f'Subscribe{n}': hang for n in range(3)} | {"
    result = call(tmp_path, more, server=SERVER.replace("DOES = {", idle))
    assert result.numbers == (15, 11, 6), result.said
    assert (
        result.said[-1] == "grpc: 3 streams gave no message in time: Shop/Subscribe0, Shop/Subscribe1, Shop/Subscribe2"
    )


def test_a_call_that_ends_the_app_is_named(tmp_path: Path) -> None:
    with pytest.raises(AppFailed, match=r"code 3 while slimmer called Shop/ProvokeEnd of gRPC on port \d+") as error:
        call(tmp_path, "MORE = {'ProvokeEnd': (False, False)}")
    assert "--no-grpc" in error.value.hint


def test_calls_without_an_answer_are_told_and_bounded(tmp_path: Path, few_silent: None) -> None:
    more = "MORE = {f'Hang{n}': (False, False) for n in range(4)}"
    result = call(tmp_path, more, server=SERVER.replace("DOES = {", "DOES = {f'Hang{n}': hang for n in range(4)} | {"))
    assert result.numbers == (16, 9, 5), result.said
    assert result.said[-2:] == [
        "grpc: 2 methods got no whole answer (no answer in time): Shop/Hang0, Shop/Hang1",
        "grpc: stopped after 2 calls in a row without an answer, with 3 methods left",
    ]


def test_the_time_is_bounded(tmp_path: Path) -> None:
    result = call(tmp_path, "MORE = {'Hang': (False, False)}", bounds=Grpc(seconds=1.0))
    assert re.fullmatch(r"grpc: stopped after 1 s, with \d+ methods? left", result.said[-1])


def test_two_ports_are_told_apart(tmp_path: Path) -> None:
    other = free_port_below()
    result = call(tmp_path, start=f"serve_grpc(PORT); serve_grpc({other})")
    assert result.numbers == (24, 16, 12)
    ports = {one.port for one in result.exercised.answers}
    assert ports == {*result.exercised.ports} and len(ports) == 2
    assert result.told and {line.split(":")[0] for line in result.told.limits} == {f"port {port}" for port in ports}


def test_a_web_server_is_not_disturbed(tmp_path: Path) -> None:
    source = """
    class Counting(Handler):
        def do_GET(self):
            with open(LOG, "a") as log:
                print(self.path, file=log)
            super().do_GET()
        def send_error(self, code, *words):
            with open(LOG, "a") as log:
                print(code, file=log)
            super().send_error(code, *words)
    """
    result = call(tmp_path, source, "serve(PORT, handler=Counting)")
    assert result.told is None and result.kept == {}
    assert result.log in (["/", "505"], ["/"])  # the preface is nothing but a wrong version
    assert result.said == [f"port {result.exercised.ports[0]} speaks HTTP: 1 request"]


def test_a_port_that_never_reacted_is_not_asked(tmp_path: Path) -> None:
    source = """
    def silent(client):
        with open(LOG, "a") as log:
            print(client.recv(3).decode("latin-1"), file=log)
        client.recv(100000); time.sleep(600)
    """
    result = call(tmp_path, source, "raw(silent, PORT)", protocols=False, request_timeout=1.0)
    assert result.told is None
    assert "PRI" not in result.log


def test_who_asks_for_it_needs_no_http(tmp_path: Path) -> None:
    result = call(tmp_path, bounds=Grpc(asked=True), http=False)
    assert result.numbers == (12, 8, 6), result.said


def test_who_asks_for_it_is_told_if_there_is_none(tmp_path: Path) -> None:
    result = call(tmp_path, "", "serve(PORT)", bounds=Grpc(asked=True))
    assert result.said[-1] == "grpc: found no port that speaks gRPC (--grpc)"
    assert result.told and result.told.limits == ("found no port that speaks gRPC (--grpc)",)


def test_a_web_server_over_tls_has_no_grpc(tmp_path: Path) -> None:
    result = call(tmp_path, "", f"serve(PORT, {str(CERTIFICATE)!r})")
    assert result.told is None and result.exercised.http_ports == result.exercised.ports
