"""A slim image that cannot be started is a verification that failed: the original's command and user are not to blame."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import docker
import pytest

from tests.engine.command import slimmer
from tests.engine.integration_app import IMAGE, SLIM


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--exclude", "/bin/road"), "/bin/road"),
        (("--user", "app", "--exclude", "/etc/passwd"), "user app"),
    ],
    ids=["command", "user"],
)
def test_a_slim_image_that_does_not_start_is_not_tagged(
    arguments: Sequence[str],
    words: str,
    road: str,
    engine: docker.DockerClient,
    leftovers: None,
    tmp_path: Path,
) -> None:
    result = slimmer("build", IMAGE, "--tag", SLIM, "--out", tmp_path / "out", *arguments)
    assert result.returncode == 8, result.stderr
    assert "the slim image: run was good, is " in result.stderr
    assert words in result.stderr
    assert "It was not tagged" in result.stderr
    assert not engine.images.list(SLIM)
    report = json.loads((tmp_path / "out/report.json").read_text())
    assert not report["verification"]["verified"]


def test_what_a_command_said_last_is_told_but_not_kept(
    road: str, engine: docker.DockerClient, leftovers: None, tmp_path: Path
) -> None:
    """It may be a secret: a report holds none."""
    count = tmp_path / "count"
    fails_with_the_slim_image = f"echo run >> {count}; echo the word is hunter2; test $(wc -l < {count}) != 2"
    result = slimmer(
        "build", IMAGE, "--tag", SLIM, "--out", tmp_path / "out",
        "--env", "SECRET=hunter2", "--exercise", fails_with_the_slim_image,
    )  # fmt: skip
    assert result.returncode == 8, result.stderr
    assert "hunter2" in result.stderr
    assert not [path.name for path in (tmp_path / "out").iterdir() if b"hunter2" in path.read_bytes()]
