"""The supervisor itself: it takes over one process after another, and knows its container among others."""

from __future__ import annotations

import time

import pytest

from slimmer.engine import images
from slimmer.engine.connection import Engine
from slimmer.engine.options import RunOptions
from slimmer.engine.resources import EngineResources
from slimmer.image.config import ImageConfig
from tests.engine.watching import RECORDERS, Bench

COMMANDS = 24
"""Enough for numbers of processes and times of their start to come in many pairs."""

LISTENER = """$socket = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1") or die;
$| = 1; print "listening on ", $socket->sockport, "\\n"; sleep 60"""
recorders = pytest.mark.parametrize("recorder", RECORDERS)


@recorders
def test_each_command_is_taken_over(probes: Bench, scope: EngineResources, engine: Engine, recorder: str) -> None:
    debian = images.resolve(engine, "debian:bookworm-slim")
    with probes.watched(scope, debian, RunOptions(cmd=("sleep", "600")), recorder) as watched:
        codes = [watched.run.execute(("sh", "-c", f"exit {n}"), 10.0)[0] for n in range(COMMANDS)]
        log = watched.run.finish(debian.image_id, "SIGKILL", 10.0)
    assert codes == list(range(COMMANDS))
    assert "/usr/bin/dash" in {access.resolved for access in log.accesses}


@recorders
def test_a_command_that_cannot_be_run_is_not_waited_for(
    probes: Bench, scope: EngineResources, engine: Engine, recorder: str
) -> None:
    debian = images.resolve(engine, "debian:bookworm-slim")
    with probes.watched(scope, debian, RunOptions(cmd=("sleep", "600")), recorder) as watched:
        assert watched.run.execute(("nothing",), 10.0)[0] == 127
        assert watched.run.execute(("true",), 10.0)[0] == 0
        watched.run.finish(debian.image_id, "SIGKILL", 10.0)


@recorders
def test_a_run_among_the_host_s_processes_ends(
    probes: Bench, scope: EngineResources, image: ImageConfig, recorder: str
) -> None:
    """There the supervisor does not die with the app, and the engine leaves its stream open."""
    options = RunOptions(cmd=("/bin/touch", "/etc/passwd"), pid_mode="host")
    with probes.watched(scope, image, options, recorder) as watched:
        assert watched.wait_for_end() == 0
        start = time.monotonic()
        assert watched.run.finish(image.image_id, "", 30.0).complete
        assert time.monotonic() - start < 15.0


@recorders
def test_of_the_host_s_sockets_only_the_app_s_are_told(
    probes: Bench, scope: EngineResources, engine: Engine, recorder: str
) -> None:
    debian = images.resolve(engine, "debian:bookworm-slim")
    options = RunOptions(cmd=("perl", "-MIO::Socket::INET", "-e", LISTENER), network="host")
    with probes.watched(scope, debian, options, recorder) as watched:
        watched.wait_for_output("listening on")
        port = int(watched.container.last_log_lines().split()[-1])
        end = time.monotonic() + 20.0
        while not watched.run.listening_ports() and time.monotonic() < end:
            watched.run.wait(1.0)
        assert watched.run.listening_ports() == (port,)
        watched.run.finish(debian.image_id, "SIGKILL", 10.0)


@recorders
def test_the_count_of_opened_files_is_complete(
    probes: Bench, scope: EngineResources, engine: Engine, recorder: str
) -> None:
    """What was opened before the question counts, even if a recorder reads of it later than the app."""
    debian = images.resolve(engine, "debian:bookworm-slim")
    licences = (
        "Apache-2.0",
        "Artistic",
        "BSD",
        "CC0-1.0",
        "GFDL-1.2",
        "GPL-1",
        "GPL-2",
        "LGPL-2",
        "MPL-1.1",
        "MPL-2.0",
    )
    with probes.watched(scope, debian, RunOptions(cmd=("sleep", "600")), recorder) as watched:
        assert watched.run.execute(("cat", "/etc/issue"), 10.0)[0] == 0
        known = watched.run.opened()
        assert watched.run.execute(("cat", "/etc/issue"), 10.0)[0] == 0
        assert watched.run.opened() == known
        for number, name in enumerate(licences, 1):
            assert watched.run.execute(("cat", f"/usr/share/common-licenses/{name}"), 10.0)[0] == 0
            assert watched.run.opened() == known + number, name
        watched.run.finish(debian.image_id, "SIGKILL", 10.0)
