"""The options of `docker run` that slimmer passes on."""

from __future__ import annotations

from dataclasses import dataclass, field

from slimmer.image.config import Healthcheck


@dataclass(frozen=True, slots=True)
class Companion:
    """A container that the app needs: a database, a cache. The app reaches it at `name`.

    `command` replaces the image's CMD; () is the image's own. Values of `env` are secrets. `ready_timeout` is in seconds.

    A service of a compose file has `options` of its own, which hold its command and its variables, too. `healthcheck` replaces that of
    the image; without a `test`, it has the image's. If it `completes`, it is ready when it has exited with code 0.
    """

    name: str
    image: str
    command: tuple[str, ...] = ()
    env: tuple[str, ...] = field(default=(), repr=False)
    ready_timeout: float = 60.0
    options: RunOptions | None = None
    healthcheck: Healthcheck | None = None
    completes: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The names at which the app reaches the companion."""
        return tuple(dict.fromkeys((self.name, *(self.options.aliases if self.options else ()))))

    @property
    def named_by(self) -> str:
        """The option that names the companion."""
        return "--with" if self.options is None else "--compose-service"


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Options of a run, as the user gave them. Values of `env` are secrets, and are never written to an artifact.

    `companions` are started before the app, in a network that they share with it. Each run of the app has its own.

    `aliases` are further names of the app in that network. `exerciser` is how to run the image of a plan's ImageCommand that is a service
    of a compose file.

    If `entrypoint` or `cmd` is None, the image's own is used. An entrypoint clears the image's CMD, as in docker.
    `volumes` are `SOURCE:TARGET[:MODE]`; `tmpfs` are `PATH[:OPTIONS]`; `ulimits` are `NAME=SOFT[:HARD]`;
    `devices` are `HOST[:CONTAINER[:PERMISSIONS]]`; `shm_size` is in bytes, and 0 is the engine's default.
    """

    entrypoint: tuple[str, ...] | None = None
    cmd: tuple[str, ...] | None = None
    env: tuple[str, ...] = field(default=(), repr=False)
    user: str = ""
    workdir: str = ""
    volumes: tuple[str, ...] = ()
    share_mounts: bool = False
    tmpfs: tuple[str, ...] = ()
    network: str = ""
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    group_add: tuple[str, ...] = ()
    security_opt: tuple[str, ...] = ()
    shm_size: int = 0
    ulimits: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    gpus: str = ""
    init: bool = False
    read_only: bool = False
    platform: str = ""
    hostname: str = ""
    add_hosts: tuple[str, ...] = ()
    sysctls: tuple[str, ...] = ()
    pid_mode: str = ""
    ipc_mode: str = ""
    memory: int = 0
    companions: tuple[Companion, ...] = ()
    aliases: tuple[str, ...] = ()
    exerciser: Companion | None = None
