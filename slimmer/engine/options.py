"""The options of `docker run` that slimmer passes on."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Options of a run, as the user gave them. Values of `env` are secrets, and are never written to an artifact.

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
