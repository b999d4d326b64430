"""Processor time of the engine and of the whole machine, so that a benchmark can tell what a build costs besides its wall time."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

import psutil

ENGINES = frozenset({"dockerd", "containerd", "podman"})


def engine_seconds() -> float:
    """Return the processor time of the engines on this machine, and of the processes that they waited for (proc(5), cutime).

    It includes work for others. It lacks the processes that start containers, whose parent is none of these.
    """
    total = 0.0
    for process in psutil.process_iter(["name"]):
        with suppress(psutil.Error):
            if process.info["name"] in ENGINES:
                times = process.cpu_times()
                total += times.user + times.system + times.children_user + times.children_system
    return total


def machine_seconds() -> float:
    """Return the processor time of everything on this machine, in all containers. It includes work for others."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0))


def since(before: Mapping[str, float]) -> dict[str, float]:
    """Return the seconds that passed since `now` returned `before`."""
    return {name: value - before[name] for name, value in now().items()}


def now() -> dict[str, float]:
    """Return both, by name."""
    return {"engine": engine_seconds(), "whole machine": machine_seconds()}
