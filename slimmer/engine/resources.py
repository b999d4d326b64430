"""Own everything that one run of slimmer makes in the engine, and remove it, whatever happens.

All of it carries the labels of slimmer.engine.labels. What is no longer needed is removed in the background of other work. When the
block ends, EngineResources removes the rest, in parallel. A second
Ctrl-C does not cut that short: it is raised after everything is gone. The run's watcher (slimmer.engine.lifeline) removes what the
engine does not remove in time, and what a killed slimmer leaves.
"""

from __future__ import annotations

import dataclasses
import logging
import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, TypeVar

from docker.errors import APIError, DockerException
from requests import RequestException

from slimmer.engine.connection import Engine
from slimmer.engine.containers import Container, engine_calls, is_not_found
from slimmer.engine.description import Description, is_bind, split_volume, still
from slimmer.engine.labels import RUN_LABEL, labels, name_of, new_run, temporary_tag
from slimmer.engine.lifeline import Lifeline
from slimmer.engine.options import RunOptions
from slimmer.engine.probe_lender import ProbeLender, archive_of
from slimmer.engine.streams import OpenStreams
from slimmer.errors import EngineError, UsageError
from slimmer.interrupts import INTERRUPTS, finish
from slimmer.workers import Workers, wait_for

logger = logging.getLogger(__name__)

REMOVERS = 6
REMOVAL_TIMEOUT = 30.0
"""Seconds for removals. An engine on a busy machine is slow."""

END_TIME = 3.5
"""Seconds for removals after a failed or interrupted run. The watcher removes the rest."""

MAKING_TIME = 1.5
"""Seconds out of END_TIME to wait for what is still being made."""

POLL = 0.02
COPIED = "/volume"
"""The path of a volume while it is copied."""

Result = TypeVar("Result")


