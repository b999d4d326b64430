"""Image references: what the user calls an image, and what the slim image is called.

Grammar: the distribution project's reference package (`[domain/]path[:tag][@digest]`), which docker follows.
Nothing here asks the engine whether an image exists: slimmer.engine.images does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from slimmer.errors import UsageError
from slimmer.image.config import ImageConfig

RESERVED = "slimmer.local/"
"""Repositories below this name exist only while slimmer runs."""

NAME_LIMIT = 255
TAG_LIMIT = 128
_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_HOST = r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)"
_DOMAIN = rf"(?:{_HOST}(?:\.{_HOST})*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?"
_REFERENCE = re.compile(
    rf"(?P<name>(?:{_DOMAIN}/)?{_COMPONENT}(?:/{_COMPONENT})*)"
    rf"(?::(?P<tag>\w[\w.-]{{0,{TAG_LIMIT - 1}}}))?"
    r"(?:@(?P<digest>[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}))?",
    re.ASCII,
)
_IDENTIFIER = re.compile(r"(?:sha256:)?([0-9a-f]{1,64})")
_FULL_IDENTIFIER = re.compile(r"(?:sha256:)?[0-9a-f]{64}")

TAG_HINT = "Give the slim image a name, for example: --tag myapp:slim"


@dataclass(frozen=True, slots=True)
class Reference:
    """A target as the user wrote it, in parts. `identifier`: the hex digits, if it may be an ID or a prefix of one."""

    text: str
    name: str = ""
    tag: str = ""
    digest: str = ""
    identifier: str = ""

    @property
    def is_name(self) -> bool:
        """True if it may be the name of an image. A full ID or `sha256:…` cannot."""
        return bool(self.name)


def parse(text: str) -> Reference:
    """Split a target into parts: a name with optional registry, port, tag and digest, or an ID or a prefix of one.

    Raises UsageError if it can be neither.
    """
    identifier = _IDENTIFIER.fullmatch(text)
    if identifier and (text.startswith("sha256:") or _FULL_IDENTIFIER.fullmatch(text)):
        return Reference(text, identifier=identifier[1])
    match = _REFERENCE.fullmatch(text)
    if not match or len(match["name"]) > NAME_LIMIT:
        raise UsageError(f"not an image reference: {text!r}", hint=_advice(text))
    return Reference(
        text, match["name"], match["tag"] or "", match["digest"] or "", identifier[1] if identifier else ""
    )


def slim_tag(reference: Reference, config: ImageConfig) -> str:
    """Return the default name of the slim image: NAME:TAG-slim, or NAME:slim for latest.

    For a digest or an ID, which mean nothing to a reader, the image's first tag is used. Raises UsageError if the image has no
    name, or the result would be too long.
    """
    name, tag = reference.name, reference.tag
    if not name or (reference.digest and not tag) or _means_identifier(reference, config):
        name, tag = _first_tag(config)
    if not name:
        raise UsageError(f"the image {reference.text} has no name to derive the slim image's name from", hint=TAG_HINT)
    slim = "slim" if tag in ("", "latest") else f"{tag}-slim"
    if len(slim) > TAG_LIMIT:
        raise UsageError(f"the tag {slim} would be longer than {TAG_LIMIT} characters", hint=TAG_HINT)
    return f"{name}:{slim}"


def checked_tag(text: str) -> str:
    """Return a user's --tag as NAME:TAG. Raises UsageError for what the engine would refuse, and for reserved names."""
    if not text:
        raise UsageError("--tag is empty", hint=TAG_HINT)
    reference = parse(text)
    if not reference.name:
        raise UsageError(f"--tag {text!r} is an image ID, not a name", hint=TAG_HINT)
    if reference.digest:
        raise UsageError(f"--tag {text!r} has a digest, but only an image's content decides its digest", hint=TAG_HINT)
    if reference.name.startswith(RESERVED):
        raise UsageError(f"--tag: names below {RESERVED} are slimmer's own and get removed", hint=TAG_HINT)
    return f"{reference.name}:{reference.tag or 'latest'}"


def familiar(name: str) -> str:
    """Return a name as the docker client shows it: without the default registry and its `library/`."""
    for default in ("docker.io/library/", "index.docker.io/library/", "docker.io/", "index.docker.io/"):
        if name.startswith(default):
            return name[len(default) :]
    return name


def _means_identifier(reference: Reference, config: ImageConfig) -> bool:
    """Return True if the target is an ID. `cafe` may be both; it counts as a name if the image has that name, as in docker."""
    if not reference.identifier or reference.tag or reference.digest:
        return False
    names = {familiar(tag.rpartition(":")[0]).removeprefix("localhost/") for tag in config.tags}
    digits = config.image_id.removeprefix("sha256:")
    return reference.name not in names and digits.startswith(reference.identifier)


def _first_tag(config: ImageConfig) -> tuple[str, str]:
    usable = (tag for tag in config.tags if not tag.startswith((RESERVED, "<none>")))
    name, _, tag = next(usable, "").rpartition(":")
    return name, tag


def _advice(text: str) -> str:
    if _REFERENCE.fullmatch(text.lower()):
        return f"Image names are in lower case: {text.lower()}"
    if "://" in text:
        return f"Leave out the scheme: {text.partition('://')[2]}"
    return "For example: myapp, myapp:1.4, registry.example:5000/team/myapp:1.4, myapp@sha256:…, 3f2a9c01d4e5"
