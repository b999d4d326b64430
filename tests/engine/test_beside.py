"""Another image exercises the app (`--exercise-image`): in the app's network, without more rights, and without a trace."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker
import pytest

from slimmer.engine import images
from slimmer.engine.connection import Engine, connect
from slimmer.engine.options import RunOptions
from slimmer.exercise.drive import exercise
from slimmer.exercise.expectations import replay_expectations
from slimmer.exercise.plan import ExercisePlan, ImageCommand
from slimmer.exercise.result import ExerciseResult
from slimmer.exercise.verdict import failure
from slimmer.probe_binary import probe_path
from slimmer.runs.start import ask_identity, native_run, watched_run
from tests.engine.command import built, slimmer
from tests.engine.integration_app import SLIM, fetching
from tests.engine.names import OWN
from tests.engine.prompt import PromptResources
from tests.engine.soak import owned
from tests.engine.test_interrupts import running, watched
from tests.engine.test_killed import happens

ROOT = Path(__file__).parents[2]
TESTS = "debian:bookworm-slim"
"""An image that has a shell; the app's has none."""

pytestmark = pytest.mark.usefixtures("nothing_stays")


@pytest.fixture
def nothing_stays(engine: docker.DockerClient, leftovers: None) -> Iterator[None]:
    """The slim image is removed; nothing else may be left."""
    yield
    if engine.images.list(SLIM):
        engine.images.remove(SLIM, force=True)


def asking(path: str, words: str) -> str:
    """An image with a command that asks the app for a path, prints the answer, and fails without these words in it."""
    script = (
        "exec 3<>/dev/tcp/$SLIMMER_HOST/$SLIMMER_PORT && "
        f'printf "GET {path} HTTP/1.0\\r\\n\\r\\n" >&3 && answer=$(cat <&3) && echo "$answer" && [[ $answer == *"{words}"* ]]'
    )
    return f"{TESTS} bash -c {shlex.quote(script)}"


def report_of(folder: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads((folder / "out/report.json").read_text())
    return report


def kept(folder: Path) -> set[str]:
    lines = [json.loads(line) for line in (folder / "out/manifest.jsonl").read_text().splitlines()[1:]]
    return {line["path"] for line in lines}


def test_what_the_tests_ask_for_stays_and_their_own_files_do_not(road: str, tmp_path: Path) -> None:
    options = ("--policy", "observed", "--exercise-image", asking("/file/srv/second", "second"))
    built(road, "--tag", SLIM, "--out", tmp_path / "out", *options)
    assert "/srv/second" in kept(tmp_path) and "/srv/first" not in kept(tmp_path)
    assert not any(re.search("bash|libc", path) for path in kept(tmp_path))
    assert report_of(tmp_path)["exercise"]["commands"] == [
        {"where": "image", "program": TESTS, "exit_code": 0, "problem": ""}
    ]


def test_tests_that_fail_are_told_with_their_last_output(road: str, tmp_path: Path) -> None:
    result = slimmer("build", road, "--out", tmp_path / "out", "--exercise-image", asking("/echo", "not there"))
    assert result.returncode == 6
    assert "exited with code 1" in result.stderr and "HTTP/1.1 200" in result.stderr
    assert not (tmp_path / "out").exists()


def test_tests_that_fail_only_with_the_slim_image_are_a_difference(road: str, tmp_path: Path) -> None:
    options = ("--exclude", "/srv/second", "--exercise-image", asking("/file/srv/second", "200 Said"))
    result = slimmer("build", road, "--tag", SLIM, "--out", tmp_path / "out", *options)
    assert result.returncode == 8
    assert f"image command {TESTS}: exit code was 0, is 1" in result.stderr, result.stderr
    assert b"404 Said" not in (tmp_path / "out/report.json").read_bytes()


def test_an_image_that_is_not_there_is_told_before_anything_runs(road: str, tmp_path: Path) -> None:
    result = slimmer("observe", road, "--out", tmp_path / "log.json", "--exercise-image", f"{OWN}-none ls")
    assert result.returncode == 3
    assert f"--exercise-image: no such image: {OWN}-none" in result.stderr
    assert "speaks HTTP" not in result.stderr


ALONE = ("unshare", "--net", "--pid", "--fork", "--mount-proc", "sh", "-c", 'ip link set lo up && exec "$@"', "sh")
"""Runs a command as a CI job's container does that has the engine's socket: without a network, and with process IDs of its own."""


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("ip") is None, reason="it needs namespaces of its own")
@pytest.mark.skipif(not os.environ.get("DOCKER_HOST", "unix:").startswith("unix:"), reason="it needs a socket")
def test_a_ci_job_needs_nothing_but_the_engines_socket(road: str, tmp_path: Path) -> None:
    heard = tmp_path / "heard"
    commands = ("--exercise", fetching(heard, "/echo"), "--exercise-image", asking("/echo", "200 Said"))
    job = [*ALONE, sys.executable, "-m", "slimmer", "verify", road, road, *commands]
    told = subprocess.run(job, capture_output=True, text=True, timeout=300, cwd=ROOT, check=False)
    assert told.returncode == 0, told.stderr
    assert len(heard.read_text().splitlines()) >= 2


