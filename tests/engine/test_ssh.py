"""An engine over ssh: a real sshd on loopback, the `ssh` program, and `docker system dial-stdio`."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import docker
import psutil
import pytest

from slimmer.engine.connection import connect
from slimmer.errors import EngineUnreachable
from tests.engine.command import built, program
from tests.engine.far_engine import SSHD, SshServer, ssh_server
from tests.engine.integration_app import SLIM
from tests.engine.soak import owned
from tests.engine.test_interrupts import running, watched
from tests.engine.test_killed import happens

pytestmark = [
    pytest.mark.skipif(
        SSHD is None or os.geteuid() != 0 or not shutil.which("docker"), reason="needs root, sshd and the docker client"
    ),
    pytest.mark.skipif("DOCKER_HOST" in os.environ, reason="the other side has the usual socket"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    with ssh_server(tmp_path_factory.mktemp("ssh")) as running_server:
        yield running_server


@pytest.fixture
def over_ssh(
    server: SshServer, leftovers: None, engine: docker.DockerClient, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SshServer]:
    """slimmer's engine is over there; at the end, no ssh is left."""
    server.configure()
    for name, value in (*server.environment.items(), ("DOCKER_HOST", server.url)):
        monkeypatch.setenv(name, value)
    yield server
    if engine.images.list(SLIM):
        engine.images.remove(SLIM, force=True)
    assert happens(lambda: not clients(server)), clients(server)


def clients(server: SshServer) -> list[str]:
    """The command lines of the tests' ssh."""
    lines = []
    for process in psutil.process_iter():
        try:
            line = process.cmdline()
        except psutil.Error:
            continue
        if str(server.folder / "ssh_config") in line:
            lines.append(" ".join(line))
    return lines


def test_an_image_is_built_and_verified_over_there(over_ssh: SshServer, road: str, tmp_path: Path) -> None:
    built(road, "--tag", SLIM, "--out", tmp_path / "out")


def test_many_connections_share_one_log_in(over_ssh: SshServer) -> None:
    engine = connect()
    masters = [line for line in clients(over_ssh) if "[mux]" in line]
    streams = [engine.api.events(decode=True) for _ in range(12)]  # sshd allows ten sessions for each log-in
    assert engine.api.ping() and not engine.local
    for stream in streams:
        stream.close()
    engine.close()
    assert len(masters) <= 1


@pytest.mark.alone  # a signal comes too late if other tests use the machine as well
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_nothing_stays_over_there(
    number: int, over_ssh: SshServer, road: str, engine: docker.DockerClient, tmp_path: Path
) -> None:
    with running(road, "--out", tmp_path / "out", "--exercise", "sleep 600") as build:
        watched(engine, build.process.pid, "observed")
        build.process.send_signal(number)
        assert build.end() == (130 if number == signal.SIGINT else -signal.SIGKILL), build.said
        assert happens(lambda: not owned(engine, build.process.pid)), owned(engine, build.process.pid)


@pytest.mark.parametrize(
    ("change", "words", "advice"),
    [
        ({"IdentityFile": "stranger"}, "Permission denied (publickey)", "log in there without a question"),
        ({"UserKnownHostsFile": "/dev/null"}, "Host key verification failed", "log in there without a question"),
    ],
)
def test_a_log_in_that_fails_is_told_in_the_words_of_ssh(
    change: dict[str, str], words: str, advice: str, over_ssh: SshServer
) -> None:
    over_ssh.configure(**{name: str(over_ssh.folder / value) for name, value in change.items()})
    result = program("doctor")
    assert result.returncode == 4
    assert words in result.stdout and advice in result.stdout, result.stdout


def test_an_engine_that_is_not_there_is_told_in_the_words_of_docker(
    over_ssh: SshServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"{over_ssh.url}/nobody/docker.sock")
    with pytest.raises(EngineUnreachable) as caught:
        connect()
    assert "/nobody/docker.sock" in caught.value.message


@pytest.mark.parametrize("path", ["/a;reboot", "/$(reboot)", "?x=y"])
def test_an_address_is_no_way_to_run_something_else(path: str, over_ssh: SshServer) -> None:
    with pytest.raises(EngineUnreachable, match="not a"):
        connect(over_ssh.url + path)


def test_without_ssh_it_says_what_is_missing(over_ssh: SshServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(EngineUnreachable, match="ssh is not installed"):
        connect()
