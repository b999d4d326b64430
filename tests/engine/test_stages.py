"""Each stage alone: observing, joining, keeping, rebuilding, verifying; and an observation that is used again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.engine.command import slimmer
from tests.engine.integration_app import IMAGE
from tests.engine.names import LABEL, OWN
from tests.schemas import misfits

TAG = f"{OWN}-road:stages"


@pytest.fixture(autouse=True)
def nothing_stays(road: str, engine: docker.DockerClient, leftovers: None) -> Iterator[None]:
    """The images that a test tags go, too, also those that lost their name to a later one, as with `docker build`."""
    before = nameless(engine)
    yield
    with suppress(docker.errors.ImageNotFound):
        engine.images.remove(TAG, force=True)
    for image in nameless(engine) - before:
        engine.images.remove(image, force=True)


def nameless(engine: docker.DockerClient) -> set[str]:
    """IDs of images without a name that were made of this worker's image: a slim image has the labels of its original."""
    mine = {"dangling": True, "label": f"{LABEL}={OWN}"}
    return set(engine.api.images(quiet=True, filters=mine))


def done(*arguments: str | Path, code: int = 0, cwd: Path | None = None) -> tuple[str, str]:
    """Run slimmer, which must end with this code; what it printed and what it said."""
    result = slimmer(*arguments, cwd=cwd)
    assert result.returncode == code, result.stderr
    assert "Traceback" not in result.stderr
    return result.stdout, result.stderr


@pytest.fixture(scope="module")
def logs(road: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the access logs of two runs: the first was asked for /srv/first, the second for /srv/second."""
    folder = tmp_path_factory.mktemp("logs")
    for name in ("first", "second"):
        log = folder / f"{name}.json"
        assert done("observe", IMAGE, "--out", log, "--probe", f"/file/srv/{name}")[0] == f"{log}\n"
    assert {path.name for path in folder.iterdir()} == {"first.json", "second.json"}
    return folder


def changed(log: Path, copy: Path, **values: Any) -> Path:
    """A copy of an access log with other values."""
    copy.write_text(json.dumps(json.loads(log.read_text()) | values))
    return copy


def kept(out: Path) -> set[str]:
    return {json.loads(line)["path"] for line in (out / "manifest.jsonl").read_text().splitlines()[1:]}


def report(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "report.json").read_text())
    return found


def test_the_stages_one_by_one_make_an_image_that_verifies(logs: Path, tmp_path: Path) -> None:
    first, second = logs / "first.json", logs / "second.json"
    out = tmp_path / "packed"
    assert done("keep", first, second, "--out", out, "--policy", "observed", "--exclude", "/srv/page")[0] == f"{out}\n"
    assert {"/srv/first", "/srv/second"} <= kept(out)
    assert not {"/srv/page", "/srv/unseen"} & kept(out)
    assert misfits("report", report(out)) == []
    assert "because observed" in done("explain", out, "/srv/first")[0]
    assert "excluded by --exclude /srv/page" in done("explain", out, "/srv/page")[0]
    assert done("rebuild", out, "--tag", TAG)[0] == f"{TAG}\n"
    good = (out / "rootfs.tar").read_bytes()
    (out / "rootfs.tar").write_bytes(b"of somebody else")
    assert "not a tar archive" in done("rebuild", out, "--tag", TAG, code=2)[1]
    (out / "rootfs.tar").write_bytes(good[: len(good) // 2])
    done("rebuild", out, "--tag", TAG, code=9)
    assert done("verify", IMAGE, TAG, "--probe", "/file/srv/first", "--probe", "/file/srv/second")[0] == ""
    differences, said = done("verify", IMAGE, TAG, "--probe", "/file/srv/page", code=8)
    assert "status was 200, is 404" in differences
    assert "hint: " in said


def test_a_log_that_is_incomplete_is_refused(logs: Path, tmp_path: Path) -> None:
    log = changed(logs / "first.json", tmp_path / "cut.json", complete=False)
    for command in ("keep", log), ("build", IMAGE, "--access", log):
        assert "incomplete" in done(*command, "--out", tmp_path / "out", code=2)[1]
    assert not (tmp_path / "out").exists()


def test_a_build_takes_logs_from_elsewhere_with_and_without_a_run_of_its_own(logs: Path, tmp_path: Path) -> None:
    log, out = logs / "second.json", tmp_path / "out"
    _, said = done("build", IMAGE, "--tag", TAG, "--out", out, "--access", log, "--probe", "/file/srv/first")
    assert "joined with 1 access log" in said
    assert {"/srv/first", "/srv/second"} <= kept(out)
    log = changed(log, tmp_path / "tests.json", listeners=[])  # as of a run of tests
    probes = ("--probe", "/file/srv/second", "--margin", "0")
    done("build", IMAGE, "--tag", TAG, "--out", out, "--access", log, "--no-observe", *probes)
    assert "/srv/second" in kept(out)
    assert "/srv/first" not in kept(out)
    assert report(out)["observation"]["source"] == "joined"
    assert report(out)["verification"]["verified"]


def test_a_log_of_another_image_is_refused_unless_it_is_taken_over(logs: Path, tmp_path: Path) -> None:
    second, out = logs / "second.json", tmp_path / "out"
    renamed = ["open", True, "/srv/renamed", "/srv/renamed", 1, "/bin/road"]
    accesses = [*json.loads(second.read_text())["accesses"], renamed]
    log = changed(second, tmp_path / "other.json", image="sha256:" + "0" * 64, accesses=accesses)
    _, said = done("build", IMAGE, "--tag", TAG, "--out", out, "--access", log, code=2)
    assert "another image" in said
    assert "--rebase" in said
    _, said = done("build", IMAGE, "--tag", TAG, "--out", out, "--access", log, "--rebase", "--no-verify")
    assert "1 path missing in this image: /srv/renamed" in said
    assert report(out)["observation"]["moved"] == {"count": 1, "paths": ["/srv/renamed"]}
    assert "/srv/second" in kept(out)
    _, said = done("keep", log, "--out", tmp_path / "packed", "--rebase", IMAGE)
    assert "1 path missing in this image: /srv/renamed" in said


def test_an_unchanged_observation_is_used_again(tmp_path: Path) -> None:
    build = ("build", IMAGE, "--tag", TAG, "--out", tmp_path / "out", "--reuse", "--env", "TOKEN=a-secret-word")
    assert "nothing to reuse" in done(*build, "--no-verify")[1]
    before = kept(tmp_path / "out")
    assert "reusing" in done(*build)[1]
    assert (kept(tmp_path / "out"), report(tmp_path / "out")["observation"]["source"]) == (before, "reused")
    assert report(tmp_path / "out")["verification"]["verified"]
    assert "not reusing" in done(*build, "--probe", "/file/srv/first", "--no-verify")[1]
    assert "/srv/first" in kept(tmp_path / "out")
    for path in (tmp_path / "out").iterdir():
        assert b"a-secret-word" not in path.read_bytes(), path.name