class EngineResources:
    """A context manager that owns the containers, volumes, networks and temporary images of one run. Several threads may use it."""

    def __init__(self, engine: Engine) -> None:
        """Raise EngineError if the run's watcher cannot be started."""
        self.engine = engine
        self.run = new_run()
        self.lifeline = Lifeline(self.run, engine.settings)
        self._streams = OpenStreams()
        self.lender = ProbeLender(self)
        self._containers: list[str] = []
        self._volumes: list[str] = []
        self._networks: list[str] = []
        self._images: list[str] = []
        self._scratch = ""
        self._lock = threading.Lock()
        self._changed = threading.Condition()
        self._making = 0
        self._closed = False
        self._removers = Workers(REMOVERS)

    def __enter__(self) -> EngineResources:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(END_TIME if error else REMOVAL_TIMEOUT)

    # ------------------------------------------------------------------ making

    def create(self, description: Description, purpose: str) -> Container:
        """Create a container without starting it. `purpose` is unique within the run.

        Raises UsageError for options that the engine does not accept, EngineError for anything else.
        """
        name = name_of(self.run, purpose)
        logger.info("create %s of %s", name, description["Image"])
        description = {**description, "Labels": labels(self.run)}
        try:
            with engine_calls(f"create a container of {description['Image']}"):
                created: dict[str, Any] = self._make(
                    self._containers, name, lambda: self.engine.api.create_container_from_config(description, name)
                )
        except EngineError as error:
            if isinstance(error.__cause__, APIError) and error.__cause__.status_code == 400:
                raise UsageError(f"the engine does not accept the options: {error.__cause__.explanation}") from error
            raise
        return Container(self.engine, created["Id"], name, self._streams)

    def purpose_beside(self, container: Container, purpose: str) -> str:
        """Return the purpose of a container that serves another one of this run. It is unique if `purpose` is among those."""
        return f"{container.name.removeprefix(name_of(self.run, ''))}-{purpose}"

    def remove(self, container: Container) -> None:
        """Remove a container and its anonymous volumes before the end of the run. If the run has ended, do nothing."""
        logger.debug("remove %s", container.name)
        if self._closed or not _remove_container(self.engine, container.name, REMOVAL_TIMEOUT):
            return
        with suppress(ValueError):
            self._containers.remove(container.name)

    def remove_soon(self, container: Container) -> None:
        """Like `remove`, in the background. Only for a container that no longer holds what another one may need: one that has ended or
        never ran, or has no network.
        """
        if not self._closed:
            self._removers.submit(self.remove, container)

    def clear(self) -> None:
        """Begin to remove all containers in the background. None may be in use any more."""
        for name in dict.fromkeys(self._containers):
            self.remove_soon(Container(self.engine, name, name, self._streams))

    def network(self, purpose: str) -> str:
        """Create a network and return its name. `purpose` is unique within the run."""
        name = name_of(self.run, purpose)
        with engine_calls("create a network"):
            self._make(self._networks, name, lambda: self.engine.api.create_network(name, labels=labels(self.run)))
        return name

    def remove_network(self, name: str) -> None:
        """Remove a network before the end of the run. It must have no containers any more."""
        if not self._closed and _remove_network(self.engine, name, REMOVAL_TIMEOUT):
            self._networks.remove(name)

    def temporary_tag(self, purpose: str) -> str:
        """Return a tag in the reserved repository. The image that gets it is removed, or untagged, at the end of the run."""
        tag = temporary_tag(self.run, purpose)
        self._own(self._images, tag)
        return tag

    def own_volumes(self, options: RunOptions, purpose: str) -> RunOptions:
        """Return the options with each named volume replaced by a copy of it."""
        volumes = tuple(self._own_volume(entry, f"{purpose}-{n}") for n, entry in enumerate(options.volumes))
        return dataclasses.replace(options, volumes=volumes)

    def _own(self, kind: list[str], name: str) -> None:
        """Remember a name before the thing is made, so that an interrupt in between leaves nothing behind."""
        if self._closed:
            raise EngineError("the run is over")
        kind.append(name)

    def _make(self, kind: list[str], name: str, make: Callable[[], Result]) -> Result:
        """Make something with this name. `close` waits until it is made, because it could not be removed before."""
        self._own(kind, name)
        return finish(lambda: self._counted(make))

    def _counted(self, make: Callable[[], Result]) -> Result:
        with self.making():
            return make()

    @contextmanager
    def making(self) -> Iterator[None]:
        """Count what the engine is making under a name that this run owns. Raise EngineError if the run is over."""
        with self._changed:
            if self._closed:
                raise EngineError("the run is over")
            self._making += 1
        try:
            with self.lifeline.making():
                yield
        finally:
            with self._changed:
                self._making -= 1
                self._changed.notify_all()

    def import_image(self, archive: bytes, purpose: str, *changes: str) -> str:
        """Import a helper image and return its tag. It never becomes the user's image, so it carries a label, too."""
        tag = temporary_tag(self.run, purpose)
        all_changes = [f"LABEL {RUN_LABEL}={self.run}", *changes]
        with engine_calls("import a helper image"):
            # The repository is the whole tag, because podman ignores `tag`.
            self._make(
                self._images,
                tag,
                lambda: self.engine.api.import_image_from_data(archive, repository=tag, changes=all_changes),
            )
        return tag

    def _own_volume(self, entry: str, purpose: str) -> str:
        source, target, mode = split_volume(entry)
        if not source or is_bind(source):
            return entry
        name = name_of(self.run, purpose)
        with engine_calls("create a volume"):
            self._make(self._volumes, name, lambda: self.engine.api.create_volume(name, labels=labels(self.run)))
        if self._volume_exists(source):
            self._copy_volume(source, name, purpose)
        return ":".join(part for part in (name, target, mode) if part)

    def _volume_exists(self, name: str) -> bool:
        try:
            with engine_calls(f"inspect the volume {name}"):
                self.engine.api.inspect_volume(name)
        except EngineError as error:
            if is_not_found(error):
                return False
            raise
        return True

    def _copy_volume(self, source: str, target: str, purpose: str) -> None:
        """Copy a volume with the engine's archive calls, through containers that never run and need no tools.

        Both containers have the volume at the same path. So the archive includes the volume's own folder, with owner and mode.
        """
        giver = self._holder(f"{source}:{COPIED}:ro,nocopy", f"from-{purpose}")
        taker = self._holder(f"{target}:{COPIED}:nocopy", f"to-{purpose}")
        with engine_calls(f"copy the volume {source}"):
            stream, _ = self.engine.api.get_archive(giver.id, COPIED)
            self.engine.api.put_archive(taker.id, "/", stream)
        self.remove(giver)
        self.remove(taker)

    def _holder(self, bind: str, purpose: str) -> Container:
        with self._lock:
            self._scratch = self._scratch or self.import_image(archive_of({}), "scratch")
        description = still(self._scratch)
        description["HostConfig"]["Binds"] = [bind]
        return self.create(description, purpose)

    # ------------------------------------------------------------------ removing

    def close(self, seconds: float = REMOVAL_TIMEOUT) -> None:
        """Remove everything that is left, within this many seconds. The watcher removes the rest.

        An interrupt shortens the time, and is raised at the end.
        """
        ending = _Ending(seconds)
        ending.persist(lambda: self._end_making(ending))
        ending.persist(self._streams.close)
        ending.persist(self._end_removers)
        ending.persist(lambda: self._remove_all(_remove_container, self._containers, ending))
        ending.persist(lambda: self._remove_all(_remove_network, self._networks, ending))
        ending.persist(lambda: self._remove_all(_remove_volume, self._volumes, ending))
        ending.persist(lambda: self._remove_all(_remove_image, self._images, ending))
        ending.persist(self._end_watch)
        if ending.interrupts:
            raise ending.interrupts[0]

    def _end_making(self, ending: _Ending) -> None:
        """Allow nothing more to be made, and wait for what is being made, unless the engine is slow."""
        with self._changed:
            self._closed = True
            self._changed.wait_for(lambda: not self._making, min(ending.left, MAKING_TIME))

    def _end_removers(self) -> None:
        """Cancel the removals that have not begun. All containers are removed now."""
        self._removers.__exit__(None, None, None)

    def _remove_all(self, remove: Callable[[Engine, str, float], bool], names: list[str], ending: _Ending) -> None:
        """Remove these things, and take those that are gone out of `names`. A name may be in it several times."""
        if not names or not ending.left:
            return
        with Workers(REMOVERS) as pool:
            removals = {name: pool.submit(remove, self.engine, name, ending.left) for name in dict.fromkeys(names)}
            wait_for(removals.values(), time.monotonic() + ending.left)
        gone = {name for name, removal in removals.items() if removal.done() and removal.result()}
        names[:] = [name for name in names if name not in gone]

    def _end_watch(self) -> None:
        if self._containers or self._networks or self._volumes or self._images or self._making:
            self.lifeline.abandon()
        else:
            self.lifeline.end()


