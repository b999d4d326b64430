"""The images of a build's steps. The classic builder gives them no names, and leaves them when a build fails."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

import requests
from docker.errors import APIError, DockerException

from slimmer.engine.connection import Engine
from slimmer.engine.containers import engine_calls

_STEP = re.compile(r" ---> ([0-9a-f]{12})\n")


class Steps:
    """The images of one build's steps, as the classic builder names them (`---> 1b2c3d4e5f60`)."""

    def __init__(self, tell: Callable[[str], object] = lambda image: None) -> None:
        """`tell` is called with each image's ID, of 12 digits."""
        self._tell = tell
        self._images: list[str] = []

    def watch(self, answers: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Yield the answers unchanged, and remember the images that they name."""
        for answer in answers:
            if match := _STEP.fullmatch(str(answer.get("stream", ""))):
                self._images.append(match[1])
                self._tell(match[1])
            yield answer

    def remove_behind(self, engine: Engine, image: str) -> None:
        """Remove the images that this build's image was made from.

        Docker's containerd store keeps each as an image of its own, which is in nobody's way but that of `docker images`. The older stores
        refuse, because the image needs them, and remove them with it.
        """
        with suppress(DockerException, requests.RequestException):
            parent = _short(str(engine.api.inspect_image(image).get("Parent") or ""))
            if parent in self._images:
                _remove(engine, parent)  # and its own parents

    def remove(self, engine: Engine) -> None:
        """Remove the images that have no name. `docker image prune` removes what is left."""
        with suppress(DockerException, requests.RequestException):
            for image in reversed(self._images):
                with suppress(APIError):
                    _remove(engine, image)


def remove_steps(engine: Engine, steps: Iterable[str]) -> bool:
    """Remove the images of these steps and the nameless images made from them. Return True if there were any.

    Raises EngineError or EngineUnreachable.
    """
    wanted = set(steps)
    if not wanted:
        return False
    with engine_calls("list images"):
        images: list[dict[str, Any]] = engine.api.images(all=True)
    found = _with_descendants(images, wanted)
    with engine_calls("remove the steps of a build"):
        for image in reversed(found):
            with suppress(APIError):
                _remove(engine, image)
    return bool(found)


def _with_descendants(images: Iterable[dict[str, Any]], wanted: set[str]) -> list[str]:
    """Return the IDs of the wanted images and of their descendants, parents first. Images with names are left out."""
    nameless = {str(image["Id"]): str(image.get("ParentId") or "") for image in images if not _names(image)}
    found = [image for image in nameless if _short(image) in wanted]
    for image in found:  # the list grows meanwhile
        found += [child for child, parent in nameless.items() if parent == image and child not in found]
    return sorted(found, key=lambda image: _depth(nameless, image))


def _depth(parents: dict[str, str], image: str) -> int:
    depth = 0
    while (image := parents.get(image, "")) and depth < len(parents):
        depth += 1
    return depth


def _names(image: dict[str, Any]) -> list[str]:
    return [name for name in image.get("RepoTags") or () if not name.startswith("<none>")]


def _short(image: str) -> str:
    return image.removeprefix("sha256:")[:12]


def _remove(engine: Engine, image: str) -> None:
    if not engine.api.inspect_image(image)["RepoTags"]:
        engine.api.remove_image(image, noprune=False)
