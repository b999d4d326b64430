"""Where the container engine may be: DOCKER_HOST, a docker context, or the usual sockets."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from docker.errors import DockerException
from docker.utils import kwargs_from_env

from slimmer.engine import contexts
from slimmer.errors import EngineUnreachable

USUAL = "unix:///var/run/docker.sock"

Endpoint = dict[str, Any]
"""The SDK's settings: `base_url`, and `tls` if certificates are used."""


def endpoints(docker_host: str) -> list[Endpoint]:
    """Return what to try, in order. `docker_host` or DOCKER_HOST is tried alone, and so is the context that DOCKER_CONTEXT names.

    Raises EngineUnreachable if what the user named cannot be used at all.
    """
    if host := docker_host or os.environ.get("DOCKER_HOST"):
        try:
            return [dict(kwargs_from_env(environment={**os.environ, "DOCKER_HOST": host}))]
        except DockerException as error:  # DOCKER_TLS_VERIFY without certificates
            raise EngineUnreachable(f"DOCKER_HOST cannot be used: {error}", hint=CERTIFICATES_HINT) from error
    name = contexts.chosen()
    if os.environ.get("DOCKER_CONTEXT"):
        return [{"base_url": USUAL} if name == contexts.DEFAULT else contexts.settings(name)]
    sockets = [{"base_url": f"unix://{path}"} for path in _sockets() if _may_be_socket(path)]
    return [*_current(name), *sockets] or [{"base_url": USUAL}]


CERTIFICATES_HINT = (
    "With DOCKER_TLS_VERIFY, the folder DOCKER_CERT_PATH (default: ~/.docker) must have ca.pem, cert.pem and key.pem."
)


def _current(name: str) -> list[Endpoint]:
    """Return the settings of the current context. The usual sockets cover the default one, and may answer if this one is broken."""
    try:
        return [contexts.settings(name)] if name != contexts.DEFAULT else []
    except EngineUnreachable:
        return []


def _sockets() -> list[Path]:
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}")
    return [
        Path("/var/run/docker.sock"),
        runtime / "docker.sock",
        Path.home() / ".docker/run/docker.sock",
        Path.home() / ".docker/desktop/docker.sock",
        runtime / "podman/podman.sock",
        Path("/run/podman/podman.sock"),
    ]


def _may_be_socket(path: Path) -> bool:
    try:
        return path.is_socket()
    except PermissionError:
        return True  # try it, so that the error is reported
