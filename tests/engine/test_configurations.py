"""Images with configurations that are easily lost on the way, made by hand as docker-archives, since no Dockerfile makes them.

Each is built by slimmer as a user would, and judged by `docker inspect`, by `docker export` and by what the app says.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.engine import cli_runner
from tests.engine.command import slimmer
from tests.engine.export import export
from tests.engine.integration_app import PORT, compile_road
from tests.engine.names import OWN
from tests.engine.origin import configuration

IMAGE = f"{OWN}-configured:latest"
SLIM = f"{OWN}-configured:slim"
ACL = b"\x02\x00\x00\x00" + b"".join(
    tag.to_bytes(2, "little") + mode.to_bytes(2, "little") + who.to_bytes(4, "little", signed=True)
    for tag, mode, who in ((1, 6, -1), (2, 4, 77), (4, 4, -1), (16, 4, -1), (32, 0, -1))
)
"""user::rw-,user:77:r--,group::r--,mask::r--,other::--- (linux/posix_acl_xattr.h)."""

PLAIN = {"Cmd": ["/bin/road"]}
CONFIGURATIONS: dict[str, tuple[dict[str, Any], str]] = {
    "an empty ENTRYPOINT": ({"Entrypoint": [], "Cmd": ["/bin/road"]}, "load"),
    "no PATH, no CMD, no ports, a label of nothing": ({"Entrypoint": ["/bin/road"], "Labels": {"empty": "", "a b": "$x\\"}}, "dockerfile"),
    "a numeric user without passwd": ({**PLAIN, "User": "4242:4343"}, "dockerfile"),
    "a WORKDIR that the engine makes": ({**PLAIN, "WorkingDir": "/made/by the/engine"}, "load"),
    "an ENV with a newline": ({**PLAIN, "Env": ["PATH=/bin", "TEXT=one\ntwo", "QUOTED='\"\\$HOME"]}, "load"),
    "what a terminal obeys and a builder swallows": (
        {
            **PLAIN, "User": "4242", "Env": ["PATH=/bin", "TEXT=\x1b[31m\u202e", "QUOTED=<<EOF\\"],
            "Labels": {"\x1b]0;title\x07": "\x85USER 0", "trail\\": "trail\\"}, "OnBuild": ["RUN <<EOF", "USER 0", "EOF"],
        },
        "load",
    ),
    "a StopTimeout": ({**PLAIN, "StopTimeout": 3, "StopSignal": "SIGTERM"}, "load"),
}  # fmt: skip


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("road") / "road"
    compile_road(path)
    return path.read_bytes()


def layer(program: bytes, *, noted: bool, whiteouts: tuple[str, ...] = ()) -> bytes:
    """The files: the server, what it is asked for, what nobody looks at, and marks that something below is gone."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content, mode in (
            ("bin/road", program, 0o755),
            ("srv/page", b"a page\n", 0o640),
            ("srv/unseen", b"", 0o644),
        ):
            member = tarfile.TarInfo(name)
            member.size, member.mode, member.mtime, member.uid = len(content), mode, 1_234_567_890, 4242
            if noted and name == "srv/page":
                escaped = os.fsdecode(ACL)
                member.pax_headers = {
                    "SCHILY.xattr.user.note": "noted",
                    "SCHILY.xattr.system.posix_acl_access": escaped,
                }
            tar.addfile(member, io.BytesIO(content))
        for name in whiteouts:
            tar.addfile(tarfile.TarInfo(name))
    return file.getvalue()


@contextmanager
def loaded(engine: docker.DockerClient, content: bytes, config: dict[str, Any]) -> Iterator[str]:
    """An image of one layer with that configuration, under IMAGE; it and its slim twin are removed at the end."""
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    description = {
        "architecture": engine.version()["Arch"], "os": "linux", "created": "2020-02-02T02:02:02Z", "config": config,
        "rootfs": {"type": "layers", "diff_ids": [digest]},
    }  # fmt: skip
    manifest = [{"Config": "config.json", "RepoTags": [IMAGE], "Layers": ["layer.tar"]}]
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, data in (
            ("config.json", json.dumps(description).encode()),
            ("manifest.json", json.dumps(manifest).encode()),
            ("layer.tar", content),
        ):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    engine.images.load(archive.getvalue())
    try:
        yield IMAGE
    finally:
        engine.images.remove(IMAGE, force=True)
        if engine.images.list(SLIM):
            engine.images.remove(SLIM, force=True)


