"""Clean up after a slimmer that was killed. The watcher removes everything of that run, in the engine and on this machine."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from slimmer.engine.connection import connect_as
from slimmer.engine.labels import name_of
from slimmer.engine.leftovers import find_run, remove_all
from slimmer.engine.steps import remove_steps
from slimmer.errors import SlimmerError
from slimmer.output_folder import sweep

LIMIT = 300.0
"""Seconds after which the watcher gives up if the engine does not answer. The next run removes the rest."""

IN_FLIGHT = 60.0
"""Seconds to keep looking if the engine was making something when slimmer died. It may finish that late, or never."""

PASSES = 5
"""The number of times to look for processes. A process that is being killed may have started another one."""

FIRST_PAUSE, LAST_PAUSE = 0.05, 2.0
"""Seconds between two looks. Each pause is twice as long as the one before, up to the last."""


@dataclass(frozen=True, slots=True)
class Folder:
    """An output folder. `made` are the folders that were made for it, `mark` is the name of the temporary folder in it."""

    path: Path
    made: tuple[Path, ...]
    mark: str


@dataclass(frozen=True, slots=True)
class DeadRun:
    """What a run told its watcher: its name, how to reach its engine, and what it made or was making."""

    run: str
    settings: Mapping[str, Any]
    folders: tuple[Folder, ...] = ()
    steps: tuple[str, ...] = ()
    in_flight: bool = False


def dead_run(told: Iterable[Mapping[str, Any]]) -> DeadRun:
    """Read what slimmer.engine.lifeline wrote. The first line has the run's name."""
    first, *others = told
    folders = [line for line in others if "folder" in line]
    return DeadRun(
        run=first["run"],
        settings=first["settings"],
        folders=tuple(Folder(Path(f["folder"]), tuple(map(Path, f["made"])), f["mark"]) for f in folders),
        steps=tuple(line["image"] for line in others if "image" in line),
        in_flight=sum(line.get("making", 0) for line in others) > 0,
    )


def clean_up(dead: DeadRun) -> None:
    """Remove all of it. Failures are ignored, because nobody would see them. The next run finds what is left."""
    with contextlib.suppress(OSError, psutil.Error):
        _end_commands(dead.run)
    for folder in dead.folders:
        with contextlib.suppress(SlimmerError, OSError):
            sweep(folder.path, folder.mark, folder.made)
    _remove_scratch(dead.run)
    _clean_engine(dead)


def _clean_engine(dead: DeadRun) -> None:
    begun, pause = time.monotonic(), FIRST_PAUSE
    while (since := time.monotonic() - begun) < LIMIT:
        with contextlib.suppress(SlimmerError):
            if _is_clean(dead) and not (dead.in_flight and since < IN_FLIGHT):
                return
        time.sleep(pause)
        pause = min(2 * pause, LAST_PAUSE)


def _is_clean(dead: DeadRun) -> bool:
    """Remove what is there, and return True if there was nothing. Raise EngineError or EngineUnreachable."""
    engine = connect_as(dead.settings)
    try:
        found = find_run(engine, dead.run)
        remove_all(engine, found)
        return not remove_steps(engine, dead.steps) and not found
    finally:
        engine.close()


def _end_commands(run: str) -> None:
    """Kill the user's commands on this machine (--exercise). The run's container is named in their environment."""
    for _ in range(PASSES):
        if not [process for process in psutil.process_iter() if _ended(process, name_of(run, ""))]:
            return


def _ended(process: psutil.Process, mark: str) -> bool:
    """Kill a process if it is such a command. Return True if it was."""
    with contextlib.suppress(psutil.Error, OSError):
        if process.environ().get("SLIMMER_CONTAINER", "").startswith(mark):
            process.kill()
            return True
    return False


def _remove_scratch(run: str) -> None:
    """Remove folders for temporary files (slimmer.exercise.exec_server)."""
    for place in {Path(tempfile.gettempdir()), Path("/tmp")}:
        for path in place.glob(f"{name_of(run, '')}*"):
            if not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
