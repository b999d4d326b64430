"""An image whose package databases cannot be read: it is made small all the same, and the user is told which they are."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from tests.engine.command import slimmer
from tests.engine.names import OWN

IMAGE = f"{OWN}-databases:app"
STATUS, RPM = "/var/lib/dpkg/status", "/var/lib/rpm/rpmdb.sqlite"
DOCKERFILE = f"""FROM debian:bookworm-slim
RUN head -c 2000000 /dev/zero | tr '\\0' x >> {STATUS} && mkdir -p /var/lib/rpm && echo nonsense > {RPM}
CMD ["/bin/true"]
"""


@pytest.fixture(scope="module")
def client() -> Iterator[docker.DockerClient]:
    client = docker.from_env(timeout=120)
    yield client
    client.close()


@pytest.fixture(scope="module")
def image(client: docker.DockerClient) -> Iterator[str]:
    client.images.build(fileobj=io.BytesIO(DOCKERFILE.encode()), tag=IMAGE, rm=True, forcerm=True, network_mode="none")
    yield IMAGE
    client.images.remove(IMAGE, force=True)


def test_databases_that_cannot_be_read_are_named(client: docker.DockerClient, image: str, tmp_path: Path) -> None:
    result = slimmer("build", image, "--no-http", "--tag", f"{IMAGE}-slim", "--out", str(tmp_path / "out"))
    client.images.remove(f"{IMAGE}-slim", force=True)
    again = slimmer("keep", tmp_path / "out/access.json", "--out", tmp_path / "kept")
    for run in (result, again):
        assert run.returncode == 0, run.stderr
        words = " ".join(run.stderr.split())
        assert f"{STATUS} could not be read: it has a line of more than 1 MiB" in words
        assert f"{RPM} could not be read: not an rpm database" in words


def test_compare_says_that_the_packages_are_not_known(image: str) -> None:
    result = slimmer("compare", image, image, "--format", "json")
    assert result.returncode == 0, result.stderr
    assert sorted(json.loads(result.stdout)["before"]["packages"]["unread_databases"]) == [STATUS, RPM]
