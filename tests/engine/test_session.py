"""A run's scope: the volumes that it copies, and its end, also while a thread is still making something for it."""

from __future__ import annotations

import dataclasses
import io
import os
import signal
import tarfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from slimmer.engine import description, images
from slimmer.engine.connection import Engine, connect
from slimmer.engine.options import RunOptions
from slimmer.engine.resources import EngineResources
from slimmer.errors import EngineError
from slimmer.image.config import ImageConfig
from slimmer.probe_binary import probe_path
from tests.engine.leftovers import left
from tests.engine.names import OWN, identifier_of
from tests.engine.small_app import BASE, IMAGE, output_of, started, volumes

PATIENCE = 30


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = connect()
    yield engine
    engine.close()


def fill(engine: Engine, volume: str) -> None:
    """A volume as an app may have left it: owners, modes, links, times, names that are no text."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, kind, mode, extra in (
            ("v", tarfile.DIRTYPE, 0o2750, {}),
            ("v/file", tarfile.REGTYPE, 0o640, {"size": 4}),
            ("v/hard", tarfile.LNKTYPE, 0o640, {"linkname": "v/file"}),
            ("v/soft", tarfile.SYMTYPE, 0o777, {"linkname": "nowhere"}),
            ("v/pipe", tarfile.FIFOTYPE, 0o600, {}),
            ("v/setuid", tarfile.REGTYPE, 0o4755, {"size": 4}),
            ("v/caf\udce9", tarfile.DIRTYPE, 0o1777, {}),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.mode, member.uid, member.gid, member.mtime = kind, mode, 12, 34, 1_000_000_000
            for field, value in extra.items():
                setattr(member, field, value)
            tar.addfile(member, io.BytesIO(b"data") if kind == tarfile.REGTYPE else None)
    engine.api.create_volume(volume)
    made = {"Image": BASE, "Cmd": ["x"], "HostConfig": {"Binds": [f"{volume}:/v:nocopy"]}}
    container = engine.api.create_container_from_config(made)
    engine.api.put_archive(container["Id"], "/", archive.getvalue())
    engine.api.remove_container(container["Id"])


@pytest.fixture
def users_volume(engine: Engine) -> Iterator[str]:
    fill(engine, f"{OWN}-containers-data")
    yield f"{OWN}-containers-data"
    engine.api.remove_volume(f"{OWN}-containers-data")


LOOK = "cd /v; stat -c '%n %F %a %u:%g %h %Y' . * | sed 's/ 1[0-9]*$//' | LC_ALL=C sort; readlink soft; cat file"


def test_every_run_has_a_copy_of_a_named_volume(scope: EngineResources, config: ImageConfig, users_volume: str) -> None:
    options = RunOptions(volumes=(f"{users_volume}:/v",))
    theirs = output_of(scope, config, LOOK, options)
    for line in (". directory 2750 12:34", "file regular file 640 12:34 2", "setuid regular file 4755 12:34 1"):
        assert line in theirs
    own = scope.own_volumes(options, "first")
    assert users_volume not in own.volumes[0]
    assert output_of(scope, config, LOOK, own) == theirs
    output_of(scope, config, "rm /v/file; echo more > /v/soft2", own)
    assert output_of(scope, config, LOOK, scope.own_volumes(options, "second")) == theirs


def test_a_volume_that_is_not_there_yet_is_not_made(scope: EngineResources, config: ImageConfig) -> None:
    """As in `docker run` it begins with what the image has there; but the user's own stays unmade."""
    own = scope.own_volumes(RunOptions(volumes=(f"{OWN}-containers-none:/srv/data:rw",)), "x")
    assert output_of(scope, config, "stat -c %a /srv/data; cat /srv/data/deep/file", own) == "2751\nseed\n"
    assert f"{OWN}-containers-none" not in volumes(scope.engine)


@pytest.mark.alone  # it counts all volumes of the engine
def test_nothing_is_left_after_a_failure(engine: Engine, config: ImageConfig, probe: Path, users_volume: str) -> None:
    before = volumes(engine)
    with pytest.raises(ZeroDivisionError), EngineResources(engine) as scope:
        scope.lender.own(probe)
        own = scope.own_volumes(RunOptions(volumes=(f"{users_volume}:/v",)), "x")
        started(scope, config, own)
        scope.create(description.native(config, RunOptions(), IMAGE), "never-started")
        images.tag(engine, IMAGE, scope.temporary_tag("candidate"))
        assert len(left(engine, scope.run)) == 7
        raise ZeroDivisionError
    assert left(engine, scope.run) == []
    assert volumes(engine) == before
    assert identifier_of(engine, IMAGE) == config.image_id
    with pytest.raises(EngineError, match="over"):
        scope.create(description.native(config, RunOptions(), IMAGE), "late")


def test_an_impatient_second_interrupt_does_not_stop_the_removal(engine: Engine, config: ImageConfig) -> None:
    class Impatient:
        """The real engine; the user presses Ctrl-C at the first removal."""

        pressed = False

        def __getattr__(self, name: str) -> Any:
            if name == "remove_container" and not self.pressed:
                self.pressed = True
                os.kill(os.getpid(), signal.SIGINT)
            return getattr(engine.api, name)

    impatient = dataclasses.replace(engine, api=Impatient())
    with pytest.raises(KeyboardInterrupt), EngineResources(impatient) as scope:
        for number in range(3):
            started(scope, config, RunOptions(), f"app-{number}")
        raise KeyboardInterrupt
    assert impatient.api.pressed
    assert left(engine, scope.run) == []


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


def app(scope: EngineResources) -> None:
    wanted = description.native(ImageConfig("", "", ""), RunOptions(cmd=("true",)), BASE)
    scope.create(wanted, "app")


def image(scope: EngineResources) -> None:
    scope.lender.image(probe_path(scope.engine.architecture))


def volume(scope: EngineResources) -> None:
    scope.own_volumes(RunOptions(volumes=(f"{OWN}-session-none:/v",)), "x")


@pytest.mark.parametrize("make", [app, image, volume])
def test_what_is_being_made_when_the_run_ends_goes_with_it(
    make: Callable[[EngineResources], None], engine: Engine
) -> None:
    api = Slow(engine.api)
    scope = EngineResources(dataclasses.replace(engine, api=api))
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
    scope = EngineResources(engine)
    scope.close()
    for make in (app, image, volume):
        with pytest.raises(EngineError, match="over"):
            make(scope)
    assert left(engine, scope.run) == []
