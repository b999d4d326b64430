"""Lend the probe to the containers of one run, so that the image has no influence on what runs as the probe.

The probe runs with more rights than the app, in the file system of an untrusted image. Engines follow the image's links to find
where to mount a volume and which program to start. Therefore:

- The folder has a new random name in each run. No image can have a link, a file or a VOLUME there, or a program in it.
- Before anything of an image runs with the probe, slimmer looks into a container of it that is never started. It refuses an image
  that has something at that name, or a VOLUME that leads to it or to the root.
- The folder is a read-only mount point directly below the root. It cannot be renamed, removed or written to.
- No path in it is looked up again once the app runs. The supervisor, which is already there, starts further commands
  (probes/files/commands.h), and a container that holds only the probe relays ports.
- The program carries a nonce, which it sends before anything else (probes/files/nonce.h).
"""

from __future__ import annotations

import base64
import io
import json
import posixpath
import secrets
import tarfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from slimmer.engine import description
from slimmer.engine.connection import Engine
from slimmer.engine.containers import Container, engine_calls
from slimmer.engine.description import Description
from slimmer.errors import EngineError, ObservationIncomplete
from slimmer.image.config import ImageConfig
from slimmer.probe_mount import PROGRAM, ProbeMount
from slimmer.workers import Workers

NONCE_MARK = b"slimmer-probe-nonce:"
NONCE_LENGTH = 32
UNSET = b"-" * NONCE_LENGTH
MODE = 0o111
"""The mode of the program. Everybody may run it and nobody may read it, so that only root could learn the nonce from it."""

DOCKER_INIT = "/sbin/docker-init"
PODMAN_INIT = "/run/podman-init"
"""The paths where the engines mount the program of `--init` (moby's daemon/oci_linux.go, podman's libpod/define/config.go)."""

STAT_HEADER = "X-Docker-Container-Path-Stat"
HINT = "slimmer does not run its probe in such an image. If you made the image yourself, please report this."


class Scope(Protocol):
    """Makes the containers and images of one run (slimmer.engine.resources.EngineResources)."""

    @property
    def engine(self) -> Engine: ...

    def create(self, description: Description, purpose: str) -> Container: ...

    def remove_soon(self, container: Container) -> None: ...

    def import_image(self, archive: bytes, purpose: str, *changes: str) -> str: ...


class ProbeLender:
    """Makes the probe's image and the container that lends it, each once. Several threads may use it."""

    def __init__(self, scope: Scope) -> None:
        self.folder = f"/.slimmer-{secrets.token_hex(16)}"
        self.nonce = secrets.token_hex(NONCE_LENGTH // 2)
        self._scope = scope
        self._lock = threading.RLock()
        self._image = ""
        self._helper = ""
        self._look_lock = threading.Lock()
        self._looked_at: dict[str, str] = {}

    def image(self, probe: Path) -> str:
        """Return the tag of an image that holds only the probe. `probe` is the program on this machine."""
        with self._lock:
            if not self._image:
                program = with_nonce(probe.read_bytes(), self.nonce)
                archive = archive_of({f"{self.folder}/{PROGRAM}": program})
                self._image = self._scope.import_image(archive, "probe", f"VOLUME {self.folder}")
            return self._image

    def own(self, probe: Path) -> ProbeMount:
        """Return the probe for containers of its own image."""
        with self._lock:
            image = self.image(probe)
            if not self._helper:
                helper = self._scope.create(description.still(image), "probe").id
                if self._scope.engine.is_podman:  # podman fills a volume from its image only when the container starts
                    program = with_nonce(probe.read_bytes(), self.nonce)
                    with engine_calls("put the probe into its volume"):
                        self._scope.engine.api.put_archive(helper, self.folder, archive_of({PROGRAM: program}))
                self._helper = helper
            return ProbeMount(self._helper, self.folder, self.nonce)

    def lend(self, probe: Path, config: ImageConfig, image: str = "", *, init: bool = False) -> ProbeMount:
        """Return the probe for containers of an image with the configuration `config`. `image` may name another image with the same configuration.

        `init`: the engine's init will be the first process, with the probe's rights until it starts the probe. Raises
        ObservationIncomplete if the image could influence what lies at the probe's place.
        """
        image = image or config.image_id
        if image == self._image:
            return self.own(probe)
        with Workers(1) as pool:
            looking = pool.submit(self._look, config, image)
            mount = self.own(probe)
            hidden = looking.result()
        if init and hidden:
            raise ObservationIncomplete(f"VOLUME {hidden} would hide the engine's init", hint=HINT)
        return mount

    def _look(self, config: ImageConfig, image: str) -> str:
        with self._look_lock:
            if image not in self._looked_at:
                container = self._scope.create(description.looked_at(config, image), f"look-{len(self._looked_at)}")
                try:
                    self._looked_at[image] = check_place(self._scope.engine, container.id, self.folder, config.volumes)
                finally:
                    self._scope.remove_soon(container)
            return self._looked_at[image]


def check_place(engine: Engine, container: str, folder: str, volumes: tuple[str, ...]) -> str:
    """Raise ObservationIncomplete if a container that was never started has something at `folder`, or a VOLUME there.

    Return a VOLUME that would hide the engine's init, or "".
    """
    files = _Files(engine, container)
    if files.end(folder) is not None:
        raise ObservationIncomplete(f"the image already has {folder}, where slimmer's probe would be", hint=HINT)
    ends = {volume: files.mount_point(volume) for volume in volumes}
    for volume, end in ends.items():
        if end == "/" or _is_at_or_below(end, folder):
            raise ObservationIncomplete(f"VOLUME {volume} leads to {end}, and would hide slimmer's probe", hint=HINT)
    init = PODMAN_INIT if engine.is_podman else DOCKER_INIT
    place = files.mount_point(init) if ends else init
    # Engines mount paths with fewer parts first. A later mount hides the init.
    late = (volume for volume in ends if volume.strip("/").count("/") >= init.strip("/").count("/"))
    return next((volume for volume in late if _is_at_or_below(place, ends[volume])), "")


def _is_at_or_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder.rstrip('/')}/")


