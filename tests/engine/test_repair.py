"""A slim image whose app looks for other files than the original's did is mended, or refused when it may not be.

What the runs share makes the app of images/road answer /first with another file in every run but the first: one that was
not seen in use.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import docker
import pytest

from tests.engine.cli_runner import address, ask, running
from tests.engine.command import slimmer
from tests.engine.names import OWN

FIRST, SECOND = "/srv/first", "/srv/second"


@pytest.fixture
def tag(engine: docker.DockerClient, leftovers: None) -> Iterator[str]:
    """A name for the slim image, which goes again."""
    name = f"{OWN}-repair:{uuid.uuid4().hex[:12]}"
    yield name
    if engine.images.list(name):
        engine.images.remove(name, force=True)


def build(road: str, tag: str, folder: Path, *options: str) -> CompletedProcess[str]:
    """`slimmer build` of the image, with a state that the runs share; artifacts go to folder/out."""
    shared = folder / "shared"
    shared.mkdir()
    sharing = ("--share-mounts", "--volume", f"{shared}:/shared", "--probe", "/first", "--margin", "0")
    return slimmer("build", road, "--tag", tag, "--out", folder / "out", *sharing, *options)


def reasons(folder: Path, path: str) -> list[dict[str, Any]]:
    lines = (json.loads(line) for line in (folder / "out/manifest.jsonl").read_text().splitlines()[1:])
    return [reason for line in lines if line.get("path") == path for reason in line["reasons"]]


def test_what_the_second_run_looks_for_is_kept_after_all(
    road: str, tag: str, engine: docker.DockerClient, tmp_path: Path
) -> None:
    result = build(road, tag, tmp_path)
    assert (result.returncode, result.stdout) == (0, f"{tag}\n"), result.stderr
    assert f"missing in the slim image, and added now: {SECOND}\n" in result.stderr
    assert [reason["rule"] for reason in reasons(tmp_path, SECOND)] == ["missed"]
    assert "/bin/road" in reasons(tmp_path, SECOND)[0]["detail"]
    assert [reason["rule"] for reason in reasons(tmp_path, FIRST)] == ["observed"]
    report = json.loads((tmp_path / "out/report.json").read_text())
    assert report["verification"]["verified"]
    with running(engine, tag) as container:
        assert ask(container, address(container), {"method": "GET", "path": "/first"}).text == "second\n"
    assert engine.images.get(tag).id == report["slim"]["id"]


def test_without_a_repair_it_is_refused_and_leaves_no_candidate(
    road: str, tag: str, engine: docker.DockerClient, tmp_path: Path
) -> None:
    before = engine.api.images(quiet=True, all=True)
    result = build(road, tag, tmp_path, "--repair", "0")
    assert (result.returncode, result.stdout) == (8, ""), result.stderr
    assert "/first" in result.stderr
    assert "404" in result.stderr
    assert "added now" not in result.stderr
    assert reasons(tmp_path, SECOND) == []
    assert not engine.images.list(tag)
    report = json.loads((tmp_path / "out/report.json").read_text())
    assert report["slim"]["id"] not in before
    with pytest.raises(docker.errors.ImageNotFound):
        engine.images.get(report["slim"]["id"])


NAMING = "cat /etc/debian_version"
"""Done by the app when no filter but the engine's lies on it: not where the probe would see it."""


def test_what_the_app_names_is_kept_though_the_probe_never_saw_it_looked_for(
    tag: str, engine: docker.DockerClient, tmp_path: Path
) -> None:
    command = json.dumps(
        ["sh", "-c", f"cat /etc/passwd; if grep -q 'Seccomp_filters:.1$' /proc/self/status; then {NAMING}; fi"]
    )
    options = ("--tag", tag, "--out", tmp_path / "out", "--cmd", command, "--margin", "0", "--no-package-data")
    result = slimmer("build", "debian:bookworm-slim", *options)
    assert result.returncode == 0, result.stderr
    assert "missing in the slim image, and added now: /etc/debian_version\n" in result.stderr
    result = slimmer("build", "debian:bookworm-slim", *options, "--repair", "0")
    assert result.returncode == 8, result.stderr
    assert "misses files that the original has: /etc/debian_version" in result.stderr
