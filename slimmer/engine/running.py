"""A container of the user's that runs: found by name, and looked at; nothing is done to it."""

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
"""What engines take for a container's name or ID."""

HINTS = {
    "paused": "`docker unpause {name}`: as it is, there is nothing to see.",
    "restarting": "It fails and is started again and again: `docker logs {name}` may tell why.",
}
"""What to do about a container that does not run; by its state, in the engine's words."""


@dataclass(frozen=True, slots=True)
class UserContainer:
    """A running container: `pid` is its first process, as the engine's host numbers it; `started` when that was."""

    id: str
    name: str
    image_id: str
    pid: int
    started: str


def find(engine: Engine, name: str) -> UserContainer:
    """The running container of this name, ID or prefix of an ID.

    Raises TargetNotFound when there is none or it does not run, UsageError when slimmer made it.
    """
    found = _inspect(engine, name)
    state, full = found["State"], str(found["Name"]).removeprefix("/")
    status = str(state.get("Status") or "not running")
    if status != "running":
        hint = HINTS.get(status, "`docker start {name}` starts it; `docker ps` lists those that run.")
        raise TargetNotFound(f"the container {full} is {status}", hint=hint.format(name=full))
    if owner_of_container({"Labels": found["Config"].get("Labels"), "Names": [full]}) is not None:
        raise UsageError(f"{full} is a container of slimmer's own", hint="Attach to one of yours: `docker ps`.")
    image = images.inspect(engine, str(found["Image"]))
    return UserContainer(str(found["Id"]), full, image.image_id, int(state["Pid"]), str(state["StartedAt"]))


def check_runs_on(engine: Engine, container: UserContainer) -> None:
    """Raise ObservationIncomplete unless it has run all the time: its process's number could be another's by now."""
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
    return TargetNotFound(f"no such container: {name}", hint=f"{advice}`docker ps` lists those that run.")
