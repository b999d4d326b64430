"""The check of what a test leaves finds all of it, also beside other workers, and takes nothing of theirs for it."""

from __future__ import annotations

import io
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import docker
import psutil
import pytest

from slimmer.engine.labels import OWNER_LABEL, RUN_LABEL, Owner, temporary_tag, this_owner
from tests.engine import leftovers as checked
from tests.engine.leftovers import Window, is_anothers, nothing_left, state
from tests.engine.names import OWN, WORKER_VARIABLE

pytestmark = (
    pytest.mark.alone
)  # what these tests leave on purpose could be put down to others, and what others do to these

BASE = "debian:bookworm-slim"
OTHER = f"slimmer-test-{'0' * 8}-gw7"
"""How names begin of a worker that is not this one."""

Make = Callable[[docker.DockerClient], Callable[[], object]]
"""Makes something, and returns what removes it."""


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left here stays: there is no need to wait."""
    monkeypatch.setattr(checked, "REMOVAL_DEADLINE", 0.5)


def container(client: docker.DockerClient, **wanted: object) -> Callable[[], object]:
    made = client.api.create_container_from_config({"Image": BASE, **wanted}, None)["Id"]
    return lambda: client.api.remove_container(made, v=True)


def volume(client: docker.DockerClient, name: str, **labels: str) -> Callable[[], object]:
    client.api.create_volume(name, labels=labels)
    return lambda: client.api.remove_volume(name)


def network(client: docker.DockerClient, name: str) -> Callable[[], object]:
    client.api.create_network(name)
    return lambda: client.api.remove_network(name)


def tag(client: docker.DockerClient, name: str) -> Callable[[], object]:
    client.api.tag(BASE, name)
    return lambda: client.api.remove_image(name)


def nameless(client: docker.DockerClient) -> Callable[[], object]:
    """As a step of a build that fails leaves it."""
    dockerfile = io.BytesIO(f"FROM scratch\nENV A={uuid.uuid4().hex}\n".encode())
    made = client.images.build(fileobj=dockerfile, rm=True)[0].id
    return lambda: client.api.remove_image(made)


def owned(owner: Owner) -> dict[str, str]:
    return {RUN_LABEL: "0" * 12, OWNER_LABEL: str(owner)}


OURS: dict[str, Make] = {
    "a container that nothing marks": container,
    "a container of ours": lambda client: container(client, Labels=owned(this_owner())),
    "a container of a dead slimmer": lambda client: container(client, Labels=owned(replace(this_owner(), started=1))),
    "a container with an anonymous volume": lambda client: container(client, Volumes={"/data": {}}),
    "a volume": lambda client: volume(client, uuid.uuid4().hex),
    "a network": lambda client: network(client, uuid.uuid4().hex),
    "a name of ours": lambda client: tag(client, f"{OWN}-left:latest"),
    "a name that nothing marks": lambda client: tag(client, "slimmer-left:latest"),
    "a candidate of ours": lambda client: tag(client, temporary_tag("0" * 12, "candidate")),
    "an image without a name": nameless,
}


@pytest.mark.parametrize("kind", OURS)
def test_whatever_is_left_is_found(kind: str, engine: docker.DockerClient, tmp_path: Path) -> None:
    removes: list[Callable[[], object]] = []
    try:
        with pytest.raises(AssertionError, match="left behind"), nothing_left(engine, tmp_path):
            removes.append(OURS[kind](engine))
    finally:
        for remove in removes:
            remove()


def test_a_file_is_found(engine: docker.DockerClient, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="left behind: file left"), nothing_left(engine, tmp_path):
        (tmp_path / "left").touch()


def test_a_test_that_leaves_nothing_passes(engine: docker.DockerClient, tmp_path: Path) -> None:
    with nothing_left(engine, tmp_path):
        for make in OURS.values():
            make(engine)()


@contextmanager
def other_worker() -> Iterator[Owner]:
    """A process of another worker, which no process of this one started, as far as can be told."""
    command = [
        "env",
        f"{WORKER_VARIABLE}={OTHER}",
        sys.executable,
        "-c",
        "import sys; print(flush=True); sys.stdin.read()",
    ]
    starter = "import subprocess, sys; print(subprocess.Popen(sys.argv[1:], stdin=0, stdout=2).pid, flush=True)"
    with subprocess.Popen(
        [sys.executable, "-c", starter, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as other:
        assert other.stdout is not None and other.stderr is not None
        pid = int(other.stdout.read())
        other.wait()  # its child is an orphan now
        other.stderr.readline()
        started = int(psutil.Process(pid).create_time() * 100)
        yield replace(this_owner(), pid=pid, started=started)
        process = psutil.Process(pid)
        process.kill()
        process.wait(60)


def test_what_another_worker_made_is_not_ours(engine: docker.DockerClient, tmp_path: Path) -> None:
    removes = []
    try:
        with other_worker() as owner, nothing_left(engine, tmp_path):
            removes.append(container(engine, Labels=owned(owner)))
            removes.append(volume(engine, uuid.uuid4().hex, **owned(owner)))
            removes.append(tag(engine, f"{OTHER}-left:latest"))
            removes.append(tag(engine, f"slimmer.local/tmp:{'0' * 12}-{owner}-candidate"))
        with other_worker() as owner:
            pass
        assert not is_anothers([str(owner)]), "it is dead: somebody has to remove what it left"
    finally:
        for remove in removes:
            remove()


def test_the_last_test_in_whose_time_it_came_answers_for_an_image_without_a_name(
    engine: docker.DockerClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checked, "WINDOWS", tmp_path / "windows")
    (tmp_path / "windows").mkdir()
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    removes: list[Callable[[], object]] = []
    with other_worker() as owner:
        theirs = tmp_path / f"windows/{owner.pid}.json"
        try:
            theirs.write_text("[]")
            with nothing_left(engine, scratch):
                removes.append(nameless(engine))
            known = [thing.name for thing in state(engine, scratch) if thing.kind == "nameless image"]
            window = Window({})
            assert window.others_see(known[0])
            theirs.unlink()
            assert not window.others_see(known[0])
            window.close()
        finally:
            for remove in removes:
                remove()
