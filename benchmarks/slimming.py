"""Runs `slimmer build` as a user would, in a process of its own, and removes the slim image again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import processor
from docker.errors import DockerException

from slimmer.engine.connection import Engine


@dataclass(frozen=True)
class Slimmed:
    """One build: its report, seconds from the start of the interpreter to its end, and 10^6 bytes at its largest.

    `processor` has the processor time in seconds of slimmer with its children ("slimmer"), and meanwhile that of benchmarks/processor.py.
    """

    report: dict[str, Any]
    seconds: float
    megabytes: float
    processor: dict[str, float]


def slim(engine: Engine, image: str, folder: Path, *arguments: str) -> Slimmed:
    """Build the slim image of `image`, with the artifacts in `folder`. Raises CalledProcessError when that fails."""
    tag = f"slimmer-bench-{os.getpid()}:slim"
    command = [sys.executable, "-m", "slimmer", "build", image, "--tag", tag, "--out", str(folder), "--format", "json"]
    try:
        return _run([*command, *arguments])
    finally:
        with suppress(DockerException):
            engine.api.remove_image(tag)


def _run(command: list[str]) -> Slimmed:
    start, before = time.perf_counter(), processor.now()
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        output = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - start
    if child.returncode != 0:
        raise subprocess.CalledProcessError(child.returncode, command)
    spent = {"slimmer": usage.ru_utime + usage.ru_stime, **processor.since(before)}
    return Slimmed(json.loads(output), seconds, usage.ru_maxrss * 1024 / 1e6, spent)
