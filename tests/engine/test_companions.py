"""Companions of an app (`--with`): a database or a cache that it reaches by name, fresh in each run, and gone at its end."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from slimmer.engine.connection import connect
from slimmer.engine.options import RunOptions
from slimmer.probe_binary import probe_path
from slimmer.runs.beside import NO_IMAGES
from slimmer.runs.companions import with_companions
from tests.engine.command import built, slimmer
from tests.engine.names import LABEL, OWN
from tests.engine.prompt import PromptResources
from tests.engine.soak import owned
from tests.engine.test_interrupts import running, watched
from tests.engine.test_killed import happens

BASE = "debian:bookworm-slim"
IMAGE, SLIM, BARE = f"{OWN}-visits:latest", f"{OWN}-visits:slim", f"{OWN}-bare-redis:latest"

APP = r"""
use strict; use IO::Socket::INET;
my $store = IO::Socket::INET->new(PeerHost => "cache", PeerPort => 6379) or die "no cache to count in: $@\n";
my $listener = IO::Socket::INET->new(LocalPort => 8080, Listen => 5, ReuseAddr => 1) or die $!;
$SIG{TERM} = sub { exit 0 };
while (1) {
    my $client = $listener->accept or next;
    my $request = <$client> // next;
    print $store "INCR visits\r\n";
    my ($count) = (<$store> // die "the cache is gone\n") =~ /(\d+)/;
    my $text = "visit $count\n";
    printf $client "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s", length $text, $text;
    close $client;
}
"""
"""Counts its visits in Redis, at the name `cache`. It cannot start without it."""

GIVES_UP = r"""
use IO::Socket::INET; $| = 1;
my $listener = IO::Socket::INET->new(LocalPort => 6379, Listen => 5) or die $!;
while (1) { my $c = $listener->accept or next; my $line = <$c> // next; print "out of memory\n"; exit 4 }
"""
"""Listens as Redis does, and fails when it is first asked for something."""

pytestmark = pytest.mark.usefixtures("nothing_stays")


@pytest.fixture(scope="module")
def redis(sample: Callable[[str], str]) -> str:
    return sample("redis")


@pytest.fixture(scope="module")
def app(engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The image of the app above."""
    folder = tmp_path_factory.mktemp("visits")
    (folder / "app.pl").write_text(APP)
    dockerfile = f'FROM {BASE}\nCOPY app.pl /srv/app.pl\nEXPOSE 8080\nCMD ["perl", "/srv/app.pl"]\n'
    (folder / "Dockerfile").write_text(dockerfile)
    engine.images.build(path=str(folder), tag=IMAGE, rm=True, forcerm=True, labels={LABEL: OWN})
    yield IMAGE
    engine.images.remove(IMAGE, force=True)


@pytest.fixture(scope="module")
def bare_redis(engine: docker.DockerClient, redis: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Redis without a HEALTHCHECK, which EXPOSEs a port that it does not use, too."""
    folder = tmp_path_factory.mktemp("redis")
    (folder / "Dockerfile").write_text(f"FROM {redis}\nHEALTHCHECK NONE\nEXPOSE 6380\n")
    engine.images.build(path=str(folder), tag=BARE, rm=True, forcerm=True, labels={LABEL: OWN})
    yield BARE
    engine.images.remove(BARE, force=True)


@pytest.fixture
def nothing_stays(app: str, bare_redis: str, engine: docker.DockerClient, leftovers: None) -> Iterator[None]:
    """The slim image is removed; nothing else may be left."""
    yield
    if engine.images.list(SLIM):
        engine.images.remove(SLIM, force=True)


def report_of(folder: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads((folder / "out/report.json").read_text())
    return report


def test_an_app_with_a_cache_is_slimmed_by_one_command(app: str, redis: str, tmp_path: Path) -> None:
    """Each run counts from 1, as its cache is new: so the answers of the original and of the slim image are the same."""
    tests = f"{redis} sh -c 'test $(redis-cli -h cache get visits) = 2'"
    options = ("--with", f"cache={redis}", "--probe", "/", "--probe", "/again", "--exercise-image", tests)
    assert built(app, "--tag", SLIM, "--out", tmp_path / "out", *options) == SLIM
    report = report_of(tmp_path)
    assert report["verification"]["verified"] and not report["verification"]["by_shape"]
    assert [answer["status"] for answer in report["exercise"]["requests"]] == [200, 200]
    assert not any("redis" in line for line in (tmp_path / "out/manifest.jsonl").read_text().splitlines()[1:])


def test_without_its_cache_it_fails_with_its_own_error(app: str, tmp_path: Path) -> None:
    result = slimmer("build", app, "--out", tmp_path / "out")
    assert result.returncode == 5
    assert "no cache to count in" in result.stderr


def test_a_companion_without_a_healthcheck_is_ready_when_its_ports_are_open(app: str, bare_redis: str) -> None:
    result = slimmer("verify", app, app, "--with", f"cache={bare_redis}")
    assert result.returncode == 0, result.stderr


def test_a_companion_has_its_own_command_and_variables(
    app: str, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASES", "hunter2")
    server = "exec redis-server --bind 0.0.0.0 --protected-mode no --port $PORT --logfile /dev/null"
    command = f"cache={redis} sh -c 'test $DATABASES = hunter2 && {server}'"
    options = ("--with", command, "--with-env", "cache:PORT=6379", "--with-env", "cache:DATABASES")
    built(app, "--tag", SLIM, "--out", tmp_path / "out", *options)
    assert not [path.name for path in (tmp_path / "out").iterdir() if b"hunter2" in path.read_bytes()]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("sh -c 'echo bad settings; exit 3'", ("exited with code 3 before it was ready", "bad settings")),
        ("sh -c 'echo idle; exec sleep 600'", ("was not ready within 3 s: its HEALTHCHECK reports", "idle")),
        ("no-such-program", ("no-such-program",)),
    ],
)
def test_a_companion_that_does_not_get_ready_is_told(
    command: str, words: tuple[str, ...], app: str, redis: str, tmp_path: Path
) -> None:
    options = ("--with", f"cache={redis} {command}", "--ready-timeout", "3")
    result = slimmer("build", app, "--out", tmp_path / "out", *options)
    assert result.returncode == 5, result.stderr
    assert f"the companion cache ({redis})" in result.stderr
    assert all(each in result.stderr for each in words), result.stderr
    assert "no cache to count in" not in result.stderr


def test_a_companion_that_ends_before_its_ports_are_open_is_told(app: str, bare_redis: str, tmp_path: Path) -> None:
    options = ("--with", f"cache={bare_redis} sh -c 'echo bad settings; exit 3'")
    result = slimmer("build", app, "--out", tmp_path / "out", *options)
    assert result.returncode == 5, result.stderr
    assert "exited with code 3 before it was ready" in result.stderr and "bad settings" in result.stderr


def test_ports_that_never_open_are_named(app: str, bare_redis: str, tmp_path: Path) -> None:
    options = ("--with", f"cache={bare_redis} sleep 600", "--ready-timeout", "2")
    result = slimmer("build", app, "--out", tmp_path / "out", *options)
    assert result.returncode == 5
    assert "(6379, 6380), none accepts connections" in result.stderr


def test_a_companion_that_fails_is_blamed_and_not_the_app(app: str, bare_redis: str, tmp_path: Path) -> None:
    (tmp_path / "companion.pl").write_text(GIVES_UP)
    script = " ".join(GIVES_UP.split())
    options = ("--with", json.dumps(["perl", "-e", script]).replace("[", f'cache=["{bare_redis}", ', 1))
    result = slimmer("build", app, "--out", tmp_path / "out", *options)
    assert result.returncode == 5
    assert f"the companion cache ({bare_redis}) ended with code 4 while the app ran" in result.stderr, result.stderr
    assert "out of memory" in result.stderr


def test_an_image_that_is_not_there_is_told(app: str, tmp_path: Path) -> None:
    result = slimmer("build", app, "--out", tmp_path / "out", "--with", f"cache={OWN}-none")
    assert result.returncode == 3
    assert f"--with: no such image: {OWN}-none" in result.stderr


def test_without_companions_there_is_no_network() -> None:
    engine = connect()
    with PromptResources(engine) as scope:
        probe, options = probe_path(engine.architecture), RunOptions()
        before = {entry["Name"] for entry in engine.api.networks() if scope.run in entry["Name"]}
        with with_companions(scope, options, NO_IMAGES, probe, "x") as given:
            assert given is options
            assert {entry["Name"] for entry in engine.api.networks() if scope.run in entry["Name"]} == before == set()
    engine.close()


@pytest.mark.alone  # a signal comes too late if other tests use the machine as well
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize(("command", "purpose"), [("sleep 600", "with.cache"), ("", "observed")])
def test_companions_and_their_network_end_with_slimmer(
    number: int, command: str, purpose: str, app: str, redis: str, engine: docker.DockerClient, tmp_path: Path
) -> None:
    """Also while one of them is not ready yet, and the app does not run."""
    options = ("--with", f"cache={redis} {command}", "--until", "signal")
    with running(app, "--out", tmp_path / "out", *options) as build:
        watched(engine, build.process.pid, purpose)
        assert any("network" in name for name in owned(engine, build.process.pid))
        build.process.send_signal(number)
        assert build.end() == (130 if number == signal.SIGINT else -signal.SIGKILL), build.said
        assert happens(lambda: not owned(engine, build.process.pid)), owned(engine, build.process.pid)
