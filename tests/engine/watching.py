"""Runs an image natively and under the probe, and keeps all that the app said: what the probe's tests compare."""

from __future__ import annotations

import dataclasses
import itertools
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from slimmer.engine import description
from slimmer.engine.connection import Engine
from slimmer.engine.containers import Container, Tail
from slimmer.engine.options import RunOptions
from slimmer.engine.resources import EngineResources
from slimmer.errors import EngineError
from slimmer.image.config import ImageConfig
from slimmer.observe.log import AccessLog
from slimmer.probe_binary import probe_path
from slimmer.runs.start import ask_identity
from slimmer.runs.watched import WatchedRun

RECORDERS = ("notify", "ptrace", "fanotify", "bpf")
DEADLINE = 60.0
OUTPUT_LIMIT = 4 << 20
_numbers = itertools.count()


class Heard(Container):
    """A container of which the whole output is kept, not the last lines only."""

    def __init__(self, engine: Engine, identifier: str, name: str) -> None:
        super().__init__(engine, identifier, name)
        self._tail = Tail(OUTPUT_LIMIT)


@dataclass(frozen=True, slots=True)
class Ended:
    """A run that is over: exit code, output, and what was seen of it (None of a native run)."""

    code: int
    output: str
    log: AccessLog | None = None

    @property
    def counters(self) -> dict[str, int]:
        assert self.log is not None
        return dict(self.log.counters)


def looked_at(ended: Ended) -> set[str]:
    """The paths that the app asked for and that were there."""
    assert ended.log is not None
    return {access.asked for access in ended.log.accesses if access.found}


@dataclass(frozen=True, slots=True)
class Watched:
    """A run under the probe, and its container."""

    run: WatchedRun
    container: Heard

    def wait_for_output(self, words: str) -> None:
        """Until the app has said so; it must not end before."""
        end = time.monotonic() + DEADLINE
        while words not in self.container.last_log_lines():
            assert self.run.exit_code() is None, self.container.last_log_lines()
            assert time.monotonic() < end, self.container.last_log_lines()
            self.run.wait(0.02)

    def wait_for_end(self) -> int:
        """Until the app ends by itself; its exit code."""
        end = time.monotonic() + DEADLINE
        while (code := self.run.exit_code()) is None:
            assert time.monotonic() < end, f"it does not end: {self.container.last_log_lines()}"
            self.run.wait(1.0)
        return code


@dataclass(frozen=True, slots=True)
class Bench:
    """An engine and the probe to try on it. Who an app would be, and how it runs natively, is asked once for each way to run it."""

    engine: Engine
    probe: Path
    identities: dict[Any, str] = field(default_factory=dict)
    native: dict[Any, Ended] = field(default_factory=dict)

    def identity(self, scope: EngineResources, config: ImageConfig, options: RunOptions) -> str:
        """The probe's line about who the app would be; what the app is does not matter to it."""
        plain = dataclasses.replace(options, cmd=None, entrypoint=None)
        key = (config.image_id, plain, plain.env)
        if key not in self.identities:
            self.identities[key] = ask_identity(scope, config, plain, self.probe)
        return self.identities[key]

    def natively(self, scope: EngineResources, config: ImageConfig, options: RunOptions) -> Ended:
        """Run as `docker run` would, to the app's own end. The same run for each recorder that it is held against."""
        key = (config.image_id, options)
        if key not in self.native:
            self.native[key] = self._run_natively(scope, config, options)
        return self.native[key]

    def _run_natively(self, scope: EngineResources, config: ImageConfig, options: RunOptions) -> Ended:
        made = self._create(scope, description.native(config, options, config.image_id))
        made.start()
        code = made.wait(DEADLINE)
        assert code is not None, f"it does not end: {made.last_log_lines()}"
        scope.remove(made)
        return Ended(code, made.last_log_lines())

    @contextmanager
    def watched(
        self, scope: EngineResources, config: ImageConfig, options: RunOptions, recorder: str
    ) -> Iterator[Watched]:
        """Run under the probe; what is left of it is removed at the end."""
        identity, mount = self.identity(scope, config, options), scope.lender.lend(self.probe, config)
        wanted = description.observed(config, options, config.image_id, mount, identity, recorder)
        container = self._create(scope, wanted)
        with WatchedRun(container, mount, identity, recorder, _no_endpoint, _accepts_nothing) as run:
            yield Watched(run, container)
        scope.remove(container)

    def watch(self, scope: EngineResources, config: ImageConfig, options: RunOptions, recorder: str) -> Ended:
        """Run under the probe, to the app's own end."""
        with self.watched(scope, config, options, recorder) as watched:
            code = watched.wait_for_end()
            log = watched.run.finish(config.image_id, "", DEADLINE)
            return Ended(code, watched.container.last_log_lines(), log)

    def _create(self, scope: EngineResources, wanted: description.Description) -> Heard:
        made = scope.create(wanted, f"app-{next(_numbers)}")
        return Heard(self.engine, made.id, made.name)


def bench(engine: Engine) -> Bench:
    """A bench with the installed probe, or with the one that SLIMMER_TEST_PROBE names."""
    named = os.environ.get("SLIMMER_TEST_PROBE")
    return Bench(engine, Path(named) if named else probe_path(engine.architecture))


def _accepts_nothing(port: int) -> bool:
    return False


def _no_endpoint(port: int) -> tuple[str, int]:
    raise EngineError(f"port {port} is not to be reached in this test")
