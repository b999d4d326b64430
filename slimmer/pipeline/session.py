"""A session: one image on one engine, with what a command opens and makes there. All of it is gone when the session ends."""

from __future__ import annotations

import dataclasses
import itertools
import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from slimmer.engine import description, images
from slimmer.engine.connection import Engine, connect
from slimmer.engine.options import RunOptions
from slimmer.engine.resources import EngineResources
from slimmer.image.config import ImageConfig
from slimmer.probe_binary import probe_path
from slimmer.sandbox.sandbox import Sandbox
from slimmer.workers import Workers

logger = logging.getLogger(__name__)

WORKERS = 6


@dataclass(frozen=True, slots=True)
class Session:
    """An image and how to run it (`options`, `recorder`), on an engine.

    `scope` owns what is made in the engine, `opened` what is open until the session ends. `pool` is for work beside other
    work. `sandbox` is where contents of the image are read.
    """

    engine: Engine
    scope: EngineResources
    pool: Workers
    opened: ExitStack
    probe: Path
    config: ImageConfig
    options: RunOptions
    recorder: str
    numbers: Iterator[int] = dataclasses.field(default_factory=itertools.count)
    sandbox: Sandbox = dataclasses.field(default_factory=Sandbox)

    def running(self, options: RunOptions) -> Session:
        """The same session, where the image is run otherwise. Raises UsageError when there is nothing to run."""
        description.check(options)
        description.check_command(self.config, options)
        return dataclasses.replace(self, options=options)

    def of(self, config: ImageConfig) -> Session:
        """The same session with another image of the engine."""
        return dataclasses.replace(self, config=config)

    def unique(self, purpose: str) -> str:
        """`purpose` with a number: the last part of a container's or tag's name, which no other one in this session has."""
        return f"{purpose}.{next(self.numbers)}"


@contextmanager
def connected(docker_host: str = "") -> Iterator[Engine]:
    """The engine, connected until the end. Raises EngineUnreachable or UnsupportedEngine."""
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
    target: str, options: RunOptions, recorder: str = "auto", *, pull: bool = False, docker_host: str = ""
) -> Iterator[Session]:
    """Connect, find the image and the probe. Whatever the stages make in the engine is removed at the end.

    Raises EngineUnreachable, TargetNotFound, UnsupportedEngine, or UsageError for options that make no sense.
    """
    description.check(options)
    with ExitStack() as stack:
        engine = stack.enter_context(connected(docker_host))
        config = images.resolve(engine, target, platform=options.platform, pull=pull)
        logger.info("image: %s is %s, %d layers, %d bytes", target, config.image_id, len(config.layers), config.size)
        description.check_command(config, options)
        probe = probe_path(engine.architecture)
        # They are left in this order: the scope removes the containers, so that what the pool's threads wait for ends, and
        # then nobody uses what they opened.
        opened = stack.enter_context(ExitStack())
        pool = stack.enter_context(Workers(WORKERS))
        scope = stack.enter_context(EngineResources(engine))
        logger.info("run: %s, probe: %s", scope.run, probe)
        yield Session(engine, scope, pool, opened, probe, config, options, recorder)
