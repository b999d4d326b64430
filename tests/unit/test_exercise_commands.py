"""Commands: on this machine against the app, in the container, the HEALTHCHECK, and SLIMMER_EXEC between the two."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from slimmer.errors import AppFailed, EngineError
from slimmer.exercise.drive import UNKNOWN, exercise
from slimmer.exercise.exec_server import exec_server
from slimmer.exercise.expectations import ReplayExpectations
from slimmer.exercise.plan import ExercisePlan, ImageCommand
from slimmer.exercise.process import run_shell
from slimmer.exercise.profile import AppProfile
from slimmer.exercise.result import ExerciseResult, Outcome
from slimmer.exercise.verdict import failure
from tests.unit.local_app import LocalApp
from tests.work import HANGING

ROOT = Path(__file__).parents[2]
WEB = "serve(); forever()"


@pytest.fixture(autouse=True)
def nothing_left(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A temporary folder of the test's own, which must be empty at the end; and no process may be left."""
    scratch = tmp_path_factory.mktemp("t")
    monkeypatch.setenv("TMPDIR", str(scratch))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield scratch
    assert list(scratch.iterdir()) == []


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


def shell(command: str, timeout: float = 30.0) -> tuple[int, str]:
    return run_shell(command, {}, timeout, lambda: False)


def is_gone(pid: int) -> bool:
    """Whether a process has ended, at the latest soon: a kill takes effect a moment later."""
    end = time.monotonic() + 5
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


# ---------------------------------------------------------------------- processes


def test_a_command_has_its_exit_code_and_both_outputs() -> None:
    code, output = shell("echo out; echo err >&2; exit 3")
    assert code == 3 and sorted(output.split()) == ["err", "out"]


def test_only_the_end_of_much_output_is_kept() -> None:
    code, output = shell("head -c 5000000 /dev/zero | tr '\\0' x; echo; echo the end")
    assert code == 0 and len(output) == 4096 and output.endswith("xx\nthe end\n")


def test_output_that_is_no_text_survives() -> None:
    assert shell(r"printf 'a\377b'") == (0, "a\udcffb")


def test_a_command_reads_nothing_from_the_terminal() -> None:
    assert shell("cat; echo done") == (0, "done\n")


def test_a_killed_command_has_the_shells_exit_code() -> None:
    assert shell("kill -TERM $$")[0] == 128 + signal.SIGTERM


def test_a_command_that_takes_too_long_is_ended_with_its_children() -> None:
    started = time.monotonic()
    code, output = shell("sleep 600 & echo $!; sh -c 'sleep 600' & echo $!; wait", timeout=0.5)
    assert code == 124 and time.monotonic() - started < HANGING
    assert all(is_gone(int(pid)) for pid in output.split())


def test_a_command_that_does_not_heed_sigterm_is_killed() -> None:
    code, output = shell("trap '' TERM; echo $$; while :; do sleep 1; done", timeout=0.3)
    assert code == 124 and is_gone(int(output.split()[0]))


def test_what_a_command_left_in_the_background_ends_with_it() -> None:
    started = time.monotonic()
    code, output = shell("sleep 600 & echo $!")
    assert code == 0 and time.monotonic() - started < HANGING
    assert is_gone(int(output))


def test_a_command_can_be_ended_by_others_as_always() -> None:
    """The signals that are blocked while a thread starts are not so for the command."""
    assert shell("timeout 0.2 sleep 60")[0] == 124
    assert shell("grep SigBlk /proc/self/status")[1].split()[1] == "0" * 16


def test_an_interrupt_ends_the_command_and_its_children(tmp_path: Path, nothing_left: Path) -> None:
    """A process of its own, since the interrupt is one for the whole process."""
    script = """
import sys
from pathlib import Path
from slimmer.exercise.drive import exercise
from slimmer.exercise.plan import ExercisePlan
from tests.unit.local_app import LocalApp
folder = Path(sys.argv[1])
with LocalApp(folder, "serve(); forever()") as app:
    exercise(app, ExercisePlan(host_commands=(f"sleep 600 & echo $! > {folder}/pid.new; mv {folder}/pid.new {folder}/pid; wait",)))
"""
    command = [sys.executable, "-c", script, str(tmp_path)]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, start_new_session=True)
    pid_file = tmp_path / "pid"
    while not pid_file.exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert b"KeyboardInterrupt" in errors
    assert is_gone(int(pid_file.read_text()))
    assert list(nothing_left.iterdir()) == []


# ---------------------------------------------------------------------- against the app


