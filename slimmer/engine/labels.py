"""Mark what slimmer makes in the engine, so that it recognizes its own things, and knows whether their run is still alive."""

from __future__ import annotations

import os
import re
import socket
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

RUN_LABEL = "slimmer.run"
OWNER_LABEL = "slimmer.owner"
TEMPORARY = "slimmer.local/tmp"
"""The reserved repository of images that exist only during a run. Its tags are `RUN-OWNER-PURPOSE`."""

_RUN = re.compile("[0-9a-f]{12}")
"""The name of a run, as new_run makes it. Labels of images may say anything, and users also name things `slimmer-web-1`."""

_NUMBER = re.compile("[0-9]{1,18}")

CLOCK_TOLERANCE = 200
"""Hundredths of a second by which two readings of a start time may differ. The boot time moves with the clock."""


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that made something: its machine or container, the machine's boot, the process ID, and its start in 1/100 s."""

    host: str
    boot: str
    pid: int
    started: int

    def __str__(self) -> str:
        return f"{self.host}_{self.boot}_{self.pid}_{self.started}"

    @property
    def here(self) -> bool:
        """True if this machine and container can tell whether the process still runs."""
        return self.host == _host()

    def gone(self) -> bool:
        """Return True if the process is known to be dead. For a process on another machine or in another container, that is unknown."""
        return self.here and not self._runs()

    def gone_or_elsewhere(self) -> bool:
        """Return True if the process is dead, or if that is unknown."""
        return not (self.here and self._runs())

    def _runs(self) -> bool:
        if self.boot != _boot():
            return False
        try:
            process = psutil.Process(self.pid)
            alive = process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)  # nobody may ever wait for it
            return alive and abs(_started(process) - self.started) <= CLOCK_TOLERANCE
        except psutil.Error:
            return False


def this_owner() -> Owner:
    """Return this process as an owner."""
    return Owner(_host(), _boot(), os.getpid(), _started(psutil.Process()))


def owner_of(text: str) -> Owner | None:
    """Return the owner that str(owner) wrote, or None for any other text."""
    parts = text.split("_")
    if len(parts) != 4 or not (_NUMBER.fullmatch(parts[2]) and _NUMBER.fullmatch(parts[3])):
        return None
    return Owner(parts[0], parts[1], int(parts[2]), int(parts[3]))


def new_run() -> str:
    """Return a name for a run that no other run has."""
    return uuid.uuid4().hex[:12]


def name_of(run: str, purpose: str) -> str:
    """Return the name of a run's container or volume."""
    return f"slimmer-{run}-{purpose}"


def labels(run: str) -> dict[str, str]:
    """Return the labels of everything that a run makes."""
    return {RUN_LABEL: run, OWNER_LABEL: str(this_owner())}


def temporary_tag(run: str, purpose: str) -> str:
    """Return a tag in the reserved repository. The owner is in the tag, because a label would stay in the final image."""
    return f"{TEMPORARY}:{run}-{this_owner()}-{purpose}"


def owner_of_tag(tag: str) -> Owner | None:
    """Return the owner of a temporary tag, or None if it is not one."""
    repository, _, name = tag.rpartition(":")
    parts = name.split("-", 2)
    return owner_of(parts[1]) if repository == TEMPORARY and len(parts) == 3 else None


def owner_of_labels(found: Mapping[str, str] | None) -> Owner | None:
    """Return the owner of something with these labels, or None if slimmer did not make it."""
    return owner_of((found or {}).get(OWNER_LABEL, ""))


def owner_of_container(entry: Mapping[str, Any]) -> Owner | None:
    """Return the owner of a container in the engine's list, or None if slimmer did not make it.

    The labels alone are not enough. A container also has the labels of its image, which may say anything.
    """
    given = entry.get("Labels") or {}
    return owner_of_labels(given) if is_named_by(given.get(RUN_LABEL, ""), entry) else None


def is_named_by(run: str, entry: Mapping[str, Any]) -> bool:
    """Return True if a container in the engine's list has a name that this run gave."""
    names = (name.removeprefix("/") for name in entry.get("Names") or ())
    return bool(_RUN.fullmatch(run)) and any(name.startswith(name_of(run, "")) for name in names)


def _host() -> str:
    """Return the host name, in characters that a tag may have, and the PID namespace.

    Containers that share an engine may also share a host name. A process ID from another PID namespace means nothing here.
    """
    name = "".join(c if c.isascii() and c.isalnum() else "." for c in socket.gethostname())[:24] or "host"
    try:
        return f"{name}.{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return name


def _boot() -> str:
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text().replace("-", "")[:12] if path.exists() else str(int(psutil.boot_time()))


def _started(process: psutil.Process) -> int:
    return int(process.create_time() * 100)
