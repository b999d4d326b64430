"""Ways of a C program that no run has taken: they work under `balanced`, and fail under `observed`, which is the control."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from tests.conftest import ROOT
from tests.engine.command import built
from tests.engine.names import OWN

SOURCE = Path(__file__).parent / "images/native/native.c"
IMAGE = f"{OWN}-native:latest"
ROUTES = ("service", "protocol", "latin", "cancel", "load")
DOCKERFILE = """
FROM debian:bookworm-slim
COPY native /usr/local/bin/native
COPY services protocols /etc/
ENTRYPOINT ["/usr/local/bin/native"]
"""


@pytest.fixture
def image(engine: docker.DockerClient, leftovers: None, tmp_path: Path) -> Iterator[str]:
    """The program, linked with the C library that Debian's image has, too."""
    base = [ROOT / "scripts/engine.sh", ROOT / "sample_apps/base/make-base.sh"]
    subprocess.run(base, check=True, capture_output=True, timeout=600)
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    (tmp_path / "services").write_text("domain 53/udp\n")
    (tmp_path / "protocols").write_text("ospf 89 OSPFIGP\n")
    subprocess.run(["gcc", "-O1", "-pthread", "-o", tmp_path / "native", SOURCE], check=True, timeout=120)
    engine.images.build(path=str(tmp_path), tag=IMAGE, rm=True, forcerm=True)
    yield IMAGE
    engine.images.remove(IMAGE, force=True)


def test_routes_that_no_run_took(engine: docker.DockerClient, image: str, tmp_path: Path) -> None:
    """Both images are made of one observation."""
    again = ("--no-observe", "--access", tmp_path / "balanced/access.json", "--no-verify")
    assert working(image) == set(ROUTES)
    for policy, options, expected in (("balanced", (), set(ROUTES)), ("observed", again, set())):
        tag = f"{OWN}-native:{policy}"
        plan = ("--no-http", "--until", "exit", "--policy", policy, "--tag", tag, "--out", tmp_path / policy)
        try:
            assert built(image, *plan, *options) == tag
            assert working(tag) == expected
        finally:
            engine.images.remove(tag, force=True)


def working(image: str) -> set[str]:
    return {route for route in ROUTES if answer(image, route) == "good\n"}


def answer(image: str, route: str) -> str:
    command = ["docker", "run", "--rm", "--network", "none", image, route]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout
