"""The generated Dockerfile: an image's whole configuration, in a fixed order, or a text that no builder takes.

What cannot be said exactly is never written. A line in its place stops every build, so that nobody gets an image that
lacks, say, its USER without noticing.
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
"""The classic builder makes an image for each instruction: 10,000 ONBUILDs took it half an hour."""

_LISTS = ("ENV", "LABEL", "EXPOSE")
"""Keywords that take several values in one instruction."""

_NEXT_LINE = " \\\n    "
_DIRECTIVE = re.compile(r"#\s*[a-z]+\s*=")
"""A parser directive: docs.docker.com/reference/dockerfile, "Parser directives"."""

_CONTINUED = re.compile(r"(?<!\\)\\\n")
"""As the classic builder takes it (buildkit's dockerfile2llb, parser.go): no backslash before."""

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
"""What describes an image, and does nothing while it is built."""

_SHOWN = 100
"""Characters of the image's own words that a comment shows."""


def render(config: ImageConfig, beyond: Iterable[str] = ()) -> str:
    """The Dockerfile's text. `beyond` is what it cannot say (beyond_dockerfile), which comments then tell."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("slimmer.rebuild"),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - it is no HTML; every value is quoted by instructions()
    )
    comments = [ascii(text)[1:-1][:_SHOWN] for text in beyond]
    lines = list(_joined(instructions(config)))
    return environment.get_template(TEMPLATE).render(instructions=lines, beyond=comments)


def foreign_instruction(text: str) -> str:
    """The first line of a Dockerfile that slimmer would not write, "" for none.

    A folder may come from anybody: no build of it may run a command, or take a file from elsewhere.
    """
    lines = text.split("\n")
    directive = next((line for line in lines[: _comments(lines)] if _DIRECTIVE.match(line)), "")
    rest = _CONTINUED.sub(" ", "\n".join(line for line in lines if not line.lstrip().startswith("#")))
    own = (line.strip() for line in rest.split("\n"))
    return directive or next((line for line in own if line and not _is_own(line)), "")


def _comments(lines: Sequence[str]) -> int:
    """How many lines there are before the first one that is no comment."""
    return next((number for number, line in enumerate(lines) if not line.startswith("#")), len(lines))


def _is_own(line: str) -> bool:
    keyword, _, value = line.partition(" ")
    return _ONLY.get(keyword, value) == value and (keyword in _ONLY or keyword in KEYWORDS)


def _joined(single: Iterable[Instruction]) -> Iterator[Instruction]:
    """As few instructions as say the same: the classic builder makes a container and a commit of each (45 ms)."""
    for (keyword, unsaid), group in groupby(single, key=lambda instruction: (instruction.keyword, instruction.unsaid)):
        values = [instruction.value for instruction in group]
        if unsaid:
            yield Instruction(keyword, "", unsaid)
        elif keyword in _LISTS:
            yield Instruction(keyword, _NEXT_LINE.join(values))
        else:
            yield from (Instruction(keyword, value) for value in values)


def beyond_dockerfile(config: ImageConfig, entries: Iterable[Entry], architecture: str) -> tuple[str, ...]:
    """What of this image `docker build` would mangle, in words; then it has to be loaded instead. () when nothing."""
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
