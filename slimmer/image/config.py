"""An image's configuration as an immutable value: what `docker inspect` says about it.

Source: the OCI image specification (config.md, "Properties") and the Docker extensions to it (Healthcheck, OnBuild, Shell,
StopTimeout), as Docker's Engine API v1.41 returns them from `GET /images/{name}/json`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""PATH if an image sets none (moby, oci/defaults.go)."""


INSTRUCTIONS = {
    "user": "USER",
    "working_dir": "WORKDIR",
    "env": "ENV",
    "entrypoint": "ENTRYPOINT",
    "cmd": "CMD",
    "exposed_ports": "EXPOSE",
    "volumes": "VOLUME",
    "labels": "LABEL",
    "stop_signal": "STOPSIGNAL",
    "shell": "SHELL",
    "healthcheck": "HEALTHCHECK",
    "on_build": "ONBUILD",
}
"""Fields of an ImageConfig by the Dockerfile instruction that sets them (Dockerfile reference)."""


@dataclass(frozen=True, slots=True)
class Healthcheck:
    """A HEALTHCHECK. `test` begins with NONE, CMD or CMD-SHELL. Times are in nanoseconds; 0 means inherited or default."""

    test: tuple[str, ...]
    interval: int = 0
    timeout: int = 0
    start_period: int = 0
    start_interval: int = 0
    retries: int = 0

    @property
    def disabled(self) -> bool:
        """True if there is nothing to run."""
        return not self.test or self.test[0] == "NONE"


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """The part of an image that is not files. None and () differ: an image may have no ENTRYPOINT or an empty one."""

    image_id: str
    architecture: str
    os: str
    variant: str = ""
    created: str = ""
    user: str = ""
    working_dir: str = ""
    env: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] | None = None
    cmd: tuple[str, ...] | None = None
    exposed_ports: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    stop_signal: str = ""
    stop_timeout: int | None = None
    shell: tuple[str, ...] | None = None
    healthcheck: Healthcheck | None = None
    on_build: tuple[str, ...] = ()
    author: str = ""
    engine_size: int = 0  # layers unpacked, compressed or both: each engine means something else, so nobody is shown it
    layers: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()

    @property
    def has_manifest_id(self) -> bool:
        """True if the ID is the digest of the manifest, as in Docker's containerd image store. Otherwise, it is that of the configuration."""
        return any(text.partition("@")[2] == self.image_id for text in self.digests)

    @property
    def command(self) -> tuple[str, ...]:
        """What the container runs by default: ENTRYPOINT and CMD together."""
        return (self.entrypoint or ()) + (self.cmd or ())

    def ports(self, wanted: str = "tcp") -> tuple[int, ...]:
        """Return the ports of a protocol that the image EXPOSEs."""
        ports = (entry.partition("/") for entry in self.exposed_ports)
        return tuple(sorted(int(port) for port, _, kind in ports if (kind or "tcp") == wanted and port.isdigit()))

    @property
    def search_path(self) -> tuple[str, ...]:
        """The folders of PATH. If the image does not set it, the engine does."""
        value = next((entry[5:] for entry in self.env if entry.startswith("PATH=")), DEFAULT_PATH)
        return tuple(part for part in value.split(":") if part)


def without_builders_additions(before: ImageConfig, after: ImageConfig) -> ImageConfig:
    """Return the configuration `after` of an image that was made of one with the configuration `before`.

    Without what builders add if an image does not set it: PATH (the classic builder: moby, builder/dockerfile/dispatchers.go) and the
    working directory / (BuildKit: frontend/dockerfile/dockerfile2llb/image.go). Runtimes use the same values for what is not set.
    """
    added = f"PATH={DEFAULT_PATH}"
    had = any(entry.partition("=")[0] == "PATH" for entry in before.env)
    env = tuple(entry for entry in after.env if had or entry != added)
    working_dir = after.working_dir if before.working_dir or after.working_dir != "/" else ""
    return replace(after, env=env, working_dir=working_dir)


def config_from_inspect(inspect: Mapping[str, Any]) -> ImageConfig:
    """Make a configuration from the engine's answer to an image inspection."""
    config: Mapping[str, Any] = inspect.get("Config") or {}
    return ImageConfig(
        image_id=str(inspect.get("Id") or ""),
        architecture=str(inspect.get("Architecture") or ""),
        os=str(inspect.get("Os") or ""),
        variant=str(inspect.get("Variant") or ""),
        created=str(inspect.get("Created") or ""),
        user=str(config.get("User") or ""),
        working_dir=str(config.get("WorkingDir") or ""),
        env=tuple(config.get("Env") or ()),
        entrypoint=_optional(config.get("Entrypoint")),
        cmd=_optional(config.get("Cmd")),
        exposed_ports=tuple(sorted(config.get("ExposedPorts") or ())),
        volumes=tuple(sorted(config.get("Volumes") or ())),
        labels=tuple(sorted((config.get("Labels") or {}).items())),
        stop_signal=str(config.get("StopSignal") or ""),
        stop_timeout=config.get("StopTimeout"),
        shell=_optional(config.get("Shell")),
        healthcheck=_healthcheck(config.get("Healthcheck")),
        on_build=tuple(config.get("OnBuild") or ()),
        author=str(inspect.get("Author") or ""),
        engine_size=int(inspect.get("Size") or 0),
        layers=tuple((inspect.get("RootFS") or {}).get("Layers") or ()),
        tags=tuple(inspect.get("RepoTags") or ()),
        digests=tuple(inspect.get("RepoDigests") or ()),
    )


def _optional(value: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if value is None else tuple(value)


def _healthcheck(value: Mapping[str, Any] | None) -> Healthcheck | None:
    if not value or not value.get("Test"):
        return None
    return Healthcheck(
        test=tuple(value["Test"]),
        interval=int(value.get("Interval") or 0),
        timeout=int(value.get("Timeout") or 0),
        start_period=int(value.get("StartPeriod") or 0),
        start_interval=int(value.get("StartInterval") or 0),
        retries=int(value.get("Retries") or 0),
    )
