"""What several files of tests share: images, the probe, scopes, and a check that a test leaves nothing behind."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from slimmer.engine.connection import Engine
from slimmer.engine.resources import EngineResources
from slimmer.image.config import ImageConfig
from slimmer.probe_binary import probe_path
from tests.engine.integration_app import road_image
from tests.engine.leftovers import WINDOWS, left, nothing_left
from tests.engine.names import LABEL, OWN
from tests.engine.prompt import PromptResources
from tests.engine.small_app import small_app
from tests.engine.turns import Turns
from tests.engine.unruly import unruly_image

_create_container = docker.APIClient.create_container


def _create_marked_container(client: docker.APIClient, *arguments: Any, **options: Any) -> Any:
    """The SDK's create_container, for tests; slimmer calls create_container_from_config. The container gets LABEL."""
    given = options.get("labels") or {}
    given = given if isinstance(given, dict) else dict.fromkeys(given, "")
    return _create_container(client, *arguments, **{**options, "labels": {**given, LABEL: OWN}})


docker.APIClient.create_container = _create_marked_container


_turns = Turns(WINDOWS)


@pytest.fixture(autouse=True)
def engine_is_shared(request: pytest.FixtureRequest) -> None:
    """Tests that are marked `alone` have the engine to themselves."""
    _turns.take(alone=_is_alone(request.node))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """Let other workers have the engine, unless the next test must be alone as well."""
    try:
        yield
    finally:
        if nextitem is None or not (_is_alone(item) and _is_alone(nextitem)):
            _turns.give_back()


def _is_alone(item: pytest.Item) -> bool:
    return item.get_closest_marker("alone") is not None


@pytest.fixture
def leftovers(
    engine_is_shared: None, engine: docker.DockerClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Fails a test that leaves a container, a volume, a network, an image or a temporary file behind.

    Temporary files go to a folder of the test's own, also those of programs that it starts.
    """
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    monkeypatch.setattr(tempfile, "tempdir", None)
    with nothing_left(engine, scratch):
        yield


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
    with PromptResources(engine) as scope:
        yield scope
    assert left(engine, scope.run) == []
