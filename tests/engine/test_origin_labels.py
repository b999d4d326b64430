"""Labels of a slim image name its original; without them, the configuration is exactly the original's."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from slimmer.version import __version__
from tests.engine.command import built, slimmer
from tests.engine.names import OWN
from tests.engine.origin import BASE, PREFIX, origin

IMAGE, SLIM = f"{OWN}-labels:latest", f"{OWN}-labels:slim"
APP = {"app": "shop", f"{BASE}name": "the app's own", f"{PREFIX}else": "the app's own, too"}
FAST = ("--probe", "/file/srv/page", "--no-crawl", "--no-openapi", "--no-graphql")


@pytest.fixture
def image(road: str, engine: docker.DockerClient, leftovers: None) -> Iterator[str]:
    """An image with labels of its own."""
    lines = "".join(f'LABEL "{name}"="{value}"\n' for name, value in APP.items())
    engine.images.build(fileobj=io.BytesIO(f"FROM {road}\n{lines}".encode()), tag=IMAGE, rm=True, forcerm=True)
    yield IMAGE
    engine.images.remove(IMAGE, force=True)


def labels(engine: docker.DockerClient, image: str) -> dict[str, str]:
    return dict(engine.api.inspect_image(image)["Config"].get("Labels") or {})


def ours(engine: docker.DockerClient, original: str) -> dict[str, str]:
    return {f"{PREFIX}version": __version__, f"{PREFIX}original.id": engine.api.inspect_image(original)["Id"]}


@pytest.mark.parametrize("builder", ["dockerfile", "load"])
def test_both_builders_add_them_to_the_apps_own(
    builder: str, image: str, engine: docker.DockerClient, tmp_path: Path
) -> None:
    out, again = tmp_path / "out", f"{OWN}-labels:again"
    built(image, "--tag", SLIM, "--out", out, "--builder", builder, *FAST)
    try:
        assert labels(engine, SLIM) == labels(engine, image) | ours(engine, image)
        assert slimmer("rebuild", out, "--tag", again).returncode == 0
        try:
            assert labels(engine, again) == labels(engine, SLIM)
        finally:
            engine.images.remove(again, force=True)
        verified = slimmer("verify", image, SLIM, *FAST)
        assert (verified.returncode, verified.stdout) == (0, "")
        compared = slimmer("compare", image, SLIM, "--fail-on", "config-change", "--format", "json")
        assert compared.returncode == 0, compared.stderr
        assert json.loads(compared.stdout)["configuration"] == {}
    finally:
        engine.images.remove(SLIM, force=True)


def test_without_them_the_configuration_is_the_originals(
    image: str, engine: docker.DockerClient, tmp_path: Path
) -> None:
    built(image, "--tag", SLIM, "--out", tmp_path / "out", "--no-labels", "--builder", "load", *FAST)
    try:
        before, after = (engine.api.inspect_image(name)["Config"] for name in (image, SLIM))
        assert _meaning(after) == _meaning(before)
        assert "io.slimmer.version" not in (tmp_path / "out/Dockerfile").read_text()
    finally:
        engine.images.remove(SLIM, force=True)


def test_a_slim_image_of_a_slim_image_names_that_one(image: str, engine: docker.DockerClient, tmp_path: Path) -> None:
    twice, thrice = f"{OWN}-labels:twice", f"{OWN}-labels:thrice"
    try:
        built(image, "--tag", SLIM, "--out", tmp_path / "1", *FAST)
        built(SLIM, "--tag", twice, "--out", tmp_path / "2", *FAST)
        assert origin(engine.api.inspect_image(twice))[f"{PREFIX}original.id"] == engine.images.get(SLIM).id
        assert labels(engine, twice) == labels(engine, image) | ours(engine, SLIM)
        verified = slimmer("verify", image, twice, *FAST)
        assert (verified.returncode, verified.stdout) == (0, "")
        built(SLIM, "--tag", thrice, "--out", tmp_path / "3", "--no-labels", *FAST)
        assert labels(engine, thrice) == labels(engine, SLIM)
    finally:
        for tag in (thrice, twice, SLIM):
            engine.images.remove(tag, force=True)


def test_keep_writes_them_and_another_label_is_still_a_difference(
    image: str, engine: docker.DockerClient, tmp_path: Path
) -> None:
    log, kept, changed = tmp_path / "log.json", tmp_path / "kept", f"{OWN}-labels:changed"
    assert slimmer("observe", image, "--out", log, *FAST).returncode == 0
    assert slimmer("keep", log, "--out", kept).returncode == 0
    try:
        assert slimmer("rebuild", kept, "--tag", SLIM).returncode == 0
        assert labels(engine, SLIM) == labels(engine, image) | ours(engine, image)
        dockerfile = f"FROM {SLIM}\nLABEL app=other\n".encode()
        engine.images.build(fileobj=io.BytesIO(dockerfile), tag=changed, rm=True, forcerm=True)
        verified = slimmer("verify", image, changed, *FAST)
        assert verified.returncode == 8
        assert "LABEL" in verified.stdout and "other" in verified.stdout
    finally:
        for tag in (changed, SLIM):
            engine.images.remove(tag, force=True)


def _meaning(config: dict[str, Any]) -> dict[str, Any]:
    """What a configuration says, without what the engine adds to each image (its name, an empty value)."""
    return {key: value for key, value in config.items() if value and key not in ("Hostname", "Image")}
