"""Containers that serve: one with everything that a layer can hold, one with what no layer can."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from slimmer.engine.connection import Engine, connect
from slimmer.engine.resources import EngineResources
from slimmer.image.config import ImageConfig, config_from_inspect
from slimmer.image.tree import Tree
from slimmer.observe.pristine import PristineImage
from slimmer.probe_binary import probe_path
from slimmer.runs.image_mount import image_tree, open_pristine
from tests.engine.prompt import PromptResources
from tests.engine.serve import everything
from tests.engine.serve.everything import IMAGE, THINGS
from tests.engine.serve.serving import DEBIAN, Serve, served

STRANGE = """
perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local => "/srv/socket", Listen => 1) or die'
touch -d '1960-01-01 00:00:00.25 UTC' /srv/old
touch -d '1969-12-31 23:59:59.75 UTC' /srv/nearly
truncate -s 9G /srv/huge
perl -e 'chdir "/srv"; for (1..60) { mkdir "d" x 100; chdir "d" x 100 or die } open F, ">bottom"'
mark() { perl -e 'syscall(`uname -m` =~ /x86/ ? 188 : 5, @ARGV[0..2], length $ARGV[2], 0) and die $!' "$@"; }
mark /srv/old user.a=b v
mark /srv/nearly user.empty ''
mkdir /srv/mount
mount -t tmpfs none /srv/mount
touch /srv/mount/not-of-the-image
"""
"""The number of setxattr differs between machines; perl has no name for it."""


@pytest.fixture(scope="package")
def engine() -> Iterator[Engine]:
    """slimmer's own connection, in place of the docker SDK's client."""
    engine = connect()
    yield engine
    engine.close()


@pytest.fixture(scope="package")
def probe(engine: Engine) -> Path:
    return probe_path(engine.architecture)


@pytest.fixture(scope="package")
def scope(engine: Engine) -> Iterator[EngineResources]:
    with PromptResources(engine) as scope:
        yield scope


@pytest.fixture(scope="package")
def config(engine: Engine) -> Iterator[ImageConfig]:
    """The configuration of an image with everything, which is there for as long."""
    everything.load(engine, IMAGE, everything.layer(THINGS), {"Volumes": {"/data": {}}, "Cmd": ["/none"]})
    yield config_from_inspect(engine.api.inspect_image(IMAGE))
    engine.api.remove_image(IMAGE, force=True)


@pytest.fixture(scope="package")
def pristine(scope: EngineResources, config: ImageConfig, probe: Path) -> Iterator[PristineImage]:
    with open_pristine(scope, config, IMAGE, probe, "everything") as pristine:
        yield pristine


@pytest.fixture(scope="package")
def tree(pristine: PristineImage, config: ImageConfig) -> Tree:
    return image_tree(pristine, config)


@pytest.fixture(scope="package")
def serve(scope: EngineResources, config: ImageConfig, probe: Path) -> Iterator[Serve]:
    with served(scope, IMAGE, probe, config) as serve:
        yield serve


@pytest.fixture(scope="package")
def strange(scope: EngineResources, probe: Path) -> Iterator[Serve]:
    """What no layer can hold, made in the container itself."""
    with served(scope, DEBIAN, probe, script=STRANGE, purpose="strange") as serve:
        yield serve
