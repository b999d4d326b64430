"""How an app ends when it is stopped: a slim image whose app ends otherwise is none that gets a name."""

from __future__ import annotations

import json
from pathlib import Path

import docker
import pytest

from tests.engine.command import slimmer
from tests.engine.names import OWN

TAG = f"{OWN}-stopped:slim"
SAVING = "/etc/debian_version"
APP = f"trap 'cat {SAVING} >/dev/null 2>&1 || exit 3; exit 0' TERM; cat /etc/passwd; while :; do sleep 0.1; done"
"""A worker that needs a file when it is stopped, and says nothing if it has it not."""


@pytest.mark.usefixtures("leftovers")
def test_a_file_that_only_the_stop_needs(engine: docker.DockerClient, tmp_path: Path) -> None:
    options = ("--tag", TAG, "--out", tmp_path / "out", "--cmd", json.dumps(["sh", "-c", APP]), "--until", "1")
    result = slimmer("build", "debian:bookworm-slim", *options, "--exclude", SAVING)
    assert result.returncode == 8, result.stderr
    assert "the app: exit code when stopped was 0, is 3\n" in result.stderr
    result = slimmer("build", "debian:bookworm-slim", *options)
    assert result.returncode == 0, result.stderr
    engine.images.remove(TAG, force=True)
