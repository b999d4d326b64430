"""Generate the Dockerfile: an image's whole configuration in a fixed order, or a text that every builder refuses.

A value that cannot be written exactly is never written. Instead, one line stops every build, so that nobody gets an image that
lacks, for example, its USER without noticing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from slimmer.image.config import ImageConfig
from slimmer.image.tree import Entry
from slimmer.rebuild.instructions import Instruction, instructions

NAME = "Dockerfile"
TEMPLATE = "Dockerfile.j2"
KEPT_BY_BUILD = "security.capability"
"""The only extended attribute that the builder writes into a layer (moby, archive.ReadSecurityXattrToTarHeader)."""

MOST_INSTRUCTIONS = 500
"""The classic builder makes an image for each instruction: 10,000 ONBUILDs took half an hour."""

_LISTS = ("ENV", "LABEL", "EXPOSE")
"""Keywords that accept several values in one instruction."""

_NEXT_LINE = " \\\n    "
_DIRECTIVE = re.compile(r"#\s*[a-z]+\s*=")
"""A parser directive: docs.docker.com/reference/dockerfile, "Parser directives"."""

_CONTINUED = re.compile(r"(?<!\\)\\\n")
"""A continued line as the classic builder reads it (buildkit's dockerfile2llb, parser.go): no backslash before."""

_ONLY = {"FROM": "scratch", "ADD": "rootfs.tar /"}
KEYWORDS = frozenset(
    (
        "CMD",
        "ENTRYPOINT",
        "ENV",
        "EXPOSE",
        "HEALTHCHECK",
        "LABEL",
        "MAINTAINER",
        "ONBUILD",
        "SHELL",
        "STOPSIGNAL",
        "UNSAID",
        "USER",
        "VOLUME",
        "WORKDIR",
    )
)
"""Instructions that describe an image and do nothing during a build."""

_SHOWN = 100
"""The number of characters of an image's value that a comment shows."""


def render(config: ImageConfig, beyond: Iterable[str] = ()) -> str:
    """Return the Dockerfile's text. Comments list what it cannot express: `beyond` (beyond_dockerfile)."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("slimmer.rebuild"),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - not HTML; instructions() quotes every value
    )
    comments = [ascii(text)[1:-1][:_SHOWN] for text in beyond]
    lines = list(_joined(instructions(config)))
    return environment.get_template(TEMPLATE).render(instructions=lines, beyond=comments)


def foreign_instruction(text: str) -> str:
    """Return the first line of a Dockerfile that slimmer would not write; "" if there is none.

    The folder may come from anybody, so its build must not run a command, or take a file from elsewhere.
    """
    lines = text.split("\n")
    directive = next((line for line in lines[: _comments(lines)] if _DIRECTIVE.match(line)), "")
    rest = _CONTINUED.sub(" ", "\n".join(line for line in lines if not line.lstrip().startswith("#")))
    own = (line.strip() for line in rest.split("\n"))
    return directive or next((line for line in own if line and not _is_own(line)), "")


def _comments(lines: Sequence[str]) -> int:
    """Return the number of comment lines at the beginning."""
    return next((number for number, line in enumerate(lines) if not line.startswith("#")), len(lines))


def _is_own(line: str) -> bool:
    keyword, _, value = line.partition(" ")
    return _ONLY.get(keyword, value) == value and (keyword in _ONLY or keyword in KEYWORDS)


def _joined(single: Iterable[Instruction]) -> Iterator[Instruction]:
    """Join instructions where possible: the classic builder makes a container and a commit for each (45 ms)."""
    for (keyword, unsaid), group in groupby(single, key=lambda instruction: (instruction.keyword, instruction.unsaid)):
        values = [instruction.value for instruction in group]
        if unsaid:
            yield Instruction(keyword, "", unsaid)
        elif keyword in _LISTS:
            yield Instruction(keyword, _NEXT_LINE.join(values))
        else:
            yield from (Instruction(keyword, value) for value in values)


def beyond_dockerfile(config: ImageConfig, entries: Iterable[Entry], architecture: str) -> tuple[str, ...]:
    """Return, in words, what `docker build` would change in this image. If there is anything, the image must be loaded instead."""
    found = list(dict.fromkeys(_beyond(config, architecture)))
    attributes = {name for entry in entries for name, _ in entry.xattrs if name != KEPT_BY_BUILD}
    if attributes:
        found.append(f"extended attributes ({', '.join(sorted(attributes)[:3])})")
    return tuple(found)


def _beyond(config: ImageConfig, architecture: str) -> Iterator[str]:
    if config.architecture != architecture or config.variant:
        yield f"the architecture {config.architecture}{config.variant and '/' + config.variant}"
    if config.os != "linux":
        yield f"the system {config.os}"
    if config.stop_timeout is not None:
        yield "StopTimeout"
    if config.entrypoint == ():
        yield "an empty ENTRYPOINT"
    if sum(1 for _ in instructions(config)) > MOST_INSTRUCTIONS:
        yield f"more than {MOST_INSTRUCTIONS} instructions"
    yield from (instruction.lacking for instruction in instructions(config) if instruction.unsaid)
