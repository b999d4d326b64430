"""Try out what matters in a CI job: the ports of a container, the folders of the engine's machine, and the space on its disk."""

from __future__ import annotations

import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

from slimmer.engine import description
from slimmer.engine.containers import engine_calls
from slimmer.engine.resources import EngineResources
from slimmer.errors import SlimmerError
from slimmer.formatting import human_size
from slimmer.probe_mount import ProbeMount
from slimmer.runs.check import Check

CONNECT_TIMEOUT = 2.0
RELAY_TIMEOUT = 15.0
CLOSED = 9
"""A port at which the trial's container has nothing (discard, RFC 863). A refusal shows that the container was reached."""

LEAST_SPACE = 5_000_000_000
"""Bytes that the engine needs for an ordinary image: an archive of it, the slim image, and its copy while it is loaded."""

SHARED = "A path in `--volume /path:/app:ro` is one of the engine's machine, not of this job. Use a named volume, or copy the files into an image."


def engine_checks(scope: EngineResources, probe: Path) -> Iterator[Check]:
    """Yield what a trial of the engine shows. All that it makes belongs to `scope`."""
    yield _security(scope)
    mount, image = scope.lender.own(probe), scope.lender.image(probe)
    yield _ports(scope, mount, image)
    yield _folders(scope, image)
    yield _space(scope)


def _security(scope: EngineResources) -> Check:
    """Name what the engine confines containers with: seccomp, AppArmor, SELinux, user namespaces."""
    options = [option.removeprefix("name=").replace(",", ", ") for option in scope.engine.security]
    return Check("confinement", True, "; ".join(options) or "none that the engine tells")


def _ports(scope: EngineResources, mount: ProbeMount, image: str) -> Check:
    """Connect to a container directly, and to its network through the engine."""
    try:
        container = scope.create(description.waiting(image, mount, "default"), "ports")
        container.start(collect_output=False)
        address = container.address()
        if scope.engine.local and address and _reached(address):
            return Check("ports", True, f"the ports of containers are reached directly ({address})")
        code, _ = container.exec_run((mount.program, "listening"), RELAY_TIMEOUT, user="0:0")
    except SlimmerError as error:
        return Check("ports", False, error.message, error.hint)
    why = _why_not(scope, address)
    if code:
        return Check(
            "ports",
            False,
            f"{why}, and a relay cannot be started (exit code {code})",
            "The engine must allow `docker exec`.",
        )
    hint = "no relay carries UDP, so UDP ports are not exercised"
    return Check("ports", True, f"the ports of containers are reached through a relay, because {why}; {hint}")


def _why_not(scope: EngineResources, address: str) -> str:
    if not address:
        return "containers have no address"
    if not scope.engine.local:
        return "the engine is not in the network of this process"
    return f"{address} does not answer"


def _reached(address: str) -> bool:
    """Return True if a host at this address answers, if only to refuse the connection."""
    try:
        socket.create_connection((address, CLOSED), CONNECT_TIMEOUT).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return True


def _folders(scope: EngineResources, image: str) -> Check:
    """Mount a new folder of this machine, whose name no other machine has. The engine refuses it if it does not see it."""
    try:
        place = Path(tempfile.mkdtemp(prefix=".slimmer-", dir=Path.cwd()))
    except OSError:
        place = Path(tempfile.mkdtemp(prefix="slimmer-"))
    try:
        wanted = description.still(image)
        wanted["HostConfig"]["Mounts"] = [{"Type": "bind", "Source": str(place), "Target": "/trial", "ReadOnly": True}]
        scope.remove(scope.create(wanted, "folders"))
    except SlimmerError as error:
        seen = place.name in error.message
        detail = f"the engine does not see {place.parent}" if seen else error.message
        return Check("folders", False, detail, SHARED, needed=False)
    finally:
        place.rmdir()
    return Check("folders", True, f"the engine sees {place.parent}")


def _space(scope: EngineResources) -> Check:
    """Say how much space the engine has, if its folder is on this machine."""
    with engine_calls("ask the engine for its folder"):
        folder = str(scope.engine.api.info().get("DockerRootDir") or "")
    if not (scope.engine.local and folder and Path(folder).is_dir()):
        return Check(
            "engine disk", True, "unknown, because it is on another machine; `docker system df` shows what is used"
        )
    free = shutil.disk_usage(folder).free
    hint = "`docker system prune` removes what nothing uses."
    return Check("engine disk", free >= LEAST_SPACE, f"{human_size(free)} free in {folder}", hint, needed=False)
