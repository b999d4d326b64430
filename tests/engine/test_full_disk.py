"""The engine's own disk is full: said in words, soon, and nothing stays there. The engine has a disk of 48 MB of its own."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from tests.engine.command import slimmer
from tests.engine.leftovers import settled, state
from tests.engine.names import OWN
from tests.engine.own_engine import POSSIBLE, engine_in_memory
from tests.engine.probe.image import Archive

DISK = 48
"""Megabytes of the engine's disk."""

LARGE = 25
"""Megabytes of a file that fits once, but not twice."""

pytestmark = pytest.mark.skipif(not POSSIBLE, reason="needs root and dockerd")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The engine's, as DOCKER_HOST takes it."""
    with engine_in_memory(DISK) as address:
        yield address


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[docker.DockerClient]:
    """That engine's client."""
    client = docker.DockerClient(address, timeout=120)
    yield client
    client.close()


@pytest.fixture(scope="module")
def image(client: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Two programs, and a file of which one copy fits."""
    folder = tmp_path_factory.mktemp("programs")
    archive = Archive()
    for name, source in (("fill", "fill.c"), ("touch", "probe/touch.c")):
        command: list[str | Path] = ["gcc", "-static", "-o", folder / name, Path(__file__).parent / "images" / source]
        subprocess.run(command, check=True)
        archive.file(f"/bin/{name}", (folder / name).read_bytes(), mode=0o755)
    archive.file("/srv/large", os.urandom(LARGE << 20))
    tag = f"{OWN}-full-disk:latest"
    client.api.import_image_from_data(archive.content(), repository=tag, changes=['CMD ["/bin/touch", "/srv/large"]'])
    return tag


@pytest.fixture(autouse=True)
def nothing_stays(
    client: docker.DockerClient, address: str, image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """The engine must hold what it held before."""
    monkeypatch.setenv("DOCKER_HOST", address)
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    before = state(client, scratch)
    yield
    assert settled(client, scratch, before) == []


def test_an_app_that_fills_the_disk_is_told_by_its_own_words(image: str, tmp_path: Path) -> None:
    result = slimmer("build", image, "--cmd", "/bin/fill", "--no-http", "--out", tmp_path / "out")
    assert result.returncode == 5
    assert "No space left on device" in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("builder", ["dockerfile", "load"])
def test_a_slim_image_that_does_not_fit_is_told_with_what_helps(image: str, builder: str, tmp_path: Path) -> None:
    result = slimmer("build", image, "--no-http", "--builder", builder, "--out", tmp_path / "out")
    assert result.returncode == 9, result.stderr
    assert "no space left on device" in result.stderr.lower()
    assert "docker system df" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_disk_that_is_full_from_the_start_is_told_with_what_helps(address: str, image: str, tmp_path: Path) -> None:
    filler = Path(address.removeprefix("unix://")).parent / "data/filler"
    try:
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                continue
        result = slimmer("build", image, "--no-http", "--out", tmp_path / "out")
    finally:
        filler.unlink()
    assert result.returncode == 4, result.stderr
    assert "docker system df" in result.stderr
    assert not (tmp_path / "out").exists()
