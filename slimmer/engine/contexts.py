"""Docker contexts: the engines that a user has given names to with `docker context create`.

The SDK has a reader, too. It ignores DOCKER_CONTEXT, finds nothing while there is no config.json, and leaves out TLS if a context has
no certificate of the client's. Source: docker/cli, cli/context/store (metadatastore.go, tlsstore.go).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from docker.errors import TLSParameterError
from docker.tls import TLSConfig

from slimmer.errors import EngineUnreachable

DEFAULT = "default"
HINT = "`docker context ls` lists the contexts. DOCKER_CONTEXT or `docker context use` chooses one."


def chosen(environ: Mapping[str, str] = os.environ) -> str:
    """Return the name of the context in use: DOCKER_CONTEXT, or what `docker context use` has set, or "default"."""
    if name := environ.get("DOCKER_CONTEXT"):
        return name
    try:
        config = json.loads((_folder(environ) / "config.json").read_text(encoding="utf-8"))
        return str(config.get("currentContext") or DEFAULT)
    except (OSError, ValueError, AttributeError):
        return DEFAULT


def settings(name: str, environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Return the SDK's settings for a context. Raise EngineUnreachable if there is none of that name, or if it cannot be read."""
    key = hashlib.sha256(name.encode()).hexdigest()
    try:
        known = json.loads((_folder(environ) / "contexts/meta" / key / "meta.json").read_text(encoding="utf-8"))
        endpoint = known["Endpoints"]["docker"]
        host, verify = str(endpoint["Host"]), not endpoint.get("SkipTLSVerify", False)
        tls = _tls(_folder(environ) / "contexts/tls" / key / "docker", verify=verify)
    except FileNotFoundError as error:
        raise EngineUnreachable(f"there is no docker context {name!r}", hint=HINT) from error
    except (OSError, ValueError, LookupError, TypeError, AttributeError, TLSParameterError) as error:
        raise EngineUnreachable(f"the docker context {name!r} cannot be read: {error!r}", hint=HINT) from error
    return {"base_url": host, "tls": tls or False}


def _tls(folder: Path, *, verify: bool) -> TLSConfig | None:
    ca, cert, key = (folder / name for name in ("ca.pem", "cert.pem", "key.pem"))
    if not (ca.is_file() or cert.is_file() or not verify):
        return None
    return TLSConfig(
        client_cert=(str(cert), str(key)) if cert.is_file() else None,
        ca_cert=str(ca) if ca.is_file() else None,
        verify=verify,
    )


def _folder(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
