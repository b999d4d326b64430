"""Lends the probe to the containers of one run, so that the image cannot have a say in what runs as the probe.

The probe runs with more rights than the app, in a file system that an untrusted image has made. Engines follow the image's
links to find where a volume is to be mounted and which program to start. Therefore:

- the folder's name is drawn anew for each run: no image can have a link, a file or a VOLUME at it, or a program in it;
- before anything of an image runs with the probe, a container of it that is never started is looked at: whatever lies at
  that name, or a VOLUME that leads to it or to the root, is refused;
- the folder is a mount point directly below the root, and read-only: it cannot be renamed, removed or written to;
- no path of it is looked up again once the app runs: further commands are started by the supervisor, which is there already
  (probes/files/commands.h), and ports are relayed by a container that holds the probe alone;
- the program carries a nonce, which it says before anything else (probes/files/nonce.h).
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
"""Of the program: to be run by everybody and read by nobody, so that only root could learn the nonce from it."""

DOCKER_INIT = "/sbin/docker-init"
PODMAN_INIT = "/run/podman-init"
"""Where the engines mount the program of `--init` (moby's daemon/oci_linux.go, podman's libpod/define/config.go)."""

STAT_HEADER = "X-Docker-Container-Path-Stat"
HINT = "slimmer does not run its probe in such an image. Report it if you made the image yourself."


class Scope(Protocol):
    """What makes the containers and images of one run (slimmer.engine.resources.EngineResources)."""

    @property
    def engine(self) -> Engine: ...

    def create(self, description: Description, purpose: str) -> Container: ...

    def remove(self, container: Container) -> None: ...

    def import_image(self, archive: bytes, purpose: str, *changes: str) -> str: ...


class ProbeLender:
    """Makes the probe's image and the container that lends it, both once; several threads may use it."""

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
        """The tag of an image that holds the probe (`probe` is its program here) and nothing else."""
        with self._lock:
            if not self._image:
                program = with_nonce(probe.read_bytes(), self.nonce)
                archive = archive_of({f"{self.folder}/{PROGRAM}": program})
                self._image = self._scope.import_image(archive, "probe", f"VOLUME {self.folder}")
            return self._image

    def own(self, probe: Path) -> ProbeMount:
        """The probe for containers of its own image."""
        with self._lock:
            image = self.image(probe)
            if not self._helper:
                helper = self._scope.create(description.still(image), "probe").id
                if self._scope.engine.is_podman:  # which fills a volume from its image only at the start
                    program = with_nonce(probe.read_bytes(), self.nonce)
                    with engine_calls("put the probe into its volume"):
                        self._scope.engine.api.put_archive(helper, self.folder, archive_of({PROGRAM: program}))
                self._helper = helper
            return ProbeMount(self._helper, self.folder, self.nonce)

    def lend(self, probe: Path, config: ImageConfig, image: str = "", *, init: bool = False) -> ProbeMount:
        """The probe for containers of an image whose configuration is `config`: its own, or `image`'s with the same.

        `init`: the engine's own init will be the first process, and has the probe's rights until it starts the probe. Raises ObservationIncomplete when the image has a say in where the probe would lie.
        """
        image = image or config.image_id
        if image == self._image:
            return self.own(probe)
        with Workers(1) as pool:
            looking = pool.submit(self._look, config, image)
            mount = self.own(probe)
            hidden = looking.result()
        if init and hidden:
            raise ObservationIncomplete(f"VOLUME {hidden} leads over the engine's own init", hint=HINT)
        return mount

    def _look(self, config: ImageConfig, image: str) -> str:
        with self._look_lock:
            if image not in self._looked_at:
                container = self._scope.create(description.looked_at(config, image), f"look-{len(self._looked_at)}")
                try:
                    self._looked_at[image] = check_place(self._scope.engine, container.id, self.folder, config.volumes)
                finally:
                    self._scope.remove(container)
            return self._looked_at[image]


def check_place(engine: Engine, container: str, folder: str, volumes: tuple[str, ...]) -> str:
    """Raise ObservationIncomplete if a container that was never started has something at `folder`, or a VOLUME there.

    Returns a VOLUME that would hide the engine's init, "" for none.
    """
    files = _Files(engine, container)
    if files.end(folder) is not None:
        raise ObservationIncomplete(f"the image has a {folder} of its own, where slimmer's probe would lie", hint=HINT)
    ends = {volume: files.mount_point(volume) for volume in volumes}
    for volume, end in ends.items():
        if end == "/" or _is_at_or_below(end, folder):
            raise ObservationIncomplete(f"VOLUME {volume} leads to {end}, over slimmer's probe", hint=HINT)
    init = PODMAN_INIT if engine.is_podman else DOCKER_INIT
    place = files.mount_point(init) if ends else init
    # What has fewer parts is mounted first; what is mounted later hides the init.
    late = (volume for volume in ends if volume.strip("/").count("/") >= init.strip("/").count("/"))
    return next((volume for volume in late if _is_at_or_below(place, ends[volume])), "")


def _is_at_or_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder.rstrip('/')}/")


class _Files:
    """The files of a container that was never started; each path is asked for once."""

    def __init__(self, engine: Engine, container: str) -> None:
        self._engine, self._container = engine, container
        self._ends: dict[str, str | None] = {}

    def end(self, path: str) -> str | None:
        """Where a path leads whose folders are no links; None if nothing has that name."""
        if path not in self._ends:
            self._ends[path] = _end(self._engine, self._container, path)
        return self._ends[path]

    def mount_point(self, path: str) -> str:
        """Where the engine will mount something at a path: links followed, and what is missing made."""
        place, parts = "/", posixpath.normpath(f"/{path.lstrip('/')}").split("/")[1:]
        for number, part in enumerate(parts):
            end = self.end(posixpath.join(place, part)) if part else "/"
            if end is None:
                return posixpath.join(place, *parts[number:])
            place = end
        return place


def _end(engine: Engine, container: str, path: str) -> str | None:
    """Where a path of a container leads, links followed; None if nothing has that name.

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
        raise EngineError(f"the engine's answer about {path} makes no sense: {error}") from error


def with_nonce(program: bytes, nonce: str) -> bytes:
    """The probe's program with this run's nonce in it. Raises EngineError for a program that is not our probe's."""
    if program.count(NONCE_MARK + UNSET) != 1:
        raise EngineError("the probe's program has no place for a nonce", hint="Install slimmer again.")
    return program.replace(NONCE_MARK + UNSET, NONCE_MARK + nonce.encode("ascii"))


def archive_of(programs: Mapping[str, bytes]) -> bytes:
    """A tar of programs by name; empty for none."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, content in programs.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), MODE
            tar.addfile(member, io.BytesIO(content))
    return archive.getvalue()