class _Files:
    """The files of a container that was never started. Each path is asked for once."""

    def __init__(self, engine: Engine, container: str) -> None:
        self._engine, self._container = engine, container
        self._ends: dict[str, str | None] = {}

    def end(self, path: str) -> str | None:
        """Return where a path leads, or None if nothing has that name. Its folders must not be links."""
        if path not in self._ends:
            self._ends[path] = _end(self._engine, self._container, path)
        return self._ends[path]

    def mount_point(self, path: str) -> str:
        """Return where the engine would mount something at a path. It follows links and makes missing folders."""
        place, parts = "/", posixpath.normpath(f"/{path.lstrip('/')}").split("/")[1:]
        for number, part in enumerate(parts):
            end = self.end(posixpath.join(place, part)) if part else "/"
            if end is None:
                return posixpath.join(place, *parts[number:])
            place = end
        return place


def _end(engine: Engine, container: str, path: str) -> str | None:
    """Return where a path of a container leads after all links, or None if nothing has that name.

    Source: Engine API v1.41, "Get information about files in a container".
    """
    with engine_calls(f"look at {path} in a container"):
        url = engine.api._url("/containers/{0}/archive", container)
        answer = engine.api.head(url, params={"path": path}, timeout=engine.api.timeout)
        if answer.status_code == 404:
            return None
        answer.raise_for_status()
    try:
        found = json.loads(base64.b64decode(answer.headers[STAT_HEADER]))
        return posixpath.normpath(str(found["linkTarget"] or path))
    except (KeyError, ValueError, TypeError) as error:
        raise EngineError(f"the engine gave an invalid answer about {path}: {error}") from error


def with_nonce(program: bytes, nonce: str) -> bytes:
    """Return the probe's program with this run's nonce in it. Raise EngineError if the program is not slimmer's probe."""
    if program.count(NONCE_MARK + UNSET) != 1:
        raise EngineError("the probe's program has no place for a nonce", hint="Install slimmer again.")
    return program.replace(NONCE_MARK + UNSET, NONCE_MARK + nonce.encode("ascii"))


def archive_of(programs: Mapping[str, bytes]) -> bytes:
    """Return a tar archive of programs by name. Without programs, it is empty."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, content in programs.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), MODE
            tar.addfile(member, io.BytesIO(content))
    return archive.getvalue()