class _Ending:
    """The end of a run: the time that is left, and the interrupts that are put off."""

    def __init__(self, seconds: float) -> None:
        self.interrupts: list[KeyboardInterrupt] = []
        self._until = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """The number of seconds that are left."""
        return max(0.0, self._until - time.monotonic())

    def persist(self, action: Callable[[], None]) -> None:
        """Repeat an action until it is not interrupted. An interrupt shortens the time."""
        while len(self.interrupts) < INTERRUPTS:
            try:
                action()
            except KeyboardInterrupt as interrupt:
                self.interrupts.append(interrupt)
                self._until = min(self._until, time.monotonic() + END_TIME)
            else:
                return


def _remove_container(engine: Engine, name: str, timeout: float) -> bool:
    """Remove a container with its anonymous volumes. Wait if it is already being removed. Return True if it is gone."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            engine.api.remove_container(name, v=True, force=True)
            return True
        except APIError as error:
            if error.status_code != 409:  # 409: its removal is in progress
                return _is_gone(error)
        except (DockerException, RequestException):
            return False
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL)


def _remove_volume(engine: Engine, name: str, timeout: float) -> bool:
    return _removed(lambda: engine.api.remove_volume(name, force=True))


def _remove_network(engine: Engine, name: str, timeout: float) -> bool:
    return _removed(lambda: engine.api.remove_network(name))


def _remove_image(engine: Engine, tag: str, timeout: float) -> bool:
    return _removed(lambda: engine.api.remove_image(tag, noprune=False))


def _removed(remove: Callable[[], object]) -> bool:
    """Remove something. Return True if it is gone, even if something else removed it."""
    try:
        remove()
    except APIError as error:
        return _is_gone(error)
    except (DockerException, RequestException):
        return False
    return True


def _is_gone(error: APIError) -> bool:
    return bool(error.status_code == 404)


def remove_everything(
    engine: Engine,
    containers: Iterable[str],
    volumes: Iterable[str],
    images: Iterable[str],
    networks: Iterable[str] = (),
) -> None:
    """Remove containers, then what they used, by name. It is no error if something is already gone."""
    for remove, names in (
        (_remove_container, containers),
        (_remove_network, networks),
        (_remove_volume, volumes),
        (_remove_image, images),
    ):
        with Workers(REMOVERS) as pool:
            wait_for([pool.submit(remove, engine, name, REMOVAL_TIMEOUT) for name in names], math.inf)
