"""A session: one image on one engine, with everything that a command opens and makes there. All of it is removed at the end."""

from __future__ import annotations

import dataclasses
import itertools
import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from slimmer.engine import description, images
from slimmer.engine.connection import Engine, connect
from slimmer.engine.options import RunOptions
from slimmer.engine.resources import EngineResources
from slimmer.image.config import ImageConfig
from slimmer.pipeline.first_password import with_first_password
from slimmer.probe_binary import probe_path
from slimmer.runs.beside import Images
from slimmer.sandbox.sandbox import Sandbox
from slimmer.workers import Workers

logger = logging.getLogger(__name__)

WORKERS = 6

NO_OTHERS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Session:
    """An image on an engine, and how to run it (`options`, `recorder`).

    `scope` owns what is made in the engine, `opened` what stays open until the session ends. `pool` runs work in the background.
    `sandbox` reads contents of the image. `images` are those that a run needs beside it.
    """

    engine: Engine
    scope: EngineResources
    pool: Workers
    opened: ExitStack
    probe: Path
    config: ImageConfig
    options: RunOptions
    recorder: str
    images: Images = dataclasses.field(default_factory=dict)
    numbers: Iterator[int] = dataclasses.field(default_factory=itertools.count)
    sandbox: Sandbox = dataclasses.field(default_factory=Sandbox)

    def running(self, options: RunOptions) -> Session:
        """Return the same session with other run options, and with a password that the image needs to start (first_password.py).

        Raise UsageError if there is nothing to run.
        """
        description.check(options)
        description.check_command(self.config, options)
        return dataclasses.replace(self, options=with_first_password(self.config, options))

    def of(self, config: ImageConfig) -> Session:
        """Return the same session with another image of the engine."""
        return dataclasses.replace(self, config=config)

    def unique(self, purpose: str) -> str:
        """Return `purpose` with a number. It is the last part of the name of a container or tag, and unique in this session."""
        return f"{purpose}.{next(self.numbers)}"


@contextmanager
def connected(docker_host: str = "") -> Iterator[Engine]:
    """Yield a connected engine, and close the connection at the end. Raise EngineUnreachable or UnsupportedEngine."""
    engine = connect(docker_host)
    kind, rootless = "podman" if engine.is_podman else "docker", ", rootless" if engine.rootless else ""
    logger.info(
        "engine: %s %s at %s (%s, %s%s)",
        kind,
        engine.version,
        engine.url,
        engine.operating_system,
        engine.architecture,
        rootless,
    )
    try:
        yield engine
    finally:
        engine.close()


@contextmanager
def open_session(
    target: str,
    options: RunOptions,
    recorder: str = "auto",
    *,
    others: Mapping[str, str] = NO_OTHERS,
    pull: bool = False,
    docker_host: str = "",
) -> Iterator[Session]:
    """Connect, and find the image and the probe. Whatever the stages make in the engine is removed at the end.

    `others` are the images that a run needs beside the target, each with the option that named it.
    Raises EngineUnreachable, TargetNotFound, UnsupportedEngine, or UsageError for invalid options.
    """
    description.check(options)
    with ExitStack() as stack:
        engine = stack.enter_context(connected(docker_host))
        config = images.resolve(engine, target, platform=options.platform, pull=pull)
        logger.info(
            "image: %s is %s, %d layers, %d bytes", target, config.image_id, len(config.layers), config.engine_size
        )
        description.check_command(config, options)
        beside = images.resolve_others(engine, others, pull=pull)
        probe = probe_path(engine.architecture)
        # They are closed in reverse order. The scope removes the containers, so that the pool's threads can end. After that, nobody
        # uses what is open.
        opened = stack.enter_context(ExitStack())
        pool = stack.enter_context(Workers(WORKERS))
        scope = stack.enter_context(EngineResources(engine))
        logger.info("run: %s, probe: %s", scope.run, probe)
        yield Session(engine, scope, pool, opened, probe, config, options, recorder, beside)