@contextmanager
def network(engine: docker.DockerClient) -> Iterator[str]:
    made = engine.networks.create(f"{OWN}-beside")
    try:
        yield f"{OWN}-beside"
    finally:
        made.remove()


def test_the_address_is_valid_in_every_network(road: str, engine: docker.DockerClient) -> None:
    with network(engine) as own:
        for name, port in (("bridge", "8080"), (own, "8080"), ("none", "8080"), ("host", "18461")):
            options = ("--network", name, "--cmd", f"--port {port}", "--port", port)
            result = slimmer("verify", road, road, *options, "--exercise-image", asking("/echo", "200 Said"))
            assert result.returncode == 0, result.stderr


@pytest.fixture(scope="module")
def connection() -> Iterator[Engine]:
    engine = connect()
    yield engine
    engine.close()


def exercised(engine: Engine, options: RunOptions, *wanted: ImageCommand) -> Iterator[ExerciseResult]:
    """The exercise of an app under the probe, and once more of the same image as a user would run it."""
    config, probe = images.resolve(engine, TESTS), probe_path(engine.architecture)
    plan, others = ExercisePlan(http=False, image_commands=wanted), {TESTS: config}
    with PromptResources(engine) as scope:
        identity = ask_identity(scope, config, options, probe)
        with watched_run(scope, config, options, probe, identity, "auto", "seen", images=others) as (run, ports):
            observed = exercise(run, plan)
        yield observed
        relay = probe if ports.relayed else None
        with native_run(
            scope, config, options, config.image_id, observed.ports, relay, "again", images=others
        ) as again:
            yield exercise(again, plan, replay_expectations(observed))


LISTENER = """
use IO::Socket::INET; my $l = IO::Socket::INET->new(LocalAddr => $ARGV[0], LocalPort => 7000, Listen => 5) or die $!;
$SIG{TERM} = sub { exit 0 }; while (1) { my $c = $l->accept or next; print $c $c->peerhost, "\\n"; close $c }
"""
HEARD = ImageCommand(TESTS, ("bash", "-c", "cat </dev/tcp/$SLIMMER_HOST/$SLIMMER_PORT; hostname -i"))


def test_the_app_is_asked_from_another_address(connection: Engine) -> None:
    for result in exercised(connection, RunOptions(cmd=("perl", "-e", LISTENER, "0.0.0.0")), HEARD):
        assert failure(result) is None
        from_where, own = result.outcomes[0].output.split()
        assert from_where == own and not own.startswith("127.")


def test_an_app_that_listens_only_on_its_loopback_is_reached_there(connection: Engine) -> None:
    for result in exercised(connection, RunOptions(cmd=("perl", "-e", LISTENER, "127.0.0.1")), HEARD):
        assert failure(result) is None
        assert result.outcomes[0].output.split()[0] == "127.0.0.1"


def test_the_tests_have_no_more_rights_than_docker_run_gives(connection: Engine, engine: docker.DockerClient) -> None:
    look = ("sh", "-c", "grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status; ls -A / /dev; wc -l < /proc/mounts")
    plain = engine.containers.run(TESTS, list(look), remove=True).decode()
    options = RunOptions(cmd=("perl", "-e", LISTENER, "0.0.0.0"), cap_add=("NET_ADMIN",), env=("SECRET=1",))
    for result in exercised(connection, options, ImageCommand(TESTS, look), ImageCommand(TESTS, ("env",))):
        assert failure(result) is None
        assert result.outcomes[0].output == plain
        assert "SECRET" not in result.outcomes[1].output


def test_what_cannot_be_run_is_the_exercises_failure(connection: Engine) -> None:
    wanted = ImageCommand(TESTS, ("no-such-program",))
    result = next(exercised(connection, RunOptions(cmd=("perl", "-e", LISTENER, "0.0.0.0")), wanted))
    error = failure(result)
    assert error is not None and "code 125" in error.message and "no-such-program" in error.message


@pytest.mark.alone  # a signal comes too late if other tests use the machine as well
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_the_tests_end_with_slimmer(number: int, road: str, engine: docker.DockerClient, tmp_path: Path) -> None:
    with running(road, "--out", tmp_path / "out", "--exercise-image", f"{TESTS} sleep 600") as build:
        watched(engine, build.process.pid, "exercise.1")
        build.process.send_signal(number)
        assert build.end() == (130 if number == signal.SIGINT else -signal.SIGKILL), build.said
        assert happens(lambda: not owned(engine, build.process.pid)), owned(engine, build.process.pid)
