"""Sessions as a part of the exercise: whom slimmer speaks with, what it tells, and how the slim image's session is compared."""

from __future__ import annotations

import socket
import time
from dataclasses import replace
from pathlib import Path

from slimmer.exercise.drive import exercise
from slimmer.exercise.expectations import replay_expectations
from slimmer.exercise.plan import ExercisePlan
from slimmer.exercise.profile import AppProfile
from slimmer.exercise.protocols.dns import Dns
from slimmer.exercise.protocols.protocol import Session
from slimmer.exercise.request import Request
from slimmer.exercise.result import ExerciseResult
from slimmer.pipeline.report import exercise_report
from slimmer.pipeline.unexercised import exercised as added_up
from slimmer.unexercised import exercise_lines
from slimmer.verify.behaviour import compare_behaviour
from tests.unit.local_app import LocalApp, free_port
from tests.work import HANGING

PLAN = ExercisePlan(protocols=True, ready_timeout=10, request_timeout=5)

STORE = """
def store(client):
    items = {}
    lines = client.makefile("rb")
    while head := lines.readline():
        if not head.startswith(b"*"):
            return client.close()
        words = [(lines.readline(), lines.readline().strip())[1] for _ in range(int(head[1:]))]
        command = words[0].upper()
        if command == BROKEN:
            client.sendall(b"-ERR cannot open /usr/share/store/words: No such file or directory\\r\\n")
        elif command == b"SET":
            items[words[1]] = words[2]
            client.sendall(b"+OK\\r\\n")
        elif command == b"GET":
            item = items.get(words[1])
            client.sendall(b"$-1\\r\\n" if item is None else b"$%d\\r\\n%s\\r\\n" % (len(item), item))
        else:
            answers = {b"PING": b"+PONG", b"DEL": b":1", b"SCAN": b"*2\\r\\n$1\\r\\n0\\r\\n*0", b"INFO": b"$2\\r\\nhi"}
            client.sendall(answers[command] + b"\\r\\n")

"""


NAMES = """
def names(client):
    stream = client.makefile("rb")
    while (head := stream.read(2)) and len(question := stream.read(length := int.from_bytes(head, "big"))) == length:
        client.sendall(head + question[:2] + b"\\x81\\x80" + question[4:])

"""
"""DNS over TCP: two bytes for the length, then the message. A request in HTTP begins with a length of 18,245."""

SLOW = """
asked = threading.Event()

def slow(client):
    if client.recv(4096).startswith(b"GET / HTTP/1.1"):
        asked.wait()
        client.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 5\\r\\nConnection: close\\r\\n\\r\\nhello")
    else:
        client.sendall(b"HTTP/1.1 400 Bad Request\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n")
        asked.set()
    client.close()

"""
"""HTTP whose first answer comes when somebody else has asked something else."""


def run(
    folder: Path,
    source: str,
    plan: ExercisePlan,
    said: list[str],
    like: ExerciseResult | None = None,
    exposed: tuple[int, ...] = (),
) -> ExerciseResult:
    profile = AppProfile(expected_ports=exposed)
    with LocalApp(folder, source) as app:
        expected = None if like is None else replay_expectations(like)
        return exercise(app, plan, expected, profile=profile, say=said.append)


def store(port: int, broken: str = "nothing") -> str:
    return f"{STORE}\nBROKEN = b'{broken}'\nraw(store, {port})\nforever()\n"


def test_a_session_is_told_reported_and_held_again(tmp_path: Path) -> None:
    said: list[str] = []
    port = free_port_below()
    first = run(tmp_path, store(port), PLAN, said)
    assert said == [f"spoke Redis on {port}: 6 of 6 steps"]
    assert first.warnings == () and first.http_ports == ()
    report = exercise_report(first)
    rows = [(row["method"], row["path"], row["port"], row["problem"], row["source"]) for row in report["requests"]]
    steps = ("connect", "authenticate", "list", "write", "read", "remove")
    assert rows == [("REDIS", step, port, "", "protocols") for step in steps]
    [told] = report["generated"]
    assert (told["source"], told["found"], told["requested"], told["kept"]) == ("protocols", 6, 6, 6)
    assert exercise_lines(added_up([first])) == [f"port {port}/tcp: answered in its own protocol"]

    same = run(tmp_path, store(port), PLAN, said, like=first)
    assert compare_behaviour(first, same, lambda: first) == ()
    broken = run(tmp_path, store(port, "SET"), PLAN, said, like=first)
    found = compare_behaviour(first, broken, lambda: first)
    assert (found[0].where, found[0].what) == (f"REDIS :{port} write", "answer")
    assert "No such file or directory" in found[0].actual


