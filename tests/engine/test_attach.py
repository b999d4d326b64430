"""`slimmer observe --attach`: a user's running container is watched, nothing is done to it, and what was seen is of use."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.models.containers import Container

from tests.engine import cli_runner
from tests.engine.command import begun, slimmer
from tests.engine.integration_app import IMAGE
from tests.engine.names import OWN

DEADLINE = 60.0


class Watching:
    """A `slimmer observe --attach` that has begun to watch; its stderr is read to the end."""

    def __init__(self, container: Container, out: Path, *options: str) -> None:
        self.process = begun("observe", "--attach", str(container.name), "--out", out, *options)
        self.said = ""
        self._began = threading.Event()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        if not self._began.wait(DEADLINE) or "watching" not in self.said:
            self.end()
            raise AssertionError(self.said)

    def end(self, number: int = signal.SIGKILL) -> tuple[int, str]:
        """Send a signal (0: none) and wait for the end: the exit code, and what was printed."""
        if number:
            self.process.send_signal(number)
        assert self.process.stdout is not None
        with self.process.stdout:
            printed = self.process.stdout.read()
        self._reader.join()
        return self.process.wait(DEADLINE), printed

    def _read(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr:
            for line in self.process.stderr:
                self.said += line
                if "watching" in line:
                    self._began.set()
        self._began.set()


@contextmanager
def watching(container: Container, out: Path, *options: str) -> Iterator[Watching]:
    watch = Watching(container, out, *options)
    try:
        yield watch
    finally:
        if watch.process.poll() is None:
            watch.end()


@pytest.fixture
def web(road: str, engine: docker.DockerClient, leftovers: None) -> Iterator[Container]:
    """A user's container that serves, and has answered."""
    with cli_runner.running(engine, road, command=["--page", "/srv/page"]) as container:
        get(container, "/file/srv/first")
        yield container


def get(container: Container, path: str) -> str:
    request = {"method": "GET", "path": path}
    return cli_runner.ask(container, cli_runner.address(container), request).text


def log_of(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def opened(path: Path) -> set[str]:
    """The paths in a log."""
    return {asked for _, found, asked, *_ in log_of(path)["accesses"] if found}


def condition(container: Container) -> dict[str, Any]:
    """All that the engine and the app itself tell of a container."""
    container.reload()
    assert container.status == "running"
    return {
        "inspect": container.attrs,
        "changes": container.diff(),
        "self": get(container, "/self"),
        "processes": container.top(ps_args="-o pid,ppid,args"),
    }


def test_what_is_opened_meanwhile_is_in_the_log_and_what_was_before_is_not(web: Container, tmp_path: Path) -> None:
    log = tmp_path / "log.json"
    before = condition(web)
    with watching(web, log) as watch:
        assert "Ctrl-C" in watch.said
        assert get(web, "/file/srv/second") == "second\n"
        assert watch.end(signal.SIGINT) == (0, f"{log}\n")
    assert condition(web) == before
    assert {"/srv/second", "/bin/road"} <= opened(log)
    assert "/srv/first" not in opened(log)
    assert "Traceback" not in watch.said


def test_a_log_says_what_it_is_and_what_it_lacks(web: Container, engine: docker.DockerClient, tmp_path: Path) -> None:
    with watching(web, tmp_path / "out", "--until", "0.1") as watch:
        assert watch.end(0) == (0, f"{tmp_path}/out/access.json\n")
    log = log_of(tmp_path / "out/access.json")
    assert log["image"] == engine.images.get(IMAGE).id
    assert log["complete"]
    assert {"address": "0.0.0.0", "port": 8080, "protocol": "tcp"} in log["listeners"]
    reasons = {entry["name"]: (entry["active"], entry["reason"]) for entry in log["recorders"]}
    assert [active for active, _ in reasons.values()] == [False, False, True, True]
    assert all("attached" in reason for _, reason in reasons.values())
    assert "the log lacks files that were read and closed before" in watch.said
    assert "--access" in watch.said
    assert not {path for path in opened(tmp_path / "out/access.json") if "slimmer" in path or path.startswith("/proc")}


def test_a_watch_ends_when_the_container_opens_nothing_new(web: Container, tmp_path: Path) -> None:
    with watching(web, tmp_path / "log.json", "--until", "quiet:3") as watch:
        get(web, "/file/srv/second")
        assert watch.end(0)[0] == 0, watch.said
    assert "nothing new for 3 s, at most 600 s" in watch.said
    assert "/srv/second" in opened(tmp_path / "log.json")
    assert get(web, "/") == "a page\n"


def test_two_may_watch_one_container(web: Container, tmp_path: Path) -> None:
    logs = [tmp_path / "first.json", tmp_path / "second.json"]
    with watching(web, logs[0]) as first, watching(web, logs[1]) as second:
        get(web, "/file/srv/second")
        assert [watch.end(signal.SIGINT)[0] for watch in (first, second)] == [0, 0]
    assert all("/srv/second" in opened(log) for log in logs)
    assert not {path for log in logs for path in opened(log) if "slimmer" in path}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1])
