"""The border between the layers of an image's base and the app's own layers, which are above it.

`DiffID`s identify layers by their content, so an image whose DiffIDs are the first ones of another image is below it, whatever both are
called (OCI image specification, config.md, "Layer DiffID"). Without such an image, only the history is left. It does not say where a
Dockerfile begins. So each rule here gives a part of the history that certainly belongs to other images, and the longest of them counts.
What is not certain counts as the app's own, so the border is rather too low than too high.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from slimmer.errors import UsageError
from slimmer.formatting import counted
from slimmer.image.history import HistoryEntry, layer_entries
from slimmer.image.reference import familiar

OPTION = "--keep-layers"
SHORT = len("sha256:") + 12
"""The length of a digest in a message."""

_FROM = re.compile(r"FROM (?![0-9a-f]{12,64}$)\S+$")
"""The comment of the first entry above a base image that Podman writes (buildah, imagebuildah/stage_executor.go). Above an image of its own
build, it has an ID for a name."""

_ROOT_COMMENT = re.compile(r"debuerreotype |Imported from ")
_ROOT_ADDED = re.compile(r"# debian\.sh |ADD file:[0-9a-f]{12} in /$|ADD \S*\.(?:tar(?:\.\w+)?|tgz|txz) /$")
"""How the first layer of a distribution came into being: by debuerreotype, `docker import`, or an archive that was added at the root."""


class Found(StrEnum):
    """How the border was found."""

    NUMBER = "number"
    BASE = "base"
    IMAGE = "image"
    HISTORY = "history"


@dataclass(frozen=True, slots=True)
class LayerChoice:
    """The layers to keep whole: the last `number`, or all above the image `base`; with neither, the app's own layers are searched."""

    number: int | None = None
    base: str = ""


@dataclass(frozen=True, slots=True)
class Border:
    """The lowest `below` layers are the base. `found` and `detail` say how that is known; `base` is the base image, if there is one."""

    below: int
    found: Found
    detail: str
    base: str = ""


def numbered(number: int, layers: int) -> Border:
    """Return the border below the last `number` layers. Raise UsageError if the image does not have so many."""
    if number > layers:
        raise UsageError(
            f"{OPTION} {number}: the image has only {counted(layers, 'layer')}",
            hint="`docker history` shows them from the last one on. Entries such as ENV and CMD have no layer and do not count.",
        )
    return Border(layers - number, Found.NUMBER, f"{OPTION} {number}")


def based(layers: Sequence[str], target: str, base_layers: Sequence[str], base: str) -> Border:
    """Return the border above an image. The arguments are DiffIDs and names. Raise UsageError, which says what differs."""
    shared = next((n for n, (one, other) in enumerate(zip(layers, base_layers, strict=False)) if one != other), None)
    if shared is not None:
        raise UsageError(
            f"--base {base}: {target} was not made from this image. Its layer {shared + 1} is {layers[shared][:SHORT]}, "
            f"that of {base} is {base_layers[shared][:SHORT]}",
            hint=f"A name may mean another version by now: use the version that {target} was made from, or {OPTION} N.",
        )
    if len(base_layers) >= len(layers):
        more = "the same layers as" if len(base_layers) == len(layers) else "more layers than"
        raise UsageError(
            f"--base {base}: it has {more} {target}, so no layer is above it",
            hint="Name the image of the FROM line in the last stage of the Dockerfile.",
        )
    return Border(len(base_layers), Found.BASE, f"--base {base}", base)


def nearest(layers: Sequence[str], tags: Iterable[str], others: Iterable[tuple[str, Sequence[str]]]) -> Border | None:
    """Return the border above the image with the most layers among those that this image contains; None if there is none.

    `others` are names of images with their DiffIDs. Images of the same repository as one of `tags` do not count: they are stages or
    versions of the same app.
    """
    own = {_repository(tag) for tag in tags}
    below = sorted(
        (-len(theirs), name)
        for name, theirs in others
        if 0 < len(theirs) < len(layers)
        and tuple(theirs) == tuple(layers[: len(theirs)])
        and _repository(name) not in own
    )
    if not below:
        return None
    size, name = below[0]
    return Border(-size, Found.IMAGE, f"{name} on this engine has the layers below", name)


def by_history(history: Sequence[HistoryEntry], layers: int, *, has_system: bool) -> Border | None:
    """Return the border that the history certainly shows; None if it shows none. The history begins with its oldest entry.

    `has_system`: the image has an operating system, so what was added at its root first is that.
    """
    places = layer_entries(history, layers)
    if places is None:
        return None
    bounds = [*_bounds(history), *_root(history, places, has_system=has_system)]
    if not bounds:
        return None
    end, detail = max(bounds, key=lambda bound: bound[0])
    below = sum(place < end for place in places)
    return Border(below, Found.HISTORY, detail) if 0 < below < layers else None


def not_found(layers: int) -> UsageError:
    """Return the error if there is no border to be found."""
    return UsageError(
        f"{OPTION} auto: slimmer cannot tell which of the image's {counted(layers, 'layer')} belong to its base image",
        hint=f"Name the base image, if the engine has it (--base IMAGE), or say how many layers are the app's own ({OPTION} N).",
    )


def _bounds(history: Sequence[HistoryEntry]) -> Iterator[tuple[int, str]]:
    """Yield ends of parts of the history that belong to other images, with the reason. An end is the position behind such a part."""
    for place, entry in enumerate(history):
        if _FROM.match(entry.comment):
            yield place, f"by the history: {entry.comment}"
    yield from _other_builder(history)
    for word in ("CMD", "ENTRYPOINT"):
        places = [place for place, entry in enumerate(history) if entry.word == word]
        if len(places) > 1:  # a Dockerfile has one, so all but the last are of images below
            instruction = history[places[-2]].instruction
            yield places[-2] + 1, f"by the history: {instruction} is the end of another Dockerfile"


def _other_builder(history: Sequence[HistoryEntry]) -> Iterator[tuple[int, str]]:
    """Yield the end of the part that another builder made than the one that made the last entries. One build has one builder."""
    buildkit = max((place for place, entry in enumerate(history) if entry.is_buildkit), default=-1)
    classic = max((place for place, entry in enumerate(history) if entry.is_classic), default=-1)
    if min(buildkit, classic) >= 0:
        names = "BuildKit", "another builder"
        below, above = names if buildkit < classic else reversed(names)
        yield min(buildkit, classic) + 1, f"by the history: {below} made what is below, {above} what is above"


def _root(history: Sequence[HistoryEntry], places: Sequence[int], *, has_system: bool) -> Iterator[tuple[int, str]]:
    """Yield the end of the first layer if it is the root file system of a distribution."""
    for place in places[:1]:
        entry = history[place]
        if _ROOT_COMMENT.match(entry.comment) or (has_system and _ROOT_ADDED.match(entry.instruction)):
            yield place + 1, f"by the history: the first layer is a distribution's ({entry.instruction})"


def _repository(name: str) -> str:
    """Return an image's name without its tag and without what docker and Podman leave out."""
    head, _, tail = familiar(name).removeprefix("localhost/").rpartition(":")
    return head if head and "/" not in tail else tail
