"""The parts of an image's configuration that Podman leaves out of its answers to Docker's API: HEALTHCHECK, SHELL and ONBUILD.

Podman's own API tells the first one. The others are in the image's configuration file alone, which `save` writes behind the layers. The
image is saved only if its history says that there is one of them.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Mapping
from typing import Any

from slimmer.engine.connection import Engine
from slimmer.engine.containers import engine_calls
from slimmer.engine.saved import NOT_UNDERSTOOD, PIECE, SavedStream
from slimmer.errors import EngineError

FILE_LIMIT = 1 << 22
"""The largest configuration file in bytes. A registry takes manifests of 4 MiB (OCI distribution specification, "Pushing Manifests")."""

MOST_FILES = 1000
"""The most such files that are read. Podman writes two for each layer, and an image has at most 127 layers."""

SAVED_ONLY = {"SHELL ": "Shell", "ONBUILD ": "OnBuild"}
"""The instructions that no API tells, and their names in a configuration."""


def completed(engine: Engine, found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer to an image inspection with all parts of the configuration. Raise EngineError if they cannot be read.

    It has no digests of a registry: Podman also lists those of manifests that no registry has, and a push makes another one of these.
    """
    image = str(found["Id"])
    with engine_calls(f"inspect {image}"):
        own = _answer(engine, image)
    parts = {"Healthcheck": own["Healthcheck"]} if own.get("Healthcheck") else {}
    history = [str(entry.get("created_by") or "") for entry in own.get("History") or ()]
    wanted = {part for word, part in SAVED_ONLY.items() if any(word in line for line in history)}
    if wanted:
        saved = _saved_config(engine, image)
        parts |= {part: saved[part] for part in sorted(wanted) if saved.get(part)}
    return {**found, "RepoDigests": [], "Config": {**(found.get("Config") or {}), **parts}}


def _answer(engine: Engine, image: str) -> dict[str, Any]:
    url = engine.api._url("/libpod/images/{0}/json", image)
    answer: dict[str, Any] = engine.api._result(engine.api._get(url), json=True)
    return answer


def _saved_config(engine: Engine, image: str) -> dict[str, Any]:
    """Return the `config` of an image's configuration file (OCI image specification, "Image Configuration")."""
    with engine_calls(f"save {image}"):
        stream = engine.api.get_image(image, chunk_size=PIECE)
        try:
            with tarfile.open(fileobj=SavedStream(stream), mode="r|", bufsize=PIECE) as tar:
                return _config_in(tar)
        except NOT_UNDERSTOOD as error:
            raise EngineError(f"cannot read the archive of {image} that the engine saved: {error!r}") from error
        finally:
            stream.close()


def _config_in(tar: tarfile.TarFile) -> dict[str, Any]:
    files: dict[str, bytes] = {}
    while (member := tar.next()) is not None:
        tar.members = []  # type: ignore[attr-defined]  # it would keep them all in memory
        is_config = member.isreg() and member.size <= FILE_LIMIT and member.name.endswith(".json")
        source = tar.extractfile(member) if is_config and len(files) < MOST_FILES else None
        if source is not None:
            files[member.name] = source.read()
    [manifest] = json.loads(files["manifest.json"])
    config = json.loads(files[manifest["Config"]])["config"] or {}
    if not isinstance(config, dict):
        raise TypeError("config is no object")
    return config
