"""Join what a compose file says with the user's own options, which come second and win."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slimmer.api import words
from slimmer.api.options import RunKeywords
from slimmer.engine.options import RunOptions
from slimmer.errors import UsageError
from slimmer.exercise.plan import ExercisePlan, ImageCommand

if TYPE_CHECKING:
    from slimmer.compose.resolution import Resolved

HINT = "For example: --compose-file compose.yaml --compose-service web"


def service(given: RunKeywords) -> Resolved | None:
    """Return how compose runs the service that the user names; None if there is none. Raise UsageError."""
    files, name, exercise = (
        _paths(given.get("compose_file")),
        given.get("compose_service", ""),
        given.get("compose_exercise", ""),
    )
    if not name:
        if files or exercise:
            option = "--compose-file" if files else "--compose-exercise"
            raise UsageError(f"{option} needs --compose-service", hint=HINT)
        return None
    from slimmer.compose.project import read_project
    from slimmer.compose.resolution import resolve

    return resolve(
        read_project(files),
        name,
        exercise,
        share=given.get("share_mounts", False),
        ready_timeout=words.positive_seconds("--ready-timeout", str(given.get("ready_timeout", "60"))),
    )


def target(given: str, run: Resolved | None, command: str) -> str:
    """Return the image: the one that the user names, or that of the service. Raise UsageError if there is none."""
    found = given or (run.image if run else "")
    if not found:
        raise UsageError(f"nothing to {command}: give TARGET or --compose-service", hint=HINT)
    return found


def joined(file: RunOptions, own: RunOptions) -> RunOptions:
    """Return the options of a service with those of the user: lists are joined, and single values are replaced."""
    both = {field.name: _joined(getattr(file, field.name), getattr(own, field.name)) for field in fields(RunOptions)}
    both["entrypoint"] = file.entrypoint if own.entrypoint is None else own.entrypoint
    both["cmd"] = file.cmd if own.cmd is None and own.entrypoint is None else own.cmd
    both["env"] = words.environment(both["env"], ())
    return RunOptions(**both)


def exercised(plan: ExercisePlan, run: Resolved) -> ExercisePlan:
    """Return the plan with the service's health check, and with the service that exercises it."""
    commands = plan.image_commands
    if other := run.options.exerciser:
        commands = (*commands, ImageCommand(other.image, other.command, "--compose-exercise"))
    return replace(plan, exec_commands=(*run.checks, *plan.exec_commands), image_commands=commands)


def _joined(file: Any, own: Any) -> Any:
    return (*file, *own) if isinstance(file, tuple) and isinstance(own, tuple) else own or file


def _paths(given: str | PathLike[str] | Sequence[str | PathLike[str]] | None) -> tuple[Path, ...]:
    several = (given,) if isinstance(given, str | PathLike) else given or ()
    return tuple(Path(place) for place in several)
