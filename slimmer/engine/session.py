"""Everything that one run of slimmer makes in the engine, and its removal, whatever happens.

All of it carries the labels of `labels`; a RunScope removes what it made when it is left, in parallel, and a second
Ctrl-C does not cut that short: it is remembered and raised when all is gone.
"""

from __future__ import annotations

import dataclasses
import io
import tarfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from docker.errors import APIError, DockerException
from requests import RequestException

from slimmer.engine.connection import Engine
from slimmer.engine.containers import Container, engine_calls
from slimmer.engine.description import PROBE_FOLDER, Description, is_bind, split_volume
from slimmer.engine.labels import RUN_LABEL, labels, new_run, temporary_tag
from slimmer.engine.options import RunOptions

REMOVERS = 6


class RunScope:
    """A context manager that owns the containers, volumes and temporary images of one run."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.run = new_run()
        self._containers: list[str] = []
        self._volumes: list[str] = []
        self._images: list[str] = []
        self._helper = ""

    def __enter__(self) -> RunScope:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ------------------------------------------------------------------ making

    def create(self, description: Description, purpose: str) -> Container:
        """Create a container (it is not started). Raises EngineError with the engine's words."""
        name = f"slimmer-{self.run}-{purpose}"
        description = {**description, "Labels": labels(self.run)}
        with engine_calls(f"create a container of {description['Image']}"):
            created: dict[str, Any] = self.engine.api.create_container_from_config(description, name)
        self._containers.append(created["Id"])
        return Container(self.engine, created["Id"], name)

    def remove(self, container: Container) -> None:
        """Remove a container before the end of the run, with its anonymous volumes."""
        _remove_container(self.engine, container.id)
        with suppress(ValueError):
            self._containers.remove(container.id)

    def probe_helper(self, probe: Path) -> str:
        """The container that lends the probe to others as a read-only volume; made once, never started."""
        if not self._helper:
            image = self._import_probe(probe)
            description: Description = {"Image": image, "Cmd": ["none"], "HostConfig": {"LogConfig": {"Type": "none"}}}
            self._helper = self.create(description, "probe").id
        return self._helper

    def temporary_tag(self, purpose: str) -> str:
        """A tag in the reserved repository; the image that gets it is removed (or untagged) with the run."""
        tag = temporary_tag(self.run, purpose)
        self._images.append(tag)
        return tag

    def own_volumes(self, options: RunOptions, purpose: str) -> RunOptions:
        """The same options with a volume of its own, filled from the user's, for each named volume."""
        volumes = tuple(self._own_volume(entry, f"{purpose}-{n}") for n, entry in enumerate(options.volumes))
        return dataclasses.replace(options, volumes=volumes)

    def _import_probe(self, probe: Path) -> str:
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            folder = tarfile.TarInfo(PROBE_FOLDER.strip("/"))
            folder.type, folder.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(folder)
            member = tarfile.TarInfo(f"{PROBE_FOLDER.strip('/')}/slimmer-probe")
            member.size, member.mode = probe.stat().st_size, 0o555
            with probe.open("rb") as file:
                tar.addfile(member, file)
        tag = self.temporary_tag("probe")
        repository, _, name = tag.rpartition(":")
        changes = [f"VOLUME {PROBE_FOLDER}", f"LABEL {RUN_LABEL}={self.run}"]
        with engine_calls("import the probe"):
            self.engine.api.import_image_from_data(archive.getvalue(), repository=repository, tag=name, changes=changes)
        return tag

    def _own_volume(self, entry: str, purpose: str) -> str:
        source, target, mode = split_volume(entry)
        if not source or is_bind(source):
            return entry
        name = f"slimmer-{self.run}-{purpose}"
        with engine_calls("create a volume"):
            self.engine.api.create_volume(name, labels=labels(self.run))
        self._volumes.append(name)
        if self._volume_exists(source):
            self._copy_volume(source, name, purpose)
        return ":".join(part for part in (name, target, mode) if part)

    def _volume_exists(self, name: str) -> bool:
        try:
            self.engine.api.inspect_volume(name)
        except APIError as error:
            if error.status_code == 404:
                return False
            raise
        return True

    def _copy_volume(self, source: str, target: str, purpose: str) -> None:
        """Copy with the engine's own archive calls, through a container that never runs: no tool in any image needed."""
        mounts = [f"{source}:/from:ro,nocopy", f"{target}:/to:nocopy"]
        description: Description = {
            "Image": temporary_tag(self.run, "probe"),
            "Cmd": ["none"],
            "HostConfig": {"LogConfig": {"Type": "none"}, "Binds": mounts},
        }
        container = self.create(description, f"copy-{purpose}")
        with engine_calls(f"copy the volume {source}"):
            stream, _ = self.engine.api.get_archive(container.id, "/from/.")
            self.engine.api.put_archive(container.id, "/to", stream)
        self.remove(container)

    # ------------------------------------------------------------------ removing

    def close(self) -> None:
        """Remove all that is left. Interrupts meanwhile are raised at the end; other failures leave it to the next run."""
        interrupts: list[KeyboardInterrupt] = []
        _persist(lambda: self._remove_all(_remove_container, self._containers), interrupts)
        _persist(lambda: self._remove_all(_remove_volume, self._volumes), interrupts)
        _persist(lambda: self._remove_all(_remove_image, self._images), interrupts)
        if interrupts:
            raise interrupts[0]

    def _remove_all(self, remove: Callable[[Engine, str], None], names: list[str]) -> None:
        with ThreadPoolExecutor(REMOVERS) as pool:
            list(pool.map(lambda name: remove(self.engine, name), list(names)))
        names.clear()


def _persist(action: Callable[[], None], interrupts: list[KeyboardInterrupt]) -> None:
    """Repeat an action until it was not interrupted."""
    while len(interrupts) < 10:
        try:
            action()
        except KeyboardInterrupt as interrupt:
            interrupts.append(interrupt)
        else:
            return


def _remove_container(engine: Engine, identifier: str) -> None:
    with suppress(DockerException, RequestException):
        engine.api.remove_container(identifier, v=True, force=True)


def _remove_volume(engine: Engine, name: str) -> None:
    with suppress(DockerException, RequestException):
        engine.api.remove_volume(name, force=True)


def _remove_image(engine: Engine, tag: str) -> None:
    with suppress(DockerException, RequestException):
        engine.api.remove_image(tag, noprune=False)


def remove_everything(engine: Engine, containers: Iterable[str], volumes: Iterable[str], images: Iterable[str]) -> None:
    """Remove things by name, in the order in which they hold each other; what is gone already is no error."""
    for name in containers:
        _remove_container(engine, name)
    for name in volumes:
        _remove_volume(engine, name)
    for name in images:
        _remove_image(engine, name)
