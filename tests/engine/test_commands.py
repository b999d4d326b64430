"""Several commands of one image, several runs, and other ways to run it: each is observed and verified, and told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.engine.command import slimmer
from tests.engine.integration_app import IMAGE, fetching
from tests.engine.names import OWN
from tests.schemas import misfits

TAG = f"{OWN}-road:commands"


@pytest.fixture(autouse=True)
def nothing_stays(road: str, engine: docker.DockerClient, leftovers: None) -> Iterator[None]:
    """The image that a test tags goes, too."""
    yield
    with suppress(docker.errors.ImageNotFound):
        engine.images.remove(TAG, force=True)


def build(out: Path, *arguments: str | Path, code: int = 0) -> str:
    """`slimmer build` of the road image, which must end with this code; what it said."""
    result = slimmer("build", IMAGE, "--tag", TAG, "--out", out, "--policy", "observed", *arguments)
    assert result.returncode == code, result.stderr
    assert "Traceback" not in result.stderr
    return result.stderr


def report(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "report.json").read_text())
    return found


def kept(out: Path) -> set[str]:
    return {json.loads(line)["path"] for line in (out / "manifest.jsonl").read_text().splitlines()[1:]}


def test_web_worker_and_migration_are_observed_and_verified_each(tmp_path: Path) -> None:
    commands = ("--cmd", "--page /srv/first", "--cmd", "--silent", "--cmd", "--exit 0", "--until", "1")
    build(tmp_path / "out", *commands, "--probe", "/", "--exec", "/bin/road --exit 0")
    found = report(tmp_path / "out")
    assert found["verification"]["verified"]
    exercises = [command["exercise"] for command in found["commands"]]
    assert [len(exercise["requests"]) for exercise in exercises] == [1, 0, 0]
    assert [len(exercise["commands"]) for exercise in exercises] == [1, 0, 0]
    assert [exercise["exit_code"] for exercise in exercises] == [None, None, 0]
    assert "/srv/first" in kept(tmp_path / "out")


def test_what_two_commands_use_is_kept_for_both_and_a_failure_names_its_command(tmp_path: Path) -> None:
    commands = ("--cmd", "--page /srv/first", "--cmd", "--page /srv/second --port 8081")
    build(tmp_path / "out", *commands)
    assert {"/srv/first", "/srv/second"} <= kept(tmp_path / "out")
    said = build(tmp_path / "other", *commands, "--exclude", "/srv/second", "--repair", "0", code=8)
    assert "command 2" in said
    assert "command 1" not in said.partition("error: ")[2]


def test_a_command_that_fails_is_named(tmp_path: Path) -> None:
    said = build(tmp_path / "out", "--cmd", "--exit 0", "--cmd", "--exit 3", code=5)
    assert "error: command 2: the app exited with code 3" in said


def test_requests_that_no_command_answers_are_an_error(tmp_path: Path) -> None:
    commands = ("--cmd", "--exit 0", "--cmd", "--silent", "--until", "1")
    assert "none of the 2 commands answered a request" in build(tmp_path / "out", *commands, "--probe", "/", code=6)


def test_what_was_not_in_every_run_is_told_and_kept(tmp_path: Path) -> None:
    """The first run makes a file in the folder that all runs share, and looks at another file than those after it."""
    shared = tmp_path / "shared"
    shared.mkdir()
    ask = fetching(tmp_path / "said", "/first")
    options = ("--runs", "2", "--exercise", ask, "--volume", f"{shared}:/shared", "--share-mounts", "--no-verify")
    said = build(tmp_path / "out", *options)
    assert "2 paths not used in all of the 2 runs, but kept: /srv/first, /srv/second" in said
    assert report(tmp_path / "out")["observation"]["not_in_every_run"]["paths"] == ["/srv/first", "/srv/second"]
    assert {"/srv/first", "/srv/second"} <= kept(tmp_path / "out")


def test_the_slim_image_is_seen_at_work_where_it_will_run(tmp_path: Path) -> None:
    build(tmp_path / "out", "--verify-as", "12345:0", "--verify-read-only", "--probe", "/self")
    whole = report(tmp_path / "out")
    assert misfits("report", whole) == []
    places = whole["verification"]["places"]
    assert [(place["place"], place["result"]) for place in places] == [
        ("as user 12345:0", "same"),
        ("read-only", "same"),
    ]


def test_an_original_that_fails_there_itself_is_a_warning(tmp_path: Path) -> None:
    said = build(tmp_path / "out", "--verify-read-only", "--probe", "/append/data/log")
    assert "warning: the original fails read-only, so nothing can be compared" in said
    assert [place["result"] for place in report(tmp_path / "out")["verification"]["places"]] == ["original fails"]


def test_no_user_by_name_and_no_log_without_a_run(tmp_path: Path) -> None:
    assert "--verify-as: not UID or UID:GID" in build(tmp_path / "out", "--verify-as", "nobody", code=2)
    assert "--no-observe needs an access log" in build(tmp_path / "out", "--no-observe", code=2)
