"""The image for tests of the whole road: one static HTTP server FROM scratch (images/integration_app), so that a build takes seconds."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker

from tests.engine.names import LABEL, OWN

SOURCES = Path(__file__).parent / "images/integration_app"
FETCH = Path(__file__).parent / "fetch.py"
IMAGE = f"{OWN}-road:latest"
SLIM = f"{OWN}-road:slim"
PORT = 8080
UNSEEN = 2 << 20
"""Bytes of a file that nobody looks at."""

FILES = {
    "etc/passwd": "root:x:0:0::/:\napp:x:1000:1001::/home/app:\n",
    "etc/group": "root:x:0:\napp:x:1001:\nfriends:x:2002:app\n",
    "home/app/.note": "home\n",
    "srv/first": "first\n",
    "srv/second": "second\n",
    "srv/page": "a page\n",
    "data/seed": "a seed\n",
    "data/log": "line\nline\nline\n",
    "work/file": "of the working directory\n",
}


@contextmanager
def road_image(client: docker.DockerClient, folder: Path) -> Iterator[str]:
    """Build the image in `folder`; it is removed at the end."""
    context = folder / "context"
    for name, content in FILES.items():
        path = context / "rootfs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    (context / "rootfs/srv/unseen").write_bytes(bytes(UNSEEN))
    (context / "Dockerfile").write_bytes((SOURCES / "Dockerfile").read_bytes())
    compile_road(context / "road")
    client.images.build(path=str(context), tag=IMAGE, rm=True, forcerm=True, labels={LABEL: OWN})
    try:
        yield IMAGE
    finally:
        client.images.remove(IMAGE, force=True)


def compile_road(target: Path) -> None:
    """The server as a static program."""
    command: list[str | Path] = ["gcc", "-static", "-O1", "-o", target, SOURCES / "road.c"]
    subprocess.run(command, check=True)


def fetching(file: Path, *paths: str) -> str:
    """A host command for --exercise that adds the app's answers to `file`, a JSON object a run (see fetch.py)."""
    return shlex.join([sys.executable, str(FETCH), str(file), *paths])
