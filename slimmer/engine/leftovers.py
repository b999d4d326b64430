"""Find and remove what a killed slimmer left in the engine, by label and reserved tag: of one run, or of all dead owners."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from slimmer.engine.connection import Engine
from slimmer.engine.containers import engine_calls
from slimmer.engine.labels import (
    RUN_LABEL,
    TEMPORARY,
    Owner,
    is_named_by,
    name_of,
    owner_of_container,
    owner_of_labels,
    owner_of_tag,
)
from slimmer.engine.resources import remove_everything


@dataclass(frozen=True, slots=True)
class Leftovers:
    """Names of containers, volumes, temporary tags and networks whose owner no longer runs."""

    containers: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.containers or self.volumes or self.images or self.networks)


def find_leftovers(engine: Engine, *, strangers: bool = False) -> Leftovers:
    """Return what dead runs on this machine left.

    `strangers`: also include what slimmer made on other machines or in other containers. It may still be running there.
    """
    gone = Owner.gone_or_elsewhere if strangers else Owner.gone
    with engine_calls("list what slimmer made"):
        containers = engine.api.containers(all=True, filters={"label": RUN_LABEL})
        volumes = engine.api.volumes(filters={"label": RUN_LABEL}).get("Volumes") or []
        networks = engine.api.networks(filters={"label": RUN_LABEL})
        images = engine.api.images(filters={"reference": f"{TEMPORARY}:*"})
    return Leftovers(
        containers=tuple(str(entry["Id"]) for entry in containers if _is(gone, owner_of_container(entry))),
        volumes=tuple(str(entry["Name"]) for entry in volumes if _is(gone, owner_of_labels(entry.get("Labels")))),
        images=tuple(tag for tag in _tags(images) if _is(gone, owner_of_tag(tag))),
        networks=tuple(str(entry["Name"]) for entry in networks if _is(gone, owner_of_labels(entry.get("Labels")))),
    )


def remove_leftovers(engine: Engine, *, strangers: bool = False) -> Leftovers:
    """Remove what find_leftovers finds, and return it."""
    found = find_leftovers(engine, strangers=strangers)
    remove_all(engine, found)
    return found


def remove_all(engine: Engine, found: Leftovers) -> None:
    """Remove what was found. It is no error if something is already gone."""
    remove_everything(engine, found.containers, found.volumes, found.images, found.networks)


def find_run(engine: Engine, run: str) -> Leftovers:
    """Return what one run made, dead or alive. Raise EngineError or EngineUnreachable."""
    mine = {"label": f"{RUN_LABEL}={run}"}
    with engine_calls("list what a run made"):
        containers = engine.api.containers(all=True, filters=mine)
        volumes = engine.api.volumes(filters=mine).get("Volumes") or []
        networks = engine.api.networks(filters=mine)
        images = engine.api.images(filters={"reference": f"{TEMPORARY}:{run}-*"})
    return Leftovers(
        containers=tuple(str(entry["Id"]) for entry in containers if is_named_by(run, entry)),
        volumes=tuple(str(entry["Name"]) for entry in volumes if entry["Name"].startswith(name_of(run, ""))),
        images=tuple(tag for tag in _tags(images) if tag.startswith(f"{TEMPORARY}:{run}-")),
        networks=tuple(str(entry["Name"]) for entry in networks if entry["Name"].startswith(name_of(run, ""))),
    )


def _is(gone: Callable[[Owner], bool], owner: Owner | None) -> bool:
    return owner is not None and gone(owner)


def _tags(images: list[dict[str, Any]]) -> Iterator[str]:
    for image in images:
        yield from image.get("RepoTags") or ()
