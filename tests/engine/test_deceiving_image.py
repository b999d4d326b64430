"""Images that prepare something for the probe where it used to lie: a build takes no notice, and nothing of it ever runs."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from tests.engine.command import built
from tests.engine.names import OWN

IMAGE = f"{OWN}-deceiving:latest"
SLIM = f"{OWN}-deceiving:slim"
PLANTED = b"#!/bin/road\n"
"""It cannot be run; whoever tries fails."""


def context(*lines: str) -> io.BytesIO:
    """A build context: the image of the road with a link and a program, and more instructions."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        link = tarfile.TarInfo(".slimmer")
        link.type, link.linkname = tarfile.SYMTYPE, "/foo"
        tar.addfile(link)
        program = tarfile.TarInfo("foo/slimmer-probe")
        program.mode, program.size = 0o755, len(PLANTED)
        tar.addfile(program, io.BytesIO(PLANTED))
    dockerfile = "\n".join((f"FROM {OWN}-road:latest", "ADD layer.tar /", *lines)).encode()
    files = io.BytesIO()
    with tarfile.open(fileobj=files, mode="w") as tar:
        for name, content in (("Dockerfile", dockerfile), ("layer.tar", layer.getvalue())):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    files.seek(0)
    return files


@pytest.fixture(params=["VOLUME /foo", "VOLUME /.slimmer", "USER 0"])
def deceiving(request: pytest.FixtureRequest, road: str, engine: docker.DockerClient) -> Iterator[str]:
    """The image. In the last one nothing is a volume: there the app could turn the link while it runs."""
    check = 'HEALTHCHECK --interval=1s CMD ["/bin/road", "--exit", "0"]'
    engine.images.build(fileobj=context(request.param, check), custom_context=True, tag=IMAGE, rm=True, forcerm=True)
    yield IMAGE
    for tag in (IMAGE, SLIM):
        engine.images.remove(tag, force=True)


def test_what_lies_where_the_probe_used_to_lie_is_never_run(deceiving: str, tmp_path: Path) -> None:
    built(deceiving, "--tag", SLIM, "--out", tmp_path / "out", "--exec", "/bin/road --exit 0", "--probe", "GET /first")
    log = (tmp_path / "out/access.json").read_text()
    assert "slimmer-probe" not in log.replace("(slimmer-probe)", "")
