"""Containers of a run: started, talked to, ended; all in a real engine."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from slimmer.engine import description
from slimmer.engine.connection import Engine, connect
from slimmer.engine.options import RunOptions
from slimmer.engine.resources import EngineResources
from slimmer.errors import AppFailed, UsageError
from slimmer.image.config import ImageConfig
from tests.engine.small_app import IMAGE, output_of, started

READY = ("sh", "-c", "echo ready; exec sleep 600")


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = connect()
    yield engine
    engine.close()


def test_the_output_and_the_exit_code_are_known(scope: EngineResources, config: ImageConfig) -> None:
    container = started(scope, config, RunOptions(cmd=("sh", "-c", "echo out; echo err >&2; exit 7")))
    assert container.wait(30) == 7
    assert container.exit_code() == 7
    assert sorted(container.last_log_lines().split()) == ["err", "out"]


def test_of_a_lot_of_output_the_last_is_kept(scope: EngineResources, config: ImageConfig) -> None:
    text = output_of(scope, config, "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done")
    assert text.endswith("line 19999\n")
    assert len(text) <= 4096


def test_lines_that_look_like_errors_are_kept_however_much_comes_after_them(
    scope: EngineResources, config: ImageConfig
) -> None:
    script = (
        "echo 1 ERROR: no font >&2; i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done; printf 'fatal: out'"
    )
    container = started(scope, config, RunOptions(cmd=("sh", "-c", script)))
    assert container.wait(30) == 0
    assert container.error_lines() == ("# ERROR: no font", "fatal: out")


def test_a_running_container_has_no_exit_code(scope: EngineResources, config: ImageConfig) -> None:
    container = started(scope, config, RunOptions())
    assert container.exit_code() is None
    assert container.wait(0.01) is None
    assert container.address().count(".") == 3
    container.kill("SIGKILL")
    assert container.wait(30) == 137
    container.kill("SIGTERM")


def test_a_signal_that_does_not_exist_is_a_usage_error(scope: EngineResources, config: ImageConfig) -> None:
    container = started(scope, config, RunOptions())
    with pytest.raises(UsageError, match="SIGNONSENSE"):
        container.kill("SIGNONSENSE")


def test_a_container_that_is_removed_has_ended(scope: EngineResources, config: ImageConfig) -> None:
    container = started(scope, config, RunOptions())
    scope.remove(container)
    assert container.wait(30) == 137


@pytest.mark.parametrize("command", [("no-such-program",), ("/etc/passwd",)])
def test_a_command_that_cannot_run_is_the_apps_failure(
    scope: EngineResources, config: ImageConfig, command: tuple[str, ...]
) -> None:
    with pytest.raises(AppFailed, match="cannot be run"):
        started(scope, config, RunOptions(cmd=command))


def test_commands_run_in_the_container(scope: EngineResources, config: ImageConfig) -> None:
    container = started(scope, config, RunOptions())
    assert container.exec_run(("sh", "-c", "id -u; pwd; exit 3"), 30, user="") == (3, "12\n/srv\n")
    assert container.exec_run(("id", "-u"), 30, user="0:0") == (0, "0\n")
    code, output = container.exec_run(("sh", "-c", "echo begun; sleep 600"), 0.5, user="")
    assert code == 124
    assert output.startswith("begun\n")


def test_a_fast_commands_output_is_never_lost(scope: EngineResources, config: ImageConfig) -> None:
    container = started(scope, config, RunOptions())
    assert {container.exec_run(("echo", "here"), 30, user="") for _ in range(40)} == {(0, "here\n")}


def test_a_command_can_be_talked_to(scope: EngineResources, config: ImageConfig) -> None:
    container = started(scope, config, RunOptions())
    stream = container.exec_stream(("sh", "-c", "echo oops >&2; exec cat"), user="0:0")
    data = os.urandom(1 << 20)
    stream.sendall(data[:1000])
    assert stream.recv_exactly(1000) == data[:1000]
    stream.sendall(data[1000:60_000])
    stream.close_write()
    assert stream.recv_exactly(59_000) == data[1000:60_000]
    assert stream.recv() == b""
    assert stream.stderr == "oops\n"
    stream.close()


def test_an_attached_container_can_be_talked_to(scope: EngineResources, config: ImageConfig) -> None:
    asked = description.native(config, RunOptions(cmd=("cat",)), IMAGE)
    container = scope.create({**asked, "OpenStdin": True, "StdinOnce": True, "AttachStdin": True}, "attached")
    stream = container.attach()
    container.start(collect_output=False)
    stream.sendall(b"hello")
    assert stream.recv_exactly(5) == b"hello"
    stream.close_write()
    assert stream.recv() == b""
    assert container.wait(30) == 0
    stream.close()


def test_health_is_known_soon(scope: EngineResources, config: ImageConfig) -> None:
    """The image checks every 30 seconds; what is waited for here is a verdict, not a time."""
    container = started(scope, config, RunOptions())
    assert config.healthcheck is not None
    made = scope.engine.api.inspect_container(container.id)["Config"]["Healthcheck"]
    assert made["Test"] == list(config.healthcheck.test)
    assert made["Timeout"] == config.healthcheck.timeout
    assert made["Interval"] < 1_000_000_000
    while container.health() == "starting":
        assert container.wait(0.05) is None
    assert container.health() == "healthy"
