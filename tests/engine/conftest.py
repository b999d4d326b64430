"""Images that several files of tests share."""

from __future__ import annotations

from collections.abc import Iterator

import docker
import pytest

from tests.engine.road import road_image


@pytest.fixture(scope="session")
def road(engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The image of tests.engine.road, under its tag."""
    with road_image(engine, tmp_path_factory.mktemp("road")) as tag:
        yield tag
