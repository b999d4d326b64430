"""Ctrl-C, SIGTERM and SIGKILL in the middle: what was begun ends or is undone, and nothing stays."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
import psutil
import pytest

from tests.engine.command import begun, built, slimmer
from tests.engine.integration_app import SLIM
from tests.engine.names import OWN
from tests.engine.soak import is_watcher, owned

pytestmark = pytest.mark.alone  # a signal comes too late if other tests use the machine as well

DEADLINE = 60.0
PAUSE = 0.02
STAGES = {
    "observe": "speaks HTTP",
    "keep": "✓ observe",
    "rebuild": "✓ keep",
    "verify": "✓ rebuild",
}
"""Each stage with the words on stderr after which it runs."""


class Running:
    """A `slimmer build` that runs; its stderr is read a line at a time."""

    def __init__(self, *arguments: str | Path) -> None:
        self.process = begun("build", *arguments)
        self.said = ""
        self._heard = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def wait_for(self, words: str) -> None:
        """Return when it has said so."""
        with self._heard:
            assert self._heard.wait_for(lambda: words in self.said, DEADLINE), self.said

    def end(self) -> int:
        """Wait for its end: the exit code."""
        code = self.process.wait(DEADLINE)
        self._reader.join()
        return code

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._heard:
                self.said += line
                self._heard.notify_all()


@contextmanager
def running(*arguments: str | Path) -> Iterator[Running]:
    build = Running(*arguments)
    try:
        yield build
    finally:
        build.process.kill()
        build.end()
        assert build.process.stdout is not None
        build.process.stdout.close()
        assert build.process.stderr is not None
        build.process.stderr.close()


@pytest.mark.parametrize(
    ("stage", "number"), [*((stage, signal.SIGINT) for stage in STAGES), ("rebuild", signal.SIGTERM)]
)
def test_an_interrupt_leaves_nothing(
    stage: str, number: int, road: str, engine: docker.DockerClient, tmp_path: Path, leftovers: None
) -> None:
    with running(road, "--tag", SLIM, "--out", tmp_path / "out") as build:
        build.wait_for(STAGES[stage])
        build.process.send_signal(number)
        code = build.end()
        assert build.process.stdout is not None
        assert (code, build.process.stdout.read()) == (130, ""), build.said
    assert "interrupted" in build.said
    assert "Traceback" not in build.said
    assert not engine.images.list(SLIM)
    assert not (tmp_path / "out").exists()


def test_an_interrupt_while_nobody_listens_yet(road: str, tmp_path: Path, leftovers: None) -> None:
    """An app that never gets ready, and a user who has no patience: interrupted as soon as the app runs."""
    client = docker.from_env()
    with running(road, "--out", tmp_path / "out", "--cmd", "--silent") as build:
        watched(client, build.process.pid)
        build.process.send_signal(signal.SIGINT)
        time_of_interrupt = time.monotonic()
        assert build.end() == 130, build.said
        assert time.monotonic() - time_of_interrupt < 10
    client.close()


def test_impatience_does_not_cut_the_removal_short(road: str, tmp_path: Path, leftovers: None) -> None:
    with running(road, "--tag", SLIM, "--out", tmp_path / "out") as build:
        build.wait_for(STAGES["observe"])
        while build.process.poll() is None:
            build.process.send_signal(signal.SIGINT)
            time.sleep(PAUSE * 5)
        assert build.end() in (130, -signal.SIGINT), build.said
    assert "Traceback" not in build.said


def test_an_interrupt_while_the_slim_image_is_watched(road: str, tmp_path: Path, leftovers: None) -> None:
    client = docker.from_env()
    with running(road, "--tag", SLIM, "--out", tmp_path / "out") as build:
        watched(client, build.process.pid, "replay")
        build.process.send_signal(signal.SIGINT)
        assert build.end() == 130, build.said
    assert "Traceback" not in build.said
    client.close()


def watched(client: docker.DockerClient, pid: int, purpose: str = "observed") -> str:
    """The name of the container in which this slimmer's app runs, once it does."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        for entry in client.api.containers(filters={"label": "slimmer.run"}):
            if f"_{pid}_" in entry["Labels"]["slimmer.owner"] and f"-{purpose}" in entry["Names"][0]:
                return str(entry["Names"][0].strip("/"))
        time.sleep(PAUSE)
    raise AssertionError("no app runs")


@pytest.mark.alone  # any other slimmer would remove the rest, too
@pytest.mark.parametrize("remover", ["clean", "build"])
def test_when_its_watcher_is_killed_too_the_app_ends_and_the_next_slimmer_removes_the_rest(
    remover: str, road: str, engine: docker.DockerClient, tmp_path: Path, leftovers: None
) -> None:
    engine.volumes.create(f"{OWN}-killed")
    try:
        with running(
            road, "--out", tmp_path / "out", "--volume", f"{OWN}-killed:/data", "--until", "signal"
        ) as build:  # fmt: skip
            build.wait_for("kill -USR1")
            pid = build.process.pid
            name = watched(engine, pid)
            kill_watcher(pid)
            build.process.kill()
            build.end()
        await_end(engine, name)
        assert {name.rpartition("-")[2].partition(".")[0] for name in owned(engine, pid)} >= {"probe", "observed", "0"}
        if remover == "clean":
            assert slimmer("clean").returncode == 0
        else:
            built(road, "--tag", SLIM, "--out", tmp_path / "next")
            engine.images.remove(SLIM)
        assert owned(engine, pid) == []
    finally:
        engine.volumes.get(f"{OWN}-killed").remove(force=True)


def kill_watcher(pid: int) -> None:
    """Kill what looks after that slimmer's things: the machine may lose power, too."""
    for child in filter(is_watcher, psutil.Process(pid).children()):
        child.kill()


def await_end(engine: docker.DockerClient, name: str) -> None:
    """The app's container stops by itself; somebody else's slimmer may have removed it already."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        try:
            if not engine.api.inspect_container(name)["State"]["Running"]:
                return
        except docker.errors.NotFound:
            return
        time.sleep(PAUSE)
    raise AssertionError("the watched container runs on")