def test_a_host_command_finds_the_app(tmp_path: Path) -> None:
    asks = f"{sys.executable} -c 'import os, urllib.request as r; print(r.urlopen(os.environ[\"SLIMMER_URL\"]).read())'"
    exercised = run(tmp_path, WEB, ExercisePlan(host_commands=(asks, "env")))
    first, second = exercised.outcomes
    assert "hello" in first.output
    (port,) = exercised.http_ports
    assert f"SLIMMER_URL=http://127.0.0.1:{port}\n" in second.output
    assert f"SLIMMER_PORT={port}\n" in second.output
    assert "SLIMMER_HOST=127.0.0.1\n" in second.output and "SLIMMER_CONTAINER=the-container\n" in second.output


def test_a_host_command_runs_against_an_app_without_http(tmp_path: Path) -> None:
    source = "raw(lambda client: client.close()); forever()"
    exercised = run(
        tmp_path, source, ExercisePlan(host_commands=('test -z "$SLIMMER_URL" && test -n "$SLIMMER_PORT"',))
    )
    assert exercised.problems == () == exercised.warnings


class Ipv6App(LocalApp):
    """An app that is reached by an address of IPv6."""

    def datagram_endpoint(self, port: int) -> None:
        return None

    def endpoint(self, port: int) -> tuple[str, int]:
        return "::1", port


def test_an_app_at_an_ipv6_address_has_a_url_that_works(tmp_path: Path) -> None:
    source = """
        class Server(http.server.ThreadingHTTPServer):
            address_family = socket.AF_INET6
        server = Server(("::1", 0), Handler)
        server.serve_forever()
    """
    asks = f"{sys.executable} -c 'import os, urllib.request as r; r.urlopen(os.environ[\"SLIMMER_URL\"])'; echo $SLIMMER_URL"
    with Ipv6App(tmp_path, source) as app:
        exercised = exercise(app, ExercisePlan(host_commands=(f"set -e; {asks}",)))
    assert exercised.problems == () and exercised.answers[0].status == 200
    assert exercised.outcomes[0].output == f"http://[::1]:{exercised.http_ports[0]}\n"


def test_failed_commands_are_problems_with_their_last_output(tmp_path: Path) -> None:
    plan = ExercisePlan(
        host_commands=("echo what happened; exit 3", "exit 0"), exec_commands=(("sh", "-c", "echo inside; exit 5"),)
    )
    exercised = run(tmp_path, WEB, plan)
    assert [(o.where, o.exit_code) for o in exercised.outcomes] == [("container", 5), ("host", 3), ("host", 0)]
    assert len(exercised.problems) == 2
    error = failure(exercised)
    assert error is not None and error.exit_code == 6
    assert "what happened" in error.message and "inside" in error.message
    assert "hush" not in repr(Outcome(("a",), "host", 1, "hush"))


def test_a_crash_of_the_app_ends_the_command_against_it(tmp_path: Path) -> None:
    started = time.monotonic()
    source = "serve(); threading.Timer(1.5, lambda: (print('broke', flush=True), os._exit(9))).start(); forever()"
    with pytest.raises(AppFailed, match=r"(?s)code 9.*broke"):
        run(tmp_path, source, ExercisePlan(host_commands=("sleep 600",)))
    assert time.monotonic() - started < HANGING


def test_a_health_check_is_tried_until_it_passes(tmp_path: Path) -> None:
    check = ("sh", "-c", f"echo x >> {tmp_path}/tries; test $(wc -l < {tmp_path}/tries) -ge 3")
    exercised = run(tmp_path, WEB, ExercisePlan(), profile=AppProfile(healthcheck=check))
    assert [(o.where, o.exit_code) for o in exercised.outcomes] == [("healthcheck", 0)]
    assert (tmp_path / "tries").read_text().count("x") == 3


def test_a_health_check_that_never_passes_is_a_problem(tmp_path: Path) -> None:
    plan, profile = ExercisePlan(ready_timeout=1.5), AppProfile(healthcheck=("false",))
    exercised = run(tmp_path, WEB, plan, profile=profile, begun=True)
    assert "HEALTHCHECK" in exercised.problems[0]


def test_the_health_check_is_the_engines_on_replay(tmp_path: Path) -> None:
    assert run(tmp_path, WEB, ExercisePlan(), ReplayExpectations(), AppProfile(healthcheck=("false",))).outcomes == ()


# ---------------------------------------------------------------------- another image


def test_another_image_finds_the_app_by_the_same_variables(tmp_path: Path) -> None:
    asks = "import os, urllib.request as r; print(r.urlopen(os.environ['SLIMMER_URL']).read())"
    images = (
        ImageCommand("tests:1", (sys.executable, "-c", asks)),
        ImageCommand("tests:2", ("env",), environment=("CASES=a=b", "SLIMMER_PORT=1")),
    )
    exercised = run(tmp_path, WEB, ExercisePlan(image_commands=images))
    first, second = exercised.outcomes
    assert (first.where, first.program, first.exit_code) == ("image", "tests:1", 0) and "hello" in first.output
    (port,) = exercised.http_ports
    for line in (f"SLIMMER_URL=http://127.0.0.1:{port}", "SLIMMER_HOST=127.0.0.1", f"SLIMMER_PORT={port}", "CASES=a=b"):
        assert f"{line}\n" in second.output
    assert "SLIMMER_CONTAINER" not in second.output


