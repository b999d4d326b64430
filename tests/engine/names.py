"""Names of images in the engine: whose they are, and taking them away."""

from __future__ import annotations

from contextlib import suppress

from docker.errors import ImageNotFound

from slimmer.engine.connection import Engine


def identifier_of(engine: Engine, name: str) -> str | None:
    """The ID of the image that bears this name; None when there is none."""
    with suppress(ImageNotFound):
        return str(engine.api.inspect_image(name)["Id"])
    return None


def untag(engine: Engine, name: str) -> None:
    """Take a name away, and the image too when it has no other; no name is no error."""
    with suppress(ImageNotFound):
        engine.api.remove_image(name)
