"""Where the container engine may be: DOCKER_HOST, a docker context, or the usual sockets."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from docker.errors import DockerException
from docker.utils import kwargs_from_env

from slimmer.engine import contexts
from slimmer.engine.refusals import without_credentials
from slimmer.errors import EngineUnreachable

ROOT = Path("/")
USUAL = "unix:///var/run/docker.sock"

Endpoint = dict[str, Any]
"""The SDK's settings: `base_url`, and `tls` if certificates are used."""


def endpoints(docker_host: str, environ: Mapping[str, str] = os.environ, root: Path = ROOT) -> list[Endpoint]:
    """Return what to try, in order. `docker_host` or DOCKER_HOST is tried alone, and so is the context that DOCKER_CONTEXT names.
    `root` is where this machine's sockets are looked for.

    Raises EngineUnreachable if what the user named cannot be used at all.
    """
    if host := docker_host or environ.get("DOCKER_HOST"):
        try:
            return [dict(kwargs_from_env(environment={**environ, "DOCKER_HOST": host}))]
        except DockerException as error:  # DOCKER_TLS_VERIFY without certificates
            raise EngineUnreachable(
                f"DOCKER_HOST cannot be used: {without_credentials(str(error))}", hint=CERTIFICATES_HINT
            ) from error
    name = contexts.chosen(environ)
    if environ.get("DOCKER_CONTEXT"):
        return [{"base_url": USUAL} if name == contexts.DEFAULT else contexts.settings(name, environ)]
    sockets = [{"base_url": f"unix://{path}"} for path in _sockets(environ) if _may_be_socket(below(root, path))]
    return [*_current(name, environ), *sockets] or [{"base_url": USUAL}]


CERTIFICATES_HINT = (
    "With DOCKER_TLS_VERIFY, the folder DOCKER_CERT_PATH (default: ~/.docker) must have ca.pem, cert.pem and key.pem."
)


def _current(name: str, environ: Mapping[str, str]) -> list[Endpoint]:
    """Return the settings of the current context. The usual sockets cover the default one, and may answer if this one is broken."""
    try:
        return [contexts.settings(name, environ)] if name != contexts.DEFAULT else []
    except EngineUnreachable:
        return []


def below(root: Path, path: Path) -> Path:
    """Return where a path is if the machine's files are in `root`."""
    return root / path.relative_to("/") if path.is_absolute() else path


def _sockets(environ: Mapping[str, str]) -> list[Path]:
    runtime = Path(environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}")
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