def test_a_failed_step_of_the_original_is_no_failure_of_the_build(tmp_path: Path) -> None:
    said: list[str] = []
    port = free_port_below()
    first = run(tmp_path, store(port, "SCAN"), PLAN, said)
    assert said[0].startswith(f"spoke Redis on {port}: 5 of 6 steps; list: the server refused it: ERR cannot open")
    again = run(tmp_path, store(port, "SCAN"), PLAN, said, like=first)
    assert compare_behaviour(first, again, lambda: first) == ()


def test_a_web_app_is_asked_nothing_else(tmp_path: Path) -> None:
    said: list[str] = []
    port = free_port_below()
    first = run(tmp_path, f"serve({port})\nforever()\n", PLAN, said)
    assert said[0] == f"port {port} speaks HTTP: 1 request"
    assert "protocols" not in {one.source for one in first.generated}


def test_without_protocols_no_session_is_held(tmp_path: Path) -> None:
    said: list[str] = []
    first = run(tmp_path, store(free_port_below()), replace(PLAN, protocols=False), said)
    assert said == [] and first.answers == () and first.generated == ()
    assert "no port spoke HTTP" in first.warnings[0]


def test_a_server_that_waits_for_the_rest_of_an_http_request_costs_no_timeout(tmp_path: Path) -> None:
    said: list[str] = []
    port, started = free_port_of(Dns), time.monotonic()
    patient = replace(PLAN, request_timeout=10 * HANGING)
    source = f"{NAMES}\nraw(names, {port})\nforever()\n"
    first = run(tmp_path, source, patient, said, exposed=(port,))
    assert said == [f"spoke DNS on {port}: 3 of 3 steps"]
    assert first.http_ports == () and first.problems == ()
    again = run(tmp_path, source, patient, said, like=first)
    assert compare_behaviour(first, again, lambda: first) == ()
    assert time.monotonic() - started < HANGING


def test_a_port_of_tcp_and_udp_is_asked_for_names_whatever_its_number(tmp_path: Path) -> None:
    said: list[str] = []
    port, started = free_port_below(), time.monotonic()
    udp = f"udp = socket.socket(type=socket.SOCK_DGRAM)\nudp.bind(('127.0.0.1', {port}))"
    source = f"{NAMES}\nraw(names, {port})\n{udp}\nforever()\n"
    run(tmp_path, source, replace(PLAN, request_timeout=10 * HANGING), said, exposed=(port,))
    assert said == [f"spoke DNS on {port}: 3 of 3 steps"] and time.monotonic() - started < HANGING


def test_own_requests_do_not_wait_for_a_server_of_another_protocol(tmp_path: Path) -> None:
    said: list[str] = []
    names, web, started = free_port_of(Dns), free_port_below(), time.monotonic()
    requests = (Request("GET", "/"), Request("GET", "/"))
    patient = replace(PLAN, requests=requests, explicit=True, request_timeout=10 * HANGING)
    source = f"{NAMES}\nraw(names, {names})\nserve({web})\nforever()\n"
    first = run(tmp_path, source, patient, said, exposed=(names, web))
    assert {f"spoke DNS on {names}: 3 of 3 steps", f"port {web} speaks HTTP: 2 requests"} <= {*said}
    assert first.problems == () and time.monotonic() - started < HANGING


def test_a_slow_web_app_on_the_port_of_another_protocol_has_all_the_time(tmp_path: Path) -> None:
    said: list[str] = []
    port = free_port_of(Dns)
    run(
        tmp_path,
        f"{SLOW}\nraw(slow, {port})\nforever()\n",
        replace(PLAN, request_timeout=HANGING),
        said,
        exposed=(port,),
    )
    assert said[0] == f"port {port} speaks HTTP: 1 request"
    assert not [line for line in said if line.startswith("spoke")]


def test_a_port_that_has_to_speak_http_is_asked_nothing_else(tmp_path: Path) -> None:
    said: list[str] = []
    port = free_port_of(Dns)
    plan = replace(PLAN, ports=(port,), protocols=False, request_timeout=2.0)
    first = run(tmp_path, f"{NAMES}\nraw(names, {port})\nforever()\n", plan, said, exposed=(port,))
    assert "no answer in time" in first.problems[0]


def free_port_of(protocol: type[Session]) -> int:
    """A free one of the ports that such servers usually have."""
    return next(port for port in reversed(protocol.ports) if _is_free(port))


def free_port_below() -> int:
    """A port that the kernel does not choose by itself, so that it may be the same in another run."""
    for _ in range(100):
        if (port := free_port() - 20_000) > 10_000 and _is_free(port):
            return port
    raise AssertionError("no free port")


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True
