"""Images in the engine: find the one that the user means, tag, untag."""

from __future__ import annotations

import difflib
from typing import Any

from docker.errors import APIError, ImageNotFound

from slimmer.engine.connection import Engine
from slimmer.engine.containers import engine_calls
from slimmer.errors import TargetNotFound
from slimmer.image.config import ImageConfig, config_from_inspect
from slimmer.image.reference import may_be_identifier

NEAR_NAMES = 3


def resolve(engine: Engine, target: str, *, platform: str = "", pull: bool = False) -> ImageConfig:
    """The image that `target` means: a name, name:tag, digest, ID, or a unique prefix of an ID; a name goes first.

    Raises TargetNotFound, with near names or with the candidates of an ambiguous prefix.
    """
    if pull:
        _pull(engine, target, platform)
    with engine_calls(f"look for {target}"):
        name = _identifier(engine, target) or target
    try:
        with engine_calls(f"inspect {target}"):
            return inspect(engine, name)
    except TargetNotFound:
        raise _not_found(engine, target) from None


def inspect(engine: Engine, name: str) -> ImageConfig:
    """The configuration of an image by a name that the engine knows. Raises TargetNotFound."""
    try:
        return config_from_inspect(engine.api.inspect_image(name))
    except (ImageNotFound, ValueError) as error:
        raise TargetNotFound(f"no such image: {name}") from error
    except APIError as error:
        if error.status_code in (400, 404):
            raise TargetNotFound(f"no such image: {name}") from error
        raise


def tag(engine: Engine, image: str, name: str) -> None:
    """Give an image a name, which it may take from another."""
    repository, _, tag_name = name.rpartition(":")
    with engine_calls(f"tag {name}"):
        engine.api.tag(image, repository, tag_name, force=True)


def untag(engine: Engine, name: str) -> None:
    """Remove a name, and the image with its last one."""
    with engine_calls(f"remove {name}"):
        engine.api.remove_image(name)


def _identifier(engine: Engine, target: str) -> str | None:
    """The ID that a prefix stands for, unless an image has that name.

    The engine takes prefixes, too, but says only "no such image" of an ambiguous one.
    """
    if not may_be_identifier(target):
        return None
    images: list[dict[str, Any]] = engine.api.images()
    if any(name in (target, f"{target}:latest") for image in images for name in image.get("RepoTags") or ()):
        return None
    prefix = target.removeprefix("sha256:")
    found = {image["Id"]: image for image in images if image["Id"].removeprefix("sha256:").startswith(prefix)}
    if len(found) > 1:
        lines = [f"{identifier[7:19]}  {', '.join(_names(image)) or '<none>'}" for identifier, image in found.items()]
        raise TargetNotFound(
            f"{target} is the beginning of {len(found)} image IDs:\n  " + "\n  ".join(sorted(lines)),
            hint="Give more of the ID, or a name.",
        )
    return next(iter(found), None)


def _not_found(engine: Engine, target: str) -> TargetNotFound:
    with engine_calls("list images"):
        names = [name for image in engine.api.images() for name in _names(image)]
    short = {name.removesuffix(":latest"): name for name in names}
    near = difflib.get_close_matches(target, [*short, *names], NEAR_NAMES)
    hint = f"Did you mean {' or '.join(dict.fromkeys(near))}?" if near else None
    return TargetNotFound(f"no such image: {target}", hint=hint)


def _names(image: dict[str, Any]) -> list[str]:
    return [str(name) for name in image.get("RepoTags") or () if not str(name).startswith("<none>")]


def _pull(engine: Engine, target: str, platform: str) -> None:
    try:
        with engine_calls(f"pull {target}"):
            engine.api.pull(target, platform=platform or None)
    except Exception as error:
        message = getattr(error, "message", str(error))
        raise TargetNotFound(
            f"{target} cannot be pulled: {message}", hint="Leave out --pull to use a local image."
        ) from error
