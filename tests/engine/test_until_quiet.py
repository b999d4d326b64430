"""`--until quiet:SECONDS`: a worker that listens nowhere is watched until it has loaded everything, in the original and in the slim image."""

from __future__ import annotations

import json
from pathlib import Path

import docker
import pytest

from tests.engine.command import slimmer
from tests.engine.names import OWN

TAG = f"{OWN}-quiet:slim"
LATE = "/etc/debian_version"
WORKER = f"trap 'exit 0' TERM; cat /etc/passwd; sleep 1; cat {LATE}; while :; do sleep 0.5; done"
"""A worker that needs a file only after a while, and then does nothing new. It listens nowhere."""


@pytest.mark.usefixtures("leftovers")
def test_what_a_worker_loads_late_is_kept_and_missed_if_it_is_left_out(
    engine: docker.DockerClient, tmp_path: Path
) -> None:
    command = json.dumps(["sh", "-c", WORKER])
    options = (
        *("debian:bookworm-slim", "--tag", TAG, "--out", tmp_path / "out", "--policy", "observed", "--cmd", command),
        *("--until", "quiet:5"),
    )
    result = slimmer("build", *options)
    assert result.returncode == 0, result.stderr
    assert "never" not in result.stderr and "still opened" not in result.stderr
    kept = {json.loads(line)["path"] for line in (tmp_path / "out/manifest.jsonl").read_text().splitlines()[1:]}
    assert {LATE, "/etc/passwd"} <= kept
    engine.images.remove(TAG, force=True)
    result = slimmer("build", *options, "--exclude", LATE)
    assert result.returncode == 8, f"the slim image is not watched for as long as the original: {result.stderr}"
    assert LATE in result.stderr


@pytest.mark.parametrize(
    ("until", "words"), [("quiet", "unknown value"), ("quiet:soon", "quiet"), ("quiet:9999", "600")]
)
def test_an_end_that_makes_no_sense_is_told_before_anything_runs(until: str, words: str) -> None:
    result = slimmer("build", "no-such-image", "--until", until)
    assert result.returncode == 2, result.stderr
    assert "--until" in result.stderr and words in result.stderr and "Traceback" not in result.stderr
