"""The labels of a slim image that name its original.

A label of the original is never overwritten, unless slimmer wrote it: if the original is a slim image itself, its labels name another
image. Sources: OCI image specification, annotations.md ("Pre-Defined Annotation Keys") and config.md ("Labels").
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from slimmer.errors import UsageError
from slimmer.image import reference
from slimmer.image.config import ImageConfig
from slimmer.image.reference import familiar, parse
from slimmer.version import __version__

VERSION = "io.slimmer.version"
ORIGINAL_ID = "io.slimmer.original.id"
ORIGINAL_DIGEST = "io.slimmer.original.digest"
BASE_NAME = "org.opencontainers.image.base.name"
BASE_DIGEST = "org.opencontainers.image.base.digest"

RESERVED = (VERSION, ORIGINAL_ID, ORIGINAL_DIGEST)
"""Only slimmer writes these."""

_UNPUSHED = ("<none>", reference.RESERVED)
"""How names begin that no registry has."""

_DEFAULT = "docker.io/"


def labelled(config: ImageConfig, target: str = "") -> ImageConfig:
    """Return the configuration of the original with the labels of its slim image. `target` is what the user called the original.

    They depend on the original and slimmer's version alone, so that the same access log gives the same image.
    """
    own = without_origin(config)
    names = {name for name, _ in own.labels}
    added = {VERSION: __version__, ORIGINAL_ID: config.image_id}
    if found := registry_digest(config.digests, target):
        repository, digest = found
        added[ORIGINAL_DIGEST] = digest
        if not names & {BASE_NAME, BASE_DIGEST}:
            added[BASE_DIGEST] = digest
            if (
                _names_registry(repository) or not config.has_manifest_id
            ):  # in the containerd store, local images have digests, too
                added[BASE_NAME] = _full(repository)
    return replace(own, labels=tuple(sorted((*own.labels, *added.items()))))


def without_origin(config: ImageConfig) -> ImageConfig:
    """Return a configuration without the labels that slimmer wrote."""
    ours = _ours(dict(config.labels))
    return replace(config, labels=tuple((name, value) for name, value in config.labels if name not in ours))


def registry_digest(digests: Iterable[str], target: str = "") -> tuple[str, str] | None:
    """Return the repository and the digest of the manifest by which a registry knows an image; None if that is not known.

    `digests` are `REPOSITORY@sha256:…`, as the engine lists them. The repository that `target` names comes first.
    """
    pairs = [(name, digest) for name, at, digest in (text.partition("@") for text in sorted(digests)) if at]
    known = [pair for pair in pairs if not pair[0].startswith(_UNPUSHED)]
    named = _repository(target)
    return next((pair for pair in known if familiar(pair[0]) == named), known[0] if known else None)


def _ours(labels: Mapping[str, str]) -> set[str]:
    """Return the names of the labels that slimmer wrote. The base image's are the app's, if they do not name the original of a slim image."""
    ours = {name for name in RESERVED if name in labels}
    if ORIGINAL_DIGEST in labels and labels.get(BASE_DIGEST) == labels[ORIGINAL_DIGEST]:
        ours |= {BASE_NAME, BASE_DIGEST}
    return ours


def _repository(target: str) -> str:
    """Return the repository that a user's word for an image names; "" if none."""
    try:
        return familiar(parse(target).name)
    except UsageError:
        return ""


def _full(repository: str) -> str:
    """Return a repository's full name, with the registry: distribution/reference, "normalize.go"."""
    name = familiar(repository)
    if _names_registry(name):
        return name
    return f"{_DEFAULT}{name}" if "/" in name else f"{_DEFAULT}library/{name}"


def _names_registry(repository: str) -> bool:
    domain, slash, _ = familiar(repository).partition("/")
    return bool(slash) and ("." in domain or ":" in domain or domain == "localhost")