def test_signals_end_the_watch_and_not_the_log(web: Container, tmp_path: Path, number: int) -> None:
    with watching(web, tmp_path / "log.json", *(("--until", "signal") if number == signal.SIGUSR1 else ())) as watch:
        get(web, "/file/srv/second")
        assert watch.end(number)[0] == 0, watch.said
    assert "/srv/second" in opened(tmp_path / "log.json")
    assert get(web, "/") == "a page\n"


def test_the_container_s_end_is_the_watch_s_end_and_nothing_before_it_is_lost(web: Container, tmp_path: Path) -> None:
    with watching(web, tmp_path / "log.json") as watch:
        for path in ("/file/srv/first", "/file/data/seed", "/file/srv/second"):
            get(web, path)
        web.kill()
        assert watch.end(0)[0] == 0, watch.said
    assert {"/srv/first", "/data/seed", "/srv/second"} <= opened(tmp_path / "log.json")
    assert log_of(tmp_path / "log.json")["complete"]
    assert "has ended" in watch.said


def test_a_slimmer_that_is_killed_leaves_the_container_alone(
    web: Container, engine: docker.DockerClient, tmp_path: Path
) -> None:
    before = condition(web)
    with watching(web, tmp_path / "log.json") as watch:
        watcher = helper(engine, watch.process.pid)
        watch.end(signal.SIGKILL)
        assert watcher.wait(timeout=DEADLINE)["StatusCode"] == 0
    assert condition(web) == before
    assert not (tmp_path / "log.json").exists()
    assert slimmer("clean").returncode == 0


def helper(engine: docker.DockerClient, pid: int) -> Container:
    """The container from which that slimmer watches."""
    for container in engine.containers.list(filters={"label": "slimmer.run"}, ignore_removed=True):
        if f"_{pid}_" in container.labels["slimmer.owner"] and container.name.endswith("-attached"):
            return container
    raise AssertionError("nobody watches")


def test_the_watcher_has_no_more_rights_than_it_needs(
    web: Container, engine: docker.DockerClient, tmp_path: Path
) -> None:
    with watching(web, tmp_path / "log.json") as watch:
        host = helper(engine, watch.process.pid).attrs["HostConfig"]
        watch.end(signal.SIGINT)
    assert not host["Privileged"]
    assert (host["CapDrop"], host["NetworkMode"]) == (["ALL"], "none")
    assert host["CapAdd"] == ["DAC_READ_SEARCH", "SYS_ADMIN", "SYS_PTRACE"]
    assert not host["Binds"]


def test_a_log_of_a_running_container_joins_a_build(
    web: Container, engine: docker.DockerClient, tmp_path: Path
) -> None:
    log, tag = tmp_path / "staging.json", f"{OWN}-road:attached"
    with watching(web, log) as watch:
        get(web, "/file/srv/second")
        assert watch.end(signal.SIGINT)[0] == 0
    build = slimmer("build", IMAGE, "--access", log, "--tag", tag, "--out", tmp_path / "out", "--policy", "observed")
    assert build.returncode == 0, build.stderr
    try:
        with cli_runner.running(engine, tag) as slim:
            assert get(slim, "/file/srv/second") == "second\n"
            assert "No such file" in get(slim, "/file/srv/first")
    finally:
        engine.images.remove(tag, force=True)


# ---------------------------------------------------------------------- what cannot be


def test_settings_for_running_an_image_do_no_harm(web: Container, tmp_path: Path) -> None:
    (tmp_path / "slimmer.toml").write_text('probe = ["GET /"]\nenv = ["A=b"]\nuntil = 0.1\n')
    result = slimmer("observe", "--attach", str(web.name), cwd=tmp_path)
    assert (result.returncode, result.stdout) == (0, "access.json\n"), result.stderr


@pytest.mark.parametrize("name", ["slimmer-no-such-container", "../images/json"])
def test_a_container_that_is_not_there_is_no_target(name: str) -> None:
    result = slimmer("observe", "--attach", name)
    assert result.returncode == 3
    assert f"no such container: {name}" in result.stderr


def test_a_container_must_run(web: Container, tmp_path: Path) -> None:
    web.pause()
    result = slimmer("observe", "--attach", str(web.name), "--out", tmp_path / "log.json")
    assert (result.returncode, "docker unpause" in result.stderr) == (3, True), result.stderr
    web.unpause()
    web.kill()
    web.wait()
    result = slimmer("observe", "--attach", str(web.id)[:12], "--out", tmp_path / "log.json")
    assert (result.returncode, "exited" in result.stderr) == (3, True), result.stderr
    assert not (tmp_path / "log.json").exists()


def test_slimmer_s_own_containers_are_not_for_it(web: Container, engine: docker.DockerClient, tmp_path: Path) -> None:
    with watching(web, tmp_path / "log.json") as watch:
        result = slimmer("observe", "--attach", str(helper(engine, watch.process.pid).name))
        watch.end(signal.SIGINT)
    assert (result.returncode, "slimmer itself made" in result.stderr) == (2, True), result.stderr
