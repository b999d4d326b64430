"""What the probe's tests share: an engine, the bench, and the image, which is built once a session."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from slimmer.engine import images
from slimmer.engine.connection import Engine, connect
from slimmer.image.config import ImageConfig
from tests.engine.names import OWN
from tests.engine.probe.image import BUILDS, Programs, make_archive
from tests.engine.watching import Bench, bench


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """The engine, as slimmer connects to it."""
    engine = connect()
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def probes(engine: Engine) -> Bench:
    """The bench: an engine and a probe."""
    return bench(engine)


@pytest.fixture(scope="session")
def image(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImageConfig]:
    """An image FROM scratch with the programs and all cases."""
    archive = make_archive(Programs(tmp_path_factory.mktemp("programs")))
    changes = ["ENV FROM_IMAGE=yes", *(f"VOLUME /{build}/volume" for build in BUILDS)]
    tag = f"{OWN}-probe:{uuid.uuid4().hex[:12]}"  # several sessions may share an engine
    engine.api.import_image_from_data(archive, repository=tag, changes=changes)
    yield images.resolve(engine, tag)
    engine.api.remove_image(tag)
