"""How slimmer marks what it makes, so that it can tell its own from others', and a dead run's from a living one's."""

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
"""As new_run names one. An image's label may say anything, and users name things `slimmer-web-1`, too."""

CLOCK_TOLERANCE = 200
"""Hundredths of a second by which two readings of a start time may differ: the boot time moves with the clock."""


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that made something: its machine (or container), its boot, its number, its start in 1/100 s."""

    host: str
    boot: str
    pid: int
    started: int

    def __str__(self) -> str:
        return f"{self.host}_{self.boot}_{self.pid}_{self.started}"

    @property
    def here(self) -> bool:
        """Whether it can be asked from here if the process still runs."""
        return self.host == _host()

    def gone(self) -> bool:
        """Whether the process is known to be dead. One of another machine or container is not: it cannot be asked."""
        return self.here and not self._runs()

    def gone_or_elsewhere(self) -> bool:
        """Whether the process is dead or cannot be asked."""
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
    """This process."""
    return Owner(_host(), _boot(), os.getpid(), _started(psutil.Process()))


def owner_of(text: str) -> Owner | None:
    """Read what str(owner) wrote; None for anything else."""
    parts = text.split("_")
    if len(parts) != 4 or not (parts[2].isdigit() and parts[3].isdigit()):
        return None
    return Owner(parts[0], parts[1], int(parts[2]), int(parts[3]))


def new_run() -> str:
    """A name for a run that no other run has."""
    return uuid.uuid4().hex[:12]


def name_of(run: str, purpose: str) -> str:
    """The name of a run's container or volume."""
    return f"slimmer-{run}-{purpose}"


def labels(run: str) -> dict[str, str]:
    """The labels of everything that a run makes."""
    return {RUN_LABEL: run, OWNER_LABEL: str(this_owner())}


def temporary_tag(run: str, purpose: str) -> str:
    """A tag in the reserved repository. The owner is in the tag, since a label would stay in the final image."""
    return f"{TEMPORARY}:{run}-{this_owner()}-{purpose}"


def owner_of_tag(tag: str) -> Owner | None:
    """Whose temporary tag this is; None when it is none."""
    repository, _, name = tag.rpartition(":")
    parts = name.split("-", 2)
    return owner_of(parts[1]) if repository == TEMPORARY and len(parts) == 3 else None


def owner_of_labels(found: Mapping[str, str] | None) -> Owner | None:
    """Who made a thing with these labels; None when slimmer did not."""
    return owner_of((found or {}).get(OWNER_LABEL, ""))


def owner_of_container(entry: Mapping[str, Any]) -> Owner | None:
    """Who made a container of the engine's list; None when slimmer did not.

    The labels alone do not tell: a container has those of its image, too, which anybody may have written.
    """
    given = entry.get("Labels") or {}
    return owner_of_labels(given) if is_named_by(given.get(RUN_LABEL, ""), entry) else None


def is_named_by(run: str, entry: Mapping[str, Any]) -> bool:
    """Whether a container of the engine's list has a name that this run gave."""
    names = (name.removeprefix("/") for name in entry.get("Names") or ())
    return bool(_RUN.fullmatch(run)) and any(name.startswith(name_of(run, "")) for name in names)


def _host() -> str:
    """The host's name, in the characters that a tag may hold, and the namespace in which process numbers mean anything.

    Containers that share an engine may share a host name, too: another's process number says nothing here.
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
