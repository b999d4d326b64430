"""Find a running container of the user's by name. Nothing is done to it."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import Any

from slimmer.engine import images
from slimmer.engine.connection import Engine
from slimmer.engine.containers import engine_calls, is_not_found
from slimmer.engine.labels import owner_of_container
from slimmer.errors import EngineError, ObservationIncomplete, TargetNotFound, UsageError
from slimmer.image.suggestions import SUGGESTIONS

NAME = re.compile(r"[a-zA-Z0-9][\w.-]*", re.ASCII)
"""The names and IDs of containers that engines accept."""

HINTS = {
    "paused": "Run `docker unpause {name}` first. A paused container opens no files.",
    "restarting": "The container keeps failing. `docker logs {name}` may show why.",
}
"""Hints for a container that does not run, by the state that the engine reports."""


@dataclass(frozen=True, slots=True)
class UserContainer:
    """A running container. `pid` is its first process, as numbered on the engine's host; `started` is its start time."""

    id: str
    name: str
    image_id: str
    pid: int
    started: str


def find(engine: Engine, name: str) -> UserContainer:
    """Return the running container with this name, ID or prefix of an ID.

    Raises TargetNotFound if there is none or it does not run, UsageError if slimmer made it.
    """
    found = _inspect(engine, name)
    state, full = found["State"], str(found["Name"]).removeprefix("/")
    status = str(state.get("Status") or "not running")
    if status != "running":
        hint = HINTS.get(status, "`docker start {name}` starts it. `docker ps` lists the running containers.")
        raise TargetNotFound(f"the container {full} is {status}", hint=hint.format(name=full))
    if owner_of_container({"Labels": found["Config"].get("Labels"), "Names": [full]}) is not None:
        raise UsageError(
            f"slimmer itself made the container {full}", hint="`docker ps` lists the containers to attach to."
        )
    image = images.inspect(engine, str(found["Image"]))
    return UserContainer(str(found["Id"]), full, image.image_id, int(state["Pid"]), str(state["StartedAt"]))


def check_runs_on(engine: Engine, container: UserContainer) -> None:
    """Raise ObservationIncomplete unless it has run all the time. Otherwise another process could have its process ID by now."""
    try:
        with engine_calls(f"inspect {container.name}"):
            state: dict[str, Any] = engine.api.inspect_container(container.id)["State"]
    except EngineError:
        state = {}
    if (state.get("Pid"), state.get("StartedAt")) != (container.pid, container.started):
        raise ObservationIncomplete(f"the container {container.name} ended before it was watched", hint="Try again.")


def _inspect(engine: Engine, name: str) -> dict[str, Any]:
    if not NAME.fullmatch(name):
        raise _not_found(engine, name)
    try:
        with engine_calls(f"inspect {name}"):
            found: dict[str, Any] = engine.api.inspect_container(name)
            return found
    except EngineError as error:
        if is_not_found(error):
            raise _not_found(engine, name) from error
        raise


def _not_found(engine: Engine, name: str) -> TargetNotFound:
    with engine_calls("list containers"):
        names = [str(each).removeprefix("/") for entry in engine.api.containers() for each in entry["Names"] or ()]
    near = difflib.get_close_matches(name, names, SUGGESTIONS)
    advice = f"Did you mean {' or '.join(near)}? " if near else ""
    return TargetNotFound(f"no such container: {name}", hint=f"{advice}`docker ps` lists the running containers.")
