"""The end of a run while a thread is still making something for it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Event
from typing import Any

import pytest

from slimmer.engine import description
from slimmer.engine.connection import Engine, connect
from slimmer.engine.options import RunOptions
from slimmer.engine.session import RunScope
from slimmer.errors import EngineError
from slimmer.image.config import ImageConfig
from slimmer.probe_binary import probe_path
from tests.engine.left import left

PATIENCE = 30


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = connect()
    yield engine
    engine.close()


class Slow:
    """The real engine, which waits for a word before it makes a container, an image or a volume."""

    def __init__(self, api: Any) -> None:
        self._api = api
        self.asked, self.go_on = Event(), Event()

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._api, name)
        return self._slowly(call) if name.startswith(("create_", "import_")) else call

    def _slowly(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def slow(*arguments: Any, **options: Any) -> Any:
            self.asked.set()
            assert self.go_on.wait(PATIENCE)
            return call(*arguments, **options)

        return slow


def app(scope: RunScope) -> None:
    wanted = description.native(ImageConfig("", "", ""), RunOptions(cmd=("true",)), "debian:bookworm-slim")
    scope.create(wanted, "app")


def image(scope: RunScope) -> None:
    scope.probe_image(probe_path(scope.engine.architecture))


def volume(scope: RunScope) -> None:
    scope.own_volumes(RunOptions(volumes=("slimmer-test-session-none:/v",)), "x")


@pytest.mark.parametrize("make", [app, image, volume])
def test_what_is_being_made_when_the_run_ends_goes_with_it(make: Callable[[RunScope], None], engine: Engine) -> None:
    api = Slow(engine.api)
    scope = RunScope(dataclasses.replace(engine, api=api))
    with ThreadPoolExecutor(2) as pool:
        made = pool.submit(make, scope)
        assert api.asked.wait(PATIENCE)
        closed = pool.submit(scope.close)
        with suppress(TimeoutError):
            closed.result(0.5)
        api.go_on.set()
        closed.result(PATIENCE)
        made.exception(PATIENCE)
    assert left(engine, scope.run) == []


def test_nothing_is_made_once_the_run_is_over(engine: Engine) -> None:
    scope = RunScope(engine)
    scope.close()
    for make in (app, image, volume):
        with pytest.raises(EngineError, match="over"):
            make(scope)
    assert left(engine, scope.run) == []
