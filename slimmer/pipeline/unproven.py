"""What a build does not prove: the items of analyzers, of the packages of the image, and of the run together."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from slimmer.engine.options import RunOptions
from slimmer.exercise.result import ExerciseResult
from slimmer.image.config import ImageConfig
from slimmer.keep.image_view import ImageView
from slimmer.keep.keepset import KeepSet
from slimmer.keep.unproven.commands import missing_commands
from slimmer.keep.unproven.requested import unused_packages
from slimmer.pipeline.observation import ObservationSet
from slimmer.unproven import Kind, Unproven, in_order

SLIM_THE_APP = "slim the image of an application, or give a command with --cmd"

_SHELL = re.compile(r"(?:ba|da|a|z|k)?sh|busybox|python[\d.]*|node|irb|psql")
_USAGE = re.compile(r"^\s{0,9}(?:\x1b\[[\d;]{0,9}m)?(?:usage|options|commands)\s{0,3}:", re.IGNORECASE | re.MULTILINE)


def unproven(view: ImageView, kept: KeepSet, observed: ObservationSet | None = None) -> tuple[Unproven, ...]:
    """Return the items of the last decision on what to keep, by kind. `observed` has the run, if there was one."""
    runs = observed.scenario_runs if observed is not None else ()
    items = [item for one in runs for item in of_run(view.config, one.scenario.options, one.observed.exercised)]
    noted = (item for item in view.unproven if item.kind is not Kind.LIMIT or not _is_whole(view, kept, item.name))
    return in_order([*items, *noted, *missing_commands(view, kept), *unused_packages(view, kept)])


def _is_whole(view: ImageView, kept: KeepSet, folder: str) -> bool:
    """Return True if everything in a folder is kept after all, for another reason than the one that met a limit."""
    return all(entry.path in kept for entry in view.tree.below(folder))


def of_run(config: ImageConfig, options: RunOptions, exercised: ExerciseResult) -> Iterator[Unproven]:
    """Yield an item for an app that ended without doing anything.

    This is a shell or an interpreter without input, or a tool that showed its usage.
    """
    if exercised.exit_code is None or exercised.answers or exercised.outcomes:
        return
    command = _command(config, options)
    name = posixpath.basename(command[0]) if command else ""
    if len(command) == 1 and _SHELL.fullmatch(name):
        yield Unproven(Kind.RUN, name, "it ended, because it had no input: nothing of the image was used", SLIM_THE_APP)
    elif _USAGE.search(exercised.output):
        yield Unproven(Kind.RUN, name, "it only printed its usage: nothing that it does was exercised", SLIM_THE_APP)


def _command(config: ImageConfig, options: RunOptions) -> tuple[str, ...]:
    """Return the command of a run. An entrypoint that the user gives clears the image's CMD."""
    if options.entrypoint is not None:
        return (*options.entrypoint, *(options.cmd or ()))
    return (*(config.entrypoint or ()), *((config.cmd or ()) if options.cmd is None else options.cmd))
