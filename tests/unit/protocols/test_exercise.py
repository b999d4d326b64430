"""Sessions as a part of the exercise: whom slimmer speaks with, what it tells, and how the slim image's session is compared."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path

from slimmer.exercise.drive import exercise
from slimmer.exercise.expectations import replay_expectations
from slimmer.exercise.plan import ExercisePlan
from slimmer.exercise.result import ExerciseResult
from slimmer.pipeline.report import exercise_report
from slimmer.pipeline.unexercised import exercised as added_up
from slimmer.unexercised import exercise_lines
from slimmer.verify.behaviour import compare_behaviour
from tests.unit.local_app import LocalApp, free_port

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


def run(
    folder: Path, source: str, plan: ExercisePlan, said: list[str], like: ExerciseResult | None = None
) -> ExerciseResult:
    with LocalApp(folder, source) as app:
        return exercise(app, plan, None if like is None else replay_expectations(like), say=said.append)


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
