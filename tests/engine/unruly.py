"""The image of apps that do to their network and to the probe what no app should (images/unruly): one static program FROM scratch."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker

from tests.engine.names import OWN

SOURCES = Path(__file__).parent / "images/unruly"
IMAGE = f"{OWN}-unruly:latest"
PORT = 8080
FILES = 1000
"""How many files are in /data."""


@contextmanager
def unruly_image(client: docker.DockerClient, folder: Path) -> Iterator[str]:
    """Build the image in `folder`; it is removed at the end."""
    data, page = folder / "rootfs/data", folder / "rootfs/srv/page"
    data.mkdir(parents=True)
    page.parent.mkdir()
    page.write_text("a page\n")
    for number in range(FILES):
        (data / str(number)).write_text(f"{number}\n")
    (folder / "Dockerfile").write_bytes((SOURCES / "Dockerfile").read_bytes())
    command: list[str | Path] = ["gcc", "-static", "-O1", "-pthread", "-o", folder / "unruly", SOURCES / "unruly.c"]
    subprocess.run(command, check=True)
    client.images.build(path=str(folder), tag=IMAGE, rm=True, forcerm=True)
    try:
        yield IMAGE
    finally:
        client.images.remove(IMAGE, force=True)
