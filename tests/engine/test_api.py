"""The Python API on a real engine: the examples of docs/api.md, threads, interrupts, and diagnostics."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import docker
import pytest

import slimmer
from tests.engine.command import slimmer as command_line
from tests.engine.names import OWN
from tests.unit.scan_maker import grype, grype_match

DOC = Path(__file__).parents[2] / "docs/api.md"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SOCKET = "unix:///var/run/docker.sock"
SECRET = "hunter2-is-secret"


@pytest.fixture
def myapp(sample: Callable[[str], str], engine: docker.DockerClient, leftovers: None) -> Iterator[str]:
    """A repository of the test's own that holds a sample image; all that gets a name in it is removed at the end."""
    repository = f"{OWN}-api-{uuid.uuid4().hex[:12]}"
    engine.images.get(sample("nginx")).tag(repository, "latest")
    yield repository
    for image in engine.images.list(repository):
        for tag in image.tags:
            if tag.startswith(f"{repository}:"):
                engine.images.remove(tag)


@pytest.fixture
def own_logging() -> Iterator[None]:
    """Puts levels back that an example set."""
    loggers = [logging.getLogger(name) for name in ("slimmer", "slimmer.engine")]
    before = [logger.level for logger in loggers]
    yield
    for logger, level in zip(loggers, before, strict=True):
        logger.setLevel(level)


def test_every_example_of_the_documentation_runs(
    myapp: str, engine: docker.DockerClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_logging: None
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("probes.yaml").write_text("[{path: /}]")
    asked = {"request": {"method": "GET", "url": "http://localhost:3000/"}, "response": {"status": 200}}
    Path("shop.har").write_text(json.dumps({"log": {"entries": [asked]}}))
    asking = ["dpkg-query", "--show", "--showformat", "${Version}", "login"]
    version = engine.containers.run(f"{myapp}:latest", asking, entrypoint="", remove=True, network_mode="none").decode()
    finding = grype_match("CVE-1", "login", version)  # nothing of it is kept
    original = engine.images.get(f"{myapp}:latest").id
    Path("scan.json").write_text(json.dumps(grype(finding, image=original, name=f"{myapp}:latest")))
    examples = BLOCK.findall(DOC.read_text(encoding="utf-8"))
    called = set(re.findall(r"slimmer\.([a-z_]+)\(", "".join(examples)))
    assert called >= {name for name in slimmer.__all__ if name[0].islower() and name != "find_output"} - {"__version__"}
    web = engine.containers.run(f"{myapp}:latest", detach=True)
    names: dict[str, Any] = {}
    made: set[str | None] = set()  # a later example's image takes the name of an earlier one's
    try:
        for example in examples:
            code = example.replace('"myapp:', f'"{myapp}:').replace('"web"', f'"{web.name}"')
            code = code.replace(SOCKET, os.environ.get("DOCKER_HOST", SOCKET))
            exec(compile(code, str(DOC), "exec"), names)
            made |= {image.id for image in engine.images.list(myapp)}
        named = {tag.rpartition(":")[2]: image.id for image in engine.images.list(myapp) for tag in image.tags}
    finally:
        web.remove(force=True, v=True)
        for identifier in made - {engine.images.get(f"{myapp}:latest").id}:
            engine.images.remove(identifier, force=True)
    assert names["result"].verified
    assert names["result"].tag == f"{myapp}:slim"
    assert names["result"].size < names["result"].original_size / 3
    assert all(check.ok for check in names["checks"] if check.needed)
    assert names["staging"].path == Path("staging.json")
    assert names["rebuilt"].image_id == named["rebuilt"]
    assert names["verdict"].same
    assert names["comparison"].before.config.image_id == named["latest"]
    assert names["explanation"].path == "/etc/passwd"
    assert [asked.path for asked in names["checked"].requests] == ["/"] and names["recording"].requests == 1


def test_builds_in_two_threads_do_not_disturb_each_other(
    road: str, engine: docker.DockerClient, tmp_path: Path, capfd: pytest.CaptureFixture[str], leftovers: None
) -> None:
    """Nothing is printed, and no signal is handled differently afterwards."""
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)]
    events: list[list[slimmer.Event]] = [[], []]
    tags = [f"{OWN}-api:{uuid.uuid4().hex[:12]}" for _ in events]

    def build(number: int) -> slimmer.BuildResult:
        return slimmer.build(road, tag=tags[number], out=tmp_path / str(number), on_event=events[number].append)

    try:
        with ThreadPoolExecutor(2) as pool:
            results = list(pool.map(build, range(2)))
        assert [result.tag for result in results] == tags
        assert [engine.images.get(tag).id for tag in tags] == [result.image_id for result in results]
    finally:
        for tag in tags:
            engine.images.remove(tag, force=True)
    assert [(tmp_path / str(number) / "report.json").is_file() for number in range(2)] == [True, True]
    for told in events:
        stages = [event.name for event in told if isinstance(event, slimmer.StageEnded)]
        assert stages == ["start", "observe", "keep", "rebuild", "verify", "write", "finish"]
    assert [
        signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)
    ] == handlers
    assert capfd.readouterr() == ("", "")


INTERRUPTED = """
import os, signal, sys, threading
import slimmer

def interrupt(event):
    if event == slimmer.StageStarted(sys.argv[2]):
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()

try:
    slimmer.build(sys.argv[1], tag=sys.argv[4], out=sys.argv[3], on_event=interrupt)
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.parametrize("stage", ["observe", "verify"])
def test_an_interrupt_of_a_call_leaves_nothing(stage: str, road: str, tmp_path: Path, leftovers: None) -> None:
    """Python's own KeyboardInterrupt: the library installs no handler."""
    command = [sys.executable, "-c", INTERRUPTED, road, stage, str(tmp_path / "out"), f"{OWN}-api:interrupted"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (result.stdout, result.stderr) == ("interrupted\n", "")
    assert not (tmp_path / "out").exists()


def test_what_a_callback_raises_ends_the_build(road: str, tmp_path: Path, leftovers: None) -> None:
    def refuse(event: slimmer.Event) -> None:
        if isinstance(event, slimmer.StageEnded) and event.name == "keep":
            raise LookupError("enough")

    with pytest.raises(LookupError, match="enough"):
        slimmer.build(road, out=tmp_path / "out", on_event=refuse)
    assert not (tmp_path / "out").exists()


def test_diagnostics_go_to_stderr_and_hold_no_secret(
    road: str, engine: docker.DockerClient, tmp_path: Path, leftovers: None
) -> None:
    tag = f"{OWN}-api:{uuid.uuid4().hex[:12]}"
    probes = tmp_path / "probes.json"
    request = {"method": "POST", "path": "/", "headers": {"X-Token": SECRET}, "body": SECRET}
    probes.write_text(json.dumps([{"path": "/"}, request]))
    options = ("--env", f"TOKEN={SECRET}", "--probe-file", probes, "--tag", tag, "--out", tmp_path / "out")
    result = command_line("-vv", "build", road, *options, "--format", "json")
    assert result.returncode == 0, result.stderr
    try:
        assert json.loads(result.stdout)["slim"]["tag"] == tag
    finally:
        engine.images.remove(tag, force=True)
    for words in (
        "engine: ",
        "recorder notify",
        "create slimmer-",
        "stage observe: ",
        "reasons by rule: ",
        "builder dockerfile",
        "observed: GET :",
        "observed: POST :",
    ):
        assert words in result.stderr, words
    assert SECRET not in result.stderr