def test_another_image_that_fails_is_a_problem_with_its_last_output(tmp_path: Path) -> None:
    fails = ImageCommand("tests:1", ("sh", "-c", "echo what happened; exit 3"))
    error = failure(run(tmp_path, WEB, ExercisePlan(image_commands=(fails,))))
    assert error is not None and error.exit_code == 6
    assert "--exercise-image `tests:1 sh" in error.message and "code 3" in error.message
    assert "what happened" in error.message


def test_another_image_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    plan = ExercisePlan(image_commands=(ImageCommand("tests:1", ("sleep", "600")),), command_timeout=0.3)
    assert "did not end within 0.3 s" in run(tmp_path, WEB, plan).problems[0]


def test_a_port_that_another_image_makes_the_app_open_is_asked_too(tmp_path: Path) -> None:
    asks = "import os, urllib.request as r; r.urlopen(os.environ['SLIMMER_URL'] + '/more-once')"
    plan = ExercisePlan(image_commands=(ImageCommand("tests:1", (sys.executable, "-c", asks)),))
    assert len(run(tmp_path, WEB, plan).http_ports) == 2


def test_a_crash_of_the_app_ends_the_image_against_it(tmp_path: Path) -> None:
    source = "serve(); threading.Timer(1.5, lambda: (print('broke', flush=True), os._exit(9))).start(); forever()"
    with pytest.raises(AppFailed, match=r"(?s)code 9.*broke"):
        run(tmp_path, source, ExercisePlan(image_commands=(ImageCommand("tests:1", ("sleep", "600")),)))


# ---------------------------------------------------------------------- SLIMMER_EXEC


def test_a_host_command_runs_commands_in_the_container(tmp_path: Path) -> None:
    command = "$SLIMMER_EXEC sh -c 'echo \"$1\"; exit 7' sh \"it's a  'word'\"; echo code $?"
    exercised = run(tmp_path, WEB, ExercisePlan(host_commands=(command,)))
    assert exercised.outcomes[0].output == "it's a  'word'\ncode 7\n"


def test_words_that_are_no_utf8_arrive_as_they_are() -> None:
    calls: list[tuple[str, ...]] = []

    def execute(argv: tuple[str, ...]) -> tuple[int, str]:
        calls.append(argv)
        return 0, ""

    with exec_server(execute) as executable:
        subprocess.run([executable, b"caf\xe9", "ü", ""], check=True, timeout=30)
    assert calls == [(os.fsdecode(b"caf\xe9"), "ü", "")]


def test_calls_may_overlap() -> None:
    running: list[str] = []

    def execute(argv: tuple[str, ...]) -> tuple[int, str]:
        running.append(argv[0])
        end = time.monotonic() + 20
        while len(running) < 4 and time.monotonic() < end:
            time.sleep(0.01)
        return len(running), argv[0]

    with exec_server(execute) as executable, ThreadPoolExecutor() as pool:
        done = list(pool.map(lambda word: subprocess.run([executable, word], capture_output=True, timeout=60), "abcd"))
    assert [(one.returncode, one.stdout) for one in done] == [(4, b"a"), (4, b"b"), (4, b"c"), (4, b"d")]


def test_a_failure_on_our_side_is_told_and_is_no_exit_code_of_the_command() -> None:
    def execute(argv: tuple[str, ...]) -> tuple[int, str]:
        raise EngineError("the engine went away")

    with exec_server(execute) as executable:
        done = subprocess.run([executable, "ls"], capture_output=True, text=True, timeout=30, check=False)
        bare = subprocess.run([executable], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 125 and "the engine went away" in done.stdout
    assert bare.returncode == 2 and "usage" in bare.stdout


def test_after_the_end_nobody_answers_and_nothing_is_left(tmp_path: Path) -> None:
    with exec_server(lambda argv: (0, "")) as executable:
        copy = tmp_path / "exec"
        copy.write_bytes(executable.read_bytes())
        assert executable.parent.stat().st_mode & 0o777 == 0o700
    done = subprocess.run(["sh", copy, "ls"], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 125 and "no longer answers" in done.stderr
    assert not executable.exists()


def test_a_long_temporary_folder_does_not_matter(nothing_left: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = nothing_left / ("d" * 120)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    with exec_server(lambda argv: (0, "here")) as executable:
        assert subprocess.run([executable, "x"], capture_output=True, timeout=30, check=True).stdout == b"here"
    assert not executable.parent.exists()
    deep.rmdir()
