"""Images at the edges of what an engine takes: files, paths, links and configurations of odd sizes; and what it refuses."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.engine.command import slimmer
from tests.engine.probe.image import SOURCES
from tests.engine.test_configurations import IMAGE, SLIM, loaded, meaning

SPARSE = 64 << 20
LEVELS = 200
LONGEST = 3900
"""Bytes of a path: the kernel takes 4,096, and the engine writes its own folder in front."""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A program that opens the files that it is given, once each."""
    path = tmp_path_factory.mktemp("touch") / "touch"
    subprocess.run(["gcc", "-static", "-O1", "-o", path, SOURCES / "touch.c"], check=True)
    return path.read_bytes()


class Layer:
    """A layer in the making."""

    def __init__(self, program: bytes) -> None:
        self._bytes = io.BytesIO()
        self._tar = tarfile.open(fileobj=self._bytes, mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115
        self.add("bin/touch", program, mode=0o755)
        self.add("srv/first", b"first\n")

    def add(self, name: str, content: bytes = b"x\n", **values: Any) -> None:
        """Add a file, or what `type` says."""
        member = tarfile.TarInfo(name)
        member.mtime = 1_234_567_890
        for key, value in values.items():
            setattr(member, key, value)
        member.size = len(content) if member.isreg() else 0
        self._tar.addfile(member, io.BytesIO(content))

    def content(self) -> bytes:
        """The whole layer."""
        self._tar.close()
        return self._bytes.getvalue()


def large_layer(program: bytes) -> bytes:
    """A large file of zeros, a path as long as they get, and a file with a name on each of 200 levels."""
    layer = Layer(program)
    layer.add("srv/sparse", bytes(SPARSE) + b"end")
    layer.add("srv/deep/" + ("d" * 200 + "/") * (LONGEST // 201) + "end")
    for level in range(1, LEVELS + 1):
        layer.add("srv/farm/" + "l/" * level + "link", type=tarfile.LNKTYPE, linkname="srv/first")
    return layer.content()


def test_zeros_long_paths_and_links_on_all_levels_are_kept_and_fill_no_disk(
    program: bytes, engine: docker.DockerClient, tmp_path: Path, leftovers: None
) -> None:
    with loaded(engine, large_layer(program), {"Cmd": ["/bin/touch", "/srv/sparse"]}):
        result = slimmer("build", IMAGE, "--no-http", "--include", "/srv/**", "--out", tmp_path / "out")
        assert result.returncode == 0, result.stderr
    rootfs = (tmp_path / "out/rootfs.tar").stat()
    assert rootfs.st_size > SPARSE
    assert rootfs.st_blocks * 512 < SPARSE // 4


WIDE: dict[str, Any] = {
    "Entrypoint": ["/bin/touch"] + ["/srv/first"] * 800,
    "Env": ["PATH=/bin", *(f"VARIABLE_{number}=value" for number in range(2000))],
    "Labels": {"large": "v" * 1_000_000},
    "Volumes": {"/srv/a": {}, "/srv/a/b": {}, **{f"/volumes/{number}": {} for number in range(20)}},
    "ExposedPorts": {f"{port}/tcp": {} for port in range(1, 2001)},
    "OnBuild": ["RUN id"] * 1000,
    "User": "2147483647:2147483647",
    "WorkingDir": "/out",
}
"""Each a tenth or less of what was tried (benchmarks/hostile.py)."""


def test_a_configuration_beyond_all_measure_survives(
    program: bytes, engine: docker.DockerClient, tmp_path: Path, leftovers: None
) -> None:
    layer = Layer(program)
    layer.add("out", type=tarfile.SYMTYPE, linkname="../../../../../../srv")
    with loaded(engine, layer.content(), WIDE):
        result = slimmer("build", IMAGE, "--no-http", "--format", "json", "--out", tmp_path / "out")
        assert result.returncode == 0, result.stderr[-2000:]
        assert json.loads(result.stdout)["builder"]["name"] == "load"
        assert meaning(engine, SLIM) == meaning(engine, IMAGE)
    assert "and 1,990 more" in result.stderr
    assert len(result.stderr) < 5000


REFUSED: dict[str, dict[str, Any]] = {
    "a VOLUME over a file": {"Volumes": {"/srv/first": {}}},
    "a USER beyond all numbers": {"User": "4294967295"},
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_configuration_that_docker_run_refuses_is_the_images_fault(
    name: str, program: bytes, engine: docker.DockerClient, tmp_path: Path, leftovers: None
) -> None:
    with loaded(engine, Layer(program).content(), {"Cmd": ["/bin/touch"], **REFUSED[name]}):
        result = slimmer("build", IMAGE, "--out", tmp_path / "out")
    assert result.returncode == 5, result.stderr
    assert "docker run" in result.stderr
    assert "slimmer doctor" not in result.stderr
    assert not (tmp_path / "out").exists()
