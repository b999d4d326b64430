"""Images in the engine: find the one that the user means, tag it, look at its layers."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

import requests
from docker.errors import APIError, DockerException

from slimmer.engine import podman_config
from slimmer.engine.connection import Engine
from slimmer.engine.containers import engine_calls
from slimmer.errors import EngineError, TargetNotFound, UnsupportedEngine, UsageError
from slimmer.image.config import ImageConfig, config_from_inspect
from slimmer.image.history import HistoryEntry
from slimmer.image.reference import RESERVED, Reference, familiar, parse
from slimmer.image.suggestions import SUGGESTIONS
from slimmer.probe_binary import ARCHITECTURES

CANDIDATES = 10
"""The number of candidates that are listed for an ambiguous ID. Those with a name come first, as they are more likely to be meant."""

MOST_NAMED = 2000
"""The most images whose layers are looked at. An engine takes about three milliseconds for each."""

RUNS_ALSO = {"amd64": ("386",), "arm64": ("arm",)}
"""Other architectures that an engine can run natively, by its own architecture."""


def resolve(
    engine: Engine, target: str, *, platform: str = "", pull: bool = False, may_pull: bool = True
) -> ImageConfig:
    """Return the image that `target` names: a name, name:tag, digest, ID, or a unique prefix of an ID. Names come first.

    Raises TargetNotFound with similar names or with the candidates of an ambiguous prefix, UsageError for an invalid reference,
    and UnsupportedEngine for an image that this engine cannot run. `may_pull` is true if the command has an option --pull to advise.
    """
    reference = parse(target)
    if pull:
        _pull(engine, reference, platform)
    found = (
        _inspect(engine, target)
        if reference.is_name and not reference.identifier
        else _by_identifier(engine, reference)
    )
    if found is None:
        raise _not_found(engine, reference, advise_pull=may_pull and not pull)
    config = config_from_inspect(found)
    _check_platform(engine, target, config, platform)
    return config


def resolve_others(engine: Engine, options: Mapping[str, str], *, pull: bool) -> dict[str, ImageConfig]:
    """Return the images that a run needs beside its target, by the name that the user gave. `options` has the option that named each.

    With `pull`, those that the engine does not have are pulled. Raises what `resolve` raises, with the option's name.
    """
    return {name: _resolve_other(engine, name, option, pull=pull) for name, option in options.items()}


def _resolve_other(engine: Engine, name: str, option: str, *, pull: bool) -> ImageConfig:
    try:
        if pull and _inspect(engine, name) is None:
            return resolve(engine, name, pull=True)
        return resolve(engine, name, may_pull=not pull)
    except (TargetNotFound, UsageError) as error:
        raise type(error)(f"{option}: {error.message}", hint=error.hint) from error


def inspect(engine: Engine, name: str) -> ImageConfig:
    """Return the configuration of an image by its exact name or ID. Raise TargetNotFound if there is none."""
    found = _inspect(engine, name)
    if found is None:
        raise TargetNotFound(f"no such image: {name}")
    return config_from_inspect(found)


def history(engine: Engine, name: str) -> tuple[HistoryEntry, ...]:
    """Return an image's history, oldest entry first. Raise EngineError if there is no such image."""
    with engine_calls(f"read the history of {name}"):
        entries: list[dict[str, Any]] = engine.api.history(name)
    return tuple(
        HistoryEntry(str(entry.get("CreatedBy") or ""), int(entry.get("Size") or 0), str(entry.get("Comment") or ""))
        for entry in reversed(entries)
    )


