"""Servers that do not speak HTTP are exercised without options: slimmer speaks their protocol."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest

from tests.engine.command import slimmer
from tests.engine.names import OWN


@pytest.fixture
def tag(engine: docker.DockerClient, leftovers: None) -> Iterator[str]:
    """A name for the slim image, which goes again."""
    name = f"{OWN}-spoken:{uuid.uuid4().hex[:12]}"
    yield name
    if engine.images.list(name):
        engine.images.remove(name, force=True)


def test_redis_needs_no_options(sample: Callable[[str], str], tag: str, tmp_path: Path) -> None:
    result = slimmer("build", sample("redis"), "--tag", tag, "--out", tmp_path / "out", "--policy", "observed")
    assert result.returncode == 0, result.stderr
    assert "spoke Redis on 6379: 6 of 6 steps" in result.stderr
    assert "only the start of the app was observed" not in result.stderr
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["verification"]["verified"]
    steps = [(row["method"], row["path"], row["problem"]) for row in report["exercise"]["requests"]]
    assert steps == [("REDIS", s, "") for s in ("connect", "authenticate", "list", "write", "read", "remove")]
