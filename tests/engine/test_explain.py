"""`slimmer explain` on the artifacts of a real build, where no engine can be reached."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest

from tests.engine.command import slimmer
from tests.engine.names import OWN
from tests.schemas import misfits

TAG = f"{OWN}-explain:slim"


@pytest.fixture(scope="module")
def folder(
    sample: Callable[[str], str], engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """The folder in which the Flask sample was built; the image itself is gone."""
    place = tmp_path_factory.mktemp("explain")
    arguments = ("--tag", TAG, "--include-bin", "tar", "--exclude", "/app/requirements.txt", "--policy", "observed")
    result = slimmer("build", sample("flask"), *arguments, "--no-verify", "--probe", "/", cwd=place)
    assert result.returncode == 0, result.stderr
    engine.images.remove(TAG, force=True)
    yield place


@pytest.fixture(autouse=True)
def no_engine(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")


def explained(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return slimmer("explain", f"{OWN}-explain", *arguments, cwd=folder)


def test_a_kept_path_tells_by_whom_it_is_needed_up_to_what_was_seen(folder: Path) -> None:
    result = explained(folder, "/lib/x86_64-linux-gnu/libselinux.so.1")
    assert result.returncode == 0, result.stderr
    first, link, because, root, *_ = result.stdout.splitlines()
    assert first.startswith("kept: /usr/lib/x86_64-linux-gnu/libselinux.so.1 (file, ")
    assert "deb libselinux1" in first
    assert link == "  through the link /lib -> usr/lib"
    assert because == "  because elf: needed by /usr/bin/tar"
    assert root == "    /usr/bin/tar, because chosen: --include-bin tar"


def test_an_observed_path_names_the_process(folder: Path) -> None:
    assert "observed: opened by /usr/bin/python3.11" in explained(folder, "/app/app.py").stdout


def test_a_dropped_path_names_its_package_and_what_would_keep_it(folder: Path) -> None:
    result = explained(folder, "/usr/lib/python3.11/antigravity.py")
    assert result.returncode == 0
    assert result.stdout.startswith("dropped: /usr/lib/python3.11/antigravity.py (file, ")
    for words in ("libpython3.11-stdlib", "--include /usr/lib/python3.11/antigravity.py", "--policy generous"):
        assert words in result.stdout
    assert "--include-package deb:libpython3.11-stdlib" in result.stdout


def test_an_excluded_path_names_its_pattern(folder: Path) -> None:
    assert "excluded by --exclude /app/requirements.txt" in explained(folder, "/app/requirements.txt").stdout


def test_a_path_that_does_not_exist_ends_with_3_and_near_names(folder: Path) -> None:
    result = explained(folder, "/app/templates/indx.html")
    assert (result.returncode, result.stdout) == (3, "")
    assert "the original image has no /app/templates/indx.html" in result.stderr
    assert "/app/templates/index.html" in result.stderr


def test_json_has_the_whole_chain(folder: Path) -> None:
    data = json.loads(explained(folder, "/usr/lib/x86_64-linux-gnu/libselinux.so.1", "--format", "json").stdout)
    assert misfits("explanation", data) == []
    assert (data["format"], data["version"], data["kept"]) == ("slimmer-explanation", "1.0", True)
    assert [step["path"] for step in data["chain"]] == ["/usr/lib/x86_64-linux-gnu/libselinux.so.1", "/usr/bin/tar"]
    assert [package["name"] for package in data["packages"]] == ["libselinux1"]


def test_sizes_add_up_to_what_is_kept(folder: Path) -> None:
    out = folder / "slimmer-out" / f"{OWN}-explain"
    data = json.loads(slimmer("explain", out, "--why-size", "--top", "100000", "--format", "json").stdout)
    lines = [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()[1:]]
    assert misfits("sizes", data) == []
    total = data["total"]["size"]
    assert 0 < total <= sum(line.get("size", 0) for line in lines)
    for part in ("rules", "packages", "folders", "files"):
        assert sum(share["size"] for share in data[part]) == total, part
    assert {"observed", "chosen", "elf", "licence"} <= {share["name"] for share in data["rules"]}
    assert "deb:libc6" in {share["name"] for share in data["packages"]}


def test_sizes_as_text_show_the_largest_first(folder: Path) -> None:
    lines = explained(folder, "--why-size", "--top", "3").stdout.splitlines()
    assert [line for line in lines if line.endswith(":")] == ["by rule:", "by package:", "by folder:", "by file:"]
    assert len(lines) == 1 + 4 * (1 + 3)
    assert "files  observed" in lines[2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((f"{OWN}-explain",), "explain needs a path"),
        (("never-built", "/x"), "slimmer-out/never-built/manifest.jsonl does not exist"),
        (("/", "/x"), "is not an output folder"),
        ((f"{OWN}-explain", "/x", "--format", "xml"), "--format: unknown value"),
    ],
)
def test_what_makes_no_sense_ends_with_2(folder: Path, arguments: tuple[str, ...], message: str) -> None:
    result = slimmer("explain", *arguments, cwd=folder)
    assert result.returncode == 2
    assert message in result.stderr