def named_layers(engine: Engine) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each name of an image with the DiffIDs of its layers, of the newest MOST_NAMED images that have names."""
    with engine_calls("list images"):
        found: list[dict[str, Any]] = engine.api.images()
    named = [image for image in found if _names(image)]
    named.sort(key=lambda image: -int(image.get("Created") or 0))
    for image in named[:MOST_NAMED]:
        inspected = _inspect(engine, image["Id"])  # None if somebody has removed it meanwhile
        layers = config_from_inspect(inspected).layers if inspected is not None else ()
        yield from ((name, layers) for name in _names(image))


def tag(engine: Engine, image: str, name: str) -> None:
    """Give an image a name (NAME:TAG). An image that has this name loses it."""
    repository, _, tag_name = name.rpartition(":")
    with engine_calls(f"tag {name}"):
        engine.api.tag(image, repository, tag_name, force=True)


def _by_identifier(engine: Engine, reference: Reference) -> dict[str, Any] | None:
    """Return the image with this ID or prefix of an ID. An image with this name comes first.

    The engine resolves prefixes, too. But for an ambiguous one it says only "no such image", and podman takes any match.
    """
    with engine_calls(f"look for {reference.text}"):
        images: list[dict[str, Any]] = engine.api.images()
    if reference.is_name and any(_same_name(reference.text, name) for image in images for name in _names(image)):
        return _inspect(engine, f"{reference.text}:latest")
    found = {image["Id"]: image for image in images if _digits(image).startswith(reference.identifier)}
    if len(found) > 1:
        raise _ambiguous(reference, list(found.values()))
    return _inspect(engine, next(iter(found), reference.text))


def _inspect(engine: Engine, name: str) -> dict[str, Any] | None:
    try:
        with engine_calls(f"inspect {name}"):
            found: dict[str, Any] = engine.api.inspect_image(name)
    except EngineError as error:
        if _is_not_found(error.__cause__):
            return None
        raise
    return podman_config.completed(engine, found) if engine.is_podman else found


def _is_not_found(error: BaseException | None) -> bool:
    """Return True if the engine has no such image. Podman answers 500 for an unknown ID, because it tries to read it as a name."""
    if not isinstance(error, APIError):
        return False
    return error.status_code in (400, 404) or "hexadecimal strings" in str(error.explanation)


def _ambiguous(reference: Reference, images: list[dict[str, Any]]) -> TargetNotFound:
    by_name = sorted(images, key=lambda image: (not _names(image), _digits(image)))
    lines = [f"{_digits(image)[:12]}  {', '.join(_names(image)) or '<none>'}" for image in by_name]
    if len(lines) > CANDIDATES:
        lines[CANDIDATES:] = [f"and {len(lines) - CANDIDATES} more"]
    return TargetNotFound(
        f"{reference.text} is the beginning of {len(images)} image IDs:\n  " + "\n  ".join(lines),
        hint="Give more digits of the ID, or a name.",
    )


def _not_found(engine: Engine, reference: Reference, *, advise_pull: bool) -> TargetNotFound:
    with engine_calls("list images"):
        names = [name for image in engine.api.images() for name in _names(image)]
    names = [name.removeprefix("localhost/") for name in names]
    short = [name.removesuffix(":latest") for name in names]
    repositories = [name.rpartition(":")[0] for name in names]
    others = [name for name in dict.fromkeys([*short, *repositories]) if name != reference.text]
    near = difflib.get_close_matches(reference.text, others, SUGGESTIONS)
    advice = [f"Did you mean {' or '.join(near)}?"] if near else ["`docker images` lists the images."]
    if reference.is_name and advise_pull:
        advice.append("To pull it from its registry first, use --pull.")
    return TargetNotFound(f"no such image: {reference.text}", hint=" ".join(advice))


def _check_platform(engine: Engine, target: str, config: ImageConfig, platform: str) -> None:
    """Raise TargetNotFound if the image is for another platform than asked for, UnsupportedEngine if the engine cannot run it."""
    if config.os not in ("", "linux"):
        raise UnsupportedEngine(f"{target} is an image for {config.os}", hint="slimmer supports only Linux images.")
    architecture = ARCHITECTURES.get(config.architecture, config.architecture)
    if platform:
        wanted = platform.split("/")
        if wanted[0] != "linux" or (len(wanted) > 1 and ARCHITECTURES.get(wanted[1], wanted[1]) != architecture):
            raise TargetNotFound(
                f"the local image {target} is for linux/{architecture}, not for {platform}",
                hint=f"Try `docker pull --platform {platform} {target}`, or use --pull.",
            )
    if architecture not in ("", engine.architecture, *RUNS_ALSO.get(engine.architecture, ())):
        raise UnsupportedEngine(
            f"{target} is an image for {architecture}, but the engine runs {engine.architecture}",
            hint=f"slimmer can only watch images that run natively. Point DOCKER_HOST at an engine for {architecture}.",
        )


def _names(image: dict[str, Any]) -> list[str]:
    tags = (familiar(str(name)) for name in image.get("RepoTags") or ())
    return [name for name in tags if not name.startswith(("<none>", RESERVED))]


def _same_name(text: str, name: str) -> bool:
    return name.removeprefix("localhost/") == f"{text}:latest"


def _digits(image: dict[str, Any]) -> str:
    return str(image["Id"]).removeprefix("sha256:")


def _pull(engine: Engine, reference: Reference, platform: str) -> None:
    if not reference.is_name:
        raise TargetNotFound(f"{reference.text} is an ID, and only names can be pulled", hint="Leave out --pull.")
    version = reference.digest or reference.tag or "latest"
    try:
        answers = engine.api.pull(reference.name, tag=version, platform=platform or None, stream=True, decode=True)
        errors = [str(answer["error"]) for answer in answers if "error" in answer]
    except (DockerException, requests.RequestException) as error:
        raise _unpulled(reference, str(getattr(error, "explanation", "") or error)) from error
    if errors:
        raise _unpulled(reference, errors[0])


def _unpulled(reference: Reference, reason: str) -> TargetNotFound:
    return TargetNotFound(
        f"{reference.text} cannot be pulled: {reason}",
        hint="Check the name. A private registry needs `docker login`. Without --pull, slimmer uses the local image.",
    )
