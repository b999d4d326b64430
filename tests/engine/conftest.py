"""What several files of tests share: images, the probe, and scopes, in the engine of the file's own fixture `engine`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from slimmer.engine.connection import Engine
from slimmer.engine.resources import EngineResources
from slimmer.image.config import ImageConfig
from slimmer.probe_binary import probe_path
from tests.engine.integration_app import road_image
from tests.engine.leftovers import left
from tests.engine.small_app import small_app
from tests.engine.unruly import unruly_image


@pytest.fixture(scope="session")
def road(engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The image of tests.engine.integration_app, under its tag."""
    with road_image(engine, tmp_path_factory.mktemp("road")) as tag:
        yield tag


@pytest.fixture(scope="session")
def unruly(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The image of tests.engine.unruly, under its tag."""
    client = docker.from_env(timeout=120)
    with unruly_image(client, tmp_path_factory.mktemp("unruly")) as tag:
        yield tag
    client.close()


@pytest.fixture(scope="module")
def config(engine: Engine) -> Iterator[ImageConfig]:
    """The configuration of tests.engine.small_app's image."""
    with small_app(engine) as config:
        yield config


@pytest.fixture(scope="module")
def probe(engine: Engine) -> Path:
    """The installed probe of the engine's architecture."""
    return probe_path(engine.architecture)


@pytest.fixture
def scope(engine: Engine) -> Iterator[EngineResources]:
    """A scope that must leave nothing behind."""
    with EngineResources(engine) as scope:
        yield scope
    assert left(engine, scope.run) == []
