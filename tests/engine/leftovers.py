"""What a run has left in the engine, by its id."""

from __future__ import annotations

from slimmer.engine.connection import Engine
from slimmer.engine.labels import RUN_LABEL


def left(engine: Engine, run: str) -> list[str]:
    """Names of its containers, volumes and temporary images."""
    mine = {"label": f"{RUN_LABEL}={run}"}
    containers = [entry["Names"][0] for entry in engine.api.containers(all=True, filters=mine)]
    volumes = [entry["Name"] for entry in engine.api.volumes(filters=mine)["Volumes"] or []]
    tags = [tag for entry in engine.api.images() for tag in entry["RepoTags"] or () if run in tag]
    return containers + volumes + tags
