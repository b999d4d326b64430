"""A small app in an image with a configuration of every kind, and its containers, for tests of how containers are made."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterator
from contextlib import contextmanager

from slimmer.engine import description, images
from slimmer.engine.connection import Engine
from slimmer.engine.containers import Container
from slimmer.engine.options import RunOptions
from slimmer.engine.resources import EngineResources
from slimmer.image.config import ImageConfig
from tests.engine.names import LABEL, OWN

BASE = "debian:bookworm-slim"
IMAGE = f"{OWN}-containers:app"
DOCKERFILE = f"""FROM {BASE}
LABEL {LABEL}={OWN}
RUN mkdir -p /srv/data/deep && echo seed > /srv/data/deep/file && chmod 2751 /srv/data && chown 7:8 /srv/data
ENV FROM_IMAGE=yes
USER 12:34
WORKDIR /srv
VOLUME /srv/data
HEALTHCHECK --interval=30s --timeout=3s CMD test -e /srv/data/deep/file
CMD ["sleep", "600"]
"""


@contextmanager
def small_app(engine: Engine) -> Iterator[ImageConfig]:
    """The image under the tag IMAGE, removed at the end."""
    dockerfile = io.BytesIO(DOCKERFILE.encode())
    for answer in engine.api.build(fileobj=dockerfile, tag=IMAGE, rm=True, forcerm=True, decode=True):
        assert "error" not in answer, answer
    try:
        yield images.resolve(engine, IMAGE)
    finally:
        engine.api.remove_image(IMAGE)


def volumes(engine: Engine) -> set[str]:
    """Names of all volumes of the engine."""
    return {entry["Name"] for entry in engine.api.volumes()["Volumes"] or []}


def started(scope: EngineResources, config: ImageConfig, options: RunOptions, purpose: str = "native") -> Container:
    """A container of the app, as a user would run it."""
    container = scope.create(description.native(config, options, IMAGE), purpose)
    container.start()
    return container


def output_of(scope: EngineResources, config: ImageConfig, script: str, options: RunOptions | None = None) -> str:
    """What a shell script prints in a container with these options."""
    shell = dataclasses.replace(options or RunOptions(), cmd=("sh", "-c", script))
    container = started(scope, config, shell)
    assert container.wait(30) == 0, container.last_log_lines()
    scope.remove(container)
    return container.last_log_lines()
