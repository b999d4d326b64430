"""The SDK's client for an endpoint, and the version of the API that it and the engine agree on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import docker
import requests
from requests.utils import get_environ_proxies

from slimmer.engine.refusals import without_credentials
from slimmer.errors import UnsupportedEngine

OLDEST_API = (1, 41)
"""Docker 20.10 and Podman 4. Older engines lack what slimmer asks for, such as the platform of an image."""

NEWEST_API = (1, 51)
"""The newest version that slimmer was tried with (Docker 28.5). Newer ones may leave out what it reads, so it asks for this one."""

BROKEN = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    ConnectionError,
    TimeoutError,
)
"""Errors that mean that there is no connection, or none any more. Then ssh knows best why."""

SHOWN = 80
"""Characters of a version that are shown, if it is none."""


def client(settings: Mapping[str, Any], timeout: int, connections: int) -> Any:
    """Connect to an endpoint, and agree on a version. Raise UnsupportedEngine if there is none that both speak."""
    url = str(settings.get("base_url", ""))
    if url.startswith("ssh://"):
        from slimmer.engine.ssh import SshClient

        api = SshClient(url, timeout, connections, _text(OLDEST_API))
    else:
        api = docker.APIClient(version=_text(OLDEST_API), timeout=timeout, max_pool_size=connections, **settings)
    try:
        _own_trust(api)
        api._version = _agreed(api.version(api_version=False), without_credentials(url))
    except BaseException as error:
        problem = api.problem() if url.startswith("ssh://") and isinstance(error, BROKEN) else ""
        api.close()
        if problem:
            raise OSError(problem) from error
        raise
    return api


def _own_trust(api: Any) -> None:
    """Let the certificates of the settings count alone. Otherwise, requests would prefer REQUESTS_CA_BUNDLE to them."""
    if api.base_url.startswith("http"):
        api.proxies = get_environ_proxies(api.base_url)
        api.trust_env = False


def _agreed(answer: Any, url: str) -> str:
    newest, oldest = _version(answer, "ApiVersion"), _version(answer, "MinAPIVersion")
    if newest < OLDEST_API:
        raise UnsupportedEngine(
            f"the engine at {url} is too old: it speaks version {_text(newest)} of the API, and slimmer needs {_text(OLDEST_API)}",
            hint="Update it: Docker 20.10 or newer, or Podman 4 or newer.",
        )
    if oldest > NEWEST_API:
        raise UnsupportedEngine(
            f"the engine at {url} is too new: it speaks version {_text(oldest)} of the API or newer, and slimmer {_text(NEWEST_API)} at most",
            hint="Update slimmer. Until then, dockerd takes older versions with the variable DOCKER_MIN_API_VERSION.",
        )
    return _text(min(newest, NEWEST_API))


def _version(answer: Any, name: str) -> tuple[int, int]:
    text = answer.get(name) if isinstance(answer, Mapping) else None
    if name == "MinAPIVersion" and not text:
        return OLDEST_API
    try:
        major, minor = str(text).split(".")
        return int(major), int(minor)
    except ValueError as error:
        raise ValueError(f"it does not say which version of the API it speaks: {str(text)[:SHOWN]!r}") from error


def _text(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))