def answers(engine: docker.DockerClient, image: str, *paths: str) -> list[str]:
    with cli_runner.running(engine, image, hostname="here") as container:
        container.reload()
        url = f"http://{container.attrs['NetworkSettings']['IPAddress']}:{PORT}"
        return [cli_runner.ask(container, url, {"method": "GET", "path": path}).text for path in paths]


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_a_configuration_survives(
    name: str, program: bytes, engine: docker.DockerClient, tmp_path: Path, leftovers: None
) -> None:
    config, builder = CONFIGURATIONS[name]
    with loaded(engine, layer(program, noted=False), config):
        result = slimmer("build", IMAGE, "--format", "json", "--out", tmp_path / "out")
        assert result.returncode == 0, result.stderr
        assert json.loads(result.stdout)["builder"]["name"] == builder
        text = (tmp_path / "out/Dockerfile").read_text(encoding="utf-8")
        assert ("does not give the slim image again" in text) == (builder == "load")
        assert not set(text) & set("\x1b\x07\x85\u202e")
        before, after = (meaning(engine, image) for image in (IMAGE, SLIM))
        if builder == "dockerfile":  # which adds a PATH of its own to an image that has none
            after["Env"] = [entry for entry in after["Env"] if entry in before["Env"] or not entry.startswith("PATH=")]
        assert after == before
        first, second = (answers(engine, image, "/self", "/env/TEXT", "/env/QUOTED") for image in (IMAGE, SLIM))
        assert second == first


def meaning(engine: docker.DockerClient, image: str) -> dict[str, Any]:
    """What the configuration says, in one way of writing nothing."""
    inspected = engine.api.inspect_image(image)
    keys = (
        "Entrypoint", "Cmd", "Env", "User", "WorkingDir", "ExposedPorts", "Volumes", "Labels", "StopSignal", "StopTimeout",
        "Shell", "Healthcheck", "OnBuild",
    )  # fmt: skip
    config = {key: value or None for key, value in configuration(inspected, keys).items()}
    return {**config, "Env": config["Env"] or [], "platform": (inspected["Os"], inspected["Architecture"])}


def test_user_xattrs_and_acls_survive_by_loading_and_that_is_said(
    program: bytes, engine: docker.DockerClient, tmp_path: Path, leftovers: None
) -> None:
    """`docker export` shows neither, so the app says what it reads."""
    with loaded(engine, layer(program, noted=True), {"Entrypoint": ["/bin/road"]}):
        probes = ["--probe", "/", "--probe", "/xattr/srv/page", "--probe", "/file/srv/page"]
        assert answers(engine, IMAGE, "/xattr/srv/page", "/acl/srv/page") == ["noted", "44\n"]
        refused = slimmer("build", IMAGE, "--out", tmp_path / "out", "--builder", "dockerfile", *probes)
        assert refused.returncode == 2
        assert "user.note" in refused.stderr
        assert not engine.images.list(SLIM)
        result = slimmer("build", IMAGE, "--out", tmp_path / "out", *probes)
        assert result.returncode == 0, result.stderr
        assert "builder load: " in result.stderr
        assert "user.note" in result.stderr
        assert answers(engine, SLIM, "/xattr/srv/page", "/acl/srv/page") == ["noted", "44\n"]
        page = export(engine, SLIM)["srv/page"]
        assert (page.mode & 0o7777, page.owner, page.mtime) == (0o640, (4242, 0), 1_234_567_890)


def test_an_image_without_a_command_is_refused(
    program: bytes, engine: docker.DockerClient, tmp_path: Path, leftovers: None
) -> None:
    with loaded(engine, layer(program, noted=False), {}):
        result = slimmer("build", IMAGE, "--out", tmp_path / "out")
        assert (result.returncode, "--cmd" in result.stderr) == (2, True), result.stderr
        assert slimmer("build", IMAGE, "--out", tmp_path / "out", "--cmd", "/bin/road").returncode == 0


def test_a_name_that_nobody_can_look_up_is_left_out_and_that_is_said(
    program: bytes, engine: docker.DockerClient, tmp_path: Path, leftovers: None
) -> None:
    """A whiteout in the only layer: `ls` shows its name, and there is nothing behind it."""
    content = layer(program, noted=False, whiteouts=("srv/.wh.gone", "srv/.wh.x\x1b[31m"))
    with loaded(engine, content, {"Entrypoint": ["/bin/road"]}):
        result = slimmer("build", IMAGE, "--include", "/srv", "--out", tmp_path / "out")
        assert result.returncode == 0, result.stderr
        assert "warning: the image lists names that cannot be opened" in result.stderr
        assert "/srv/gone" in result.stderr
        assert "/srv/x\\x1b[31m" in result.stderr
        assert {"srv/page", "srv/unseen"} <= set(export(engine, SLIM))
