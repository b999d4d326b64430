"""Find the container engine and connect to it: Docker or Podman, local or remote, as the `docker` client does."""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import requests
from docker.errors import DockerException
from docker.tls import TLSConfig

from slimmer.engine.client import client
from slimmer.engine.endpoints import endpoints
from slimmer.engine.refusals import hint, reason, without_credentials
from slimmer.errors import EngineUnreachable, UnsupportedEngine
from slimmer.probe_binary import ARCHITECTURES

MOST_CALLS = 100
"""The number of connections that the client keeps. More calls at a time make urllib3 fail when it counts the connections of a closed pool."""

CONNECT_TIMEOUT = 10
"""Seconds to wait for an engine's first answer. A host that drops packets must not hang the command."""

ANSWER_TIMEOUT = 120
"""Seconds to wait for any later answer. Builds and loads stream their progress."""

HASTE_TIMEOUT = 2
"""Seconds to wait for an answer when slimmer only has to clean up and somebody is waiting for it to exit."""


@lru_cache(maxsize=8)
def _shares_network(path: str) -> bool:
    """Return True if the process that listens on this socket is in the network namespace of this process, or if that is unknown.

    Two engines give their containers the same addresses. In another network namespace, an address leads to the wrong container. If
    the process is not in this PID namespace, as in a CI job's container with the engine's socket, its ID is 0 (unix(7), pid_namespaces(7)).
    Then the network may be another one, and a relay works in any case.
    """
    try:
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(CONNECT_TIMEOUT)
            peer.connect(path)
            process, _, _ = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        if not process:
            return False
        return Path(f"/proc/{process}/ns/net").stat().st_ino == Path("/proc/self/ns/net").stat().st_ino
    except OSError:
        return True


@dataclass(frozen=True, slots=True)
class Engine:
    """A connected engine and what it says about itself. `settings` say how it was reached, for `connect_as`; `url` is to be shown."""

    api: Any  # docker.APIClient; its published types lack many of the calls that slimmer makes
    url: str
    version: str
    architecture: str
    operating_system: str
    is_podman: bool
    rootless: bool
    security: tuple[str, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def local(self) -> bool:
        """True if the addresses of containers can be reached from this machine, and lead to the right containers."""
        desktop = "desktop" in self.operating_system.lower()
        here = self.url.startswith(("unix://", "http+unix://")) and sys.platform == "linux" and not desktop
        return here and not self.rootless and _shares_network(self.url.rpartition("unix://")[2])

    @contextmanager
    def hasty(self) -> Iterator[None]:
        """Shorten the time limit for answers, for all threads, within the block."""
        before, self.api.timeout = self.api.timeout, HASTE_TIMEOUT
        try:
            yield
        finally:
            self.api.timeout = before

    def close(self) -> None:
        """Close all connections."""
        self.api.close()


def connect_as(settings: Mapping[str, Any]) -> Engine:
    """Connect to the engine that another process is connected to (Engine.settings). Raise EngineUnreachable if it does not answer."""
    url = without_credentials(str(settings.get("base_url", "")))
    try:
        tls = TLSConfig(**settings["tls"]) if settings.get("tls") else False
        return _connected({**settings, "tls": tls}, url)
    except (DockerException, requests.RequestException, OSError, ValueError) as error:
        raise EngineUnreachable(f"the engine does not answer: {url}: {reason(error)}") from error


def connect(docker_host: str = "") -> Engine:
    """Connect to `docker_host` if it is given, or else to the first engine that answers.

    If DOCKER_HOST or DOCKER_CONTEXT is set, nothing else is tried. Otherwise, the current docker context is tried first, then the
    usual sockets.
    `docker_host` replaces DOCKER_HOST, and is used with the same DOCKER_TLS_VERIFY and DOCKER_CERT_PATH.

    Raises EngineUnreachable with all that was tried, or UnsupportedEngine if the engine does not run Linux containers.
    """
    tried: list[str] = []
    for settings in endpoints(docker_host):
        url = without_credentials(str(settings.get("base_url", "")))
        try:
            return _connected(settings, url)
        except (DockerException, requests.RequestException, OSError, ValueError) as error:
            tried.append(f"{url}: {reason(error)}")
    raise EngineUnreachable(
        "no container engine answers. Tried:\n  " + "\n  ".join(tried), hint=hint(tried, docker_host)
    )


def _connected(settings: dict[str, Any], url: str) -> Engine:
    if url.startswith("unix://"):
        _knock(url.removeprefix("unix://"))
    api = client(settings, CONNECT_TIMEOUT, MOST_CALLS)
    try:
        engine = _describe(api, url, as_values(settings))
    except BaseException:
        api.close()
        raise
    api.timeout = ANSWER_TIMEOUT
    return engine


def as_values(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the SDK's settings as JSON values. Certificates are given by path."""
    tls = settings.get("tls")
    if isinstance(tls, TLSConfig):
        tls = {"client_cert": tls.cert, "ca_cert": tls.ca_cert, "verify": tls.verify}
    return {**settings, "tls": tls or False}


def _knock(path: str) -> None:
    """Raise OSError if nobody listens on a socket. The SDK would fail later, with a message that is harder to read."""
    with socket.socket(socket.AF_UNIX) as knocking:
        knocking.settimeout(CONNECT_TIMEOUT)
        knocking.connect(path)


def _describe(api: Any, url: str, settings: Mapping[str, Any]) -> Engine:
    info: dict[str, Any] = api.info()
    if info.get("OSType", "linux") != "linux":
        raise UnsupportedEngine(
            f"the engine at {url} runs {info['OSType']} containers", hint="Switch it to Linux containers."
        )
    security = tuple(str(option) for option in info.get("SecurityOptions") or ())
    components = (api.version().get("Components") or [{}])[0]
    return Engine(
        api=api,
        url=url,
        version=str(info.get("ServerVersion", "")),
        architecture=ARCHITECTURES.get(str(info.get("Architecture", "")), str(info.get("Architecture", ""))),
        operating_system=str(info.get("OperatingSystem", "")),
        is_podman="podman" in str(components.get("Name", "")).lower(),
        rootless=any("rootless" in option for option in security) or info.get("Rootless") is True,  # Podman 4
        security=security,
        settings=settings,
    )
