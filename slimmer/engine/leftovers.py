"""What a slimmer that was killed left in the engine: found by label and reserved tag, removed when its owner is dead."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from slimmer.engine.connection import Engine
from slimmer.engine.containers import engine_calls
from slimmer.engine.labels import RUN_LABEL, TEMPORARY, owner_of_labels, owner_of_tag
from slimmer.engine.session import remove_everything


@dataclass(frozen=True, slots=True)
class Leftovers:
    """Names of containers, volumes and temporary tags whose owner no longer runs."""

    containers: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    images: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.containers or self.volumes or self.images)


def find_leftovers(engine: Engine) -> Leftovers:
    """Look for what dead runs of this machine left."""
    with engine_calls("list what slimmer made"):
        containers = engine.api.containers(all=True, filters={"label": RUN_LABEL})
        volumes = engine.api.volumes(filters={"label": RUN_LABEL}).get("Volumes") or []
        images = engine.api.images(name=TEMPORARY)
    return Leftovers(
        containers=tuple(str(entry["Id"]) for entry in containers if _abandoned(entry.get("Labels"))),
        volumes=tuple(str(entry["Name"]) for entry in volumes if _abandoned(entry.get("Labels"))),
        images=tuple(_dead_tags(images)),
    )


def remove_leftovers(engine: Engine) -> Leftovers:
    """Remove what dead runs left, and say what that was."""
    found = find_leftovers(engine)
    remove_everything(engine, found.containers, found.volumes, found.images)
    return found


def _abandoned(labels: dict[str, str] | None) -> bool:
    owner = owner_of_labels(labels)
    return owner is not None and not owner.alive


def _dead_tags(images: list[dict[str, Any]]) -> Iterator[str]:
    for image in images:
        for tag in image.get("RepoTags") or ():
            owner = owner_of_tag(tag)
            if owner is not None and not owner.alive:
                yield tag
