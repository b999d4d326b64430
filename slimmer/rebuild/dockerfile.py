r"""The generated Dockerfile: an image's whole configuration, in a fixed order, with every value quoted for the parser.

Quoting: the classic builder splits ENV and LABEL into words, in which a backslash escapes `"`, `\` and `$`; it expands
variables in VOLUME, USER, WORKDIR, EXPOSE and STOPSIGNAL too, JSON array or not. Sources: Dockerfile reference,
"Environment replacement"; moby, builder/dockerfile/dispatchers.go.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from slimmer.image.config import Healthcheck, ImageConfig
from slimmer.image.tree import Entry

TEMPLATE = "Dockerfile.j2"
KEPT_BY_BUILD = "security.capability"
"""The only extended attribute that the builder writes into a layer (moby, archive.ReadSecurityXattrToTarHeader)."""

_UNITS = (
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
)


def render(config: ImageConfig) -> str:
    """The Dockerfile's text."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("slimmer.rebuild"),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - it is no HTML; every value is quoted by instructions()
    )
    return environment.get_template(TEMPLATE).render(instructions=list(instructions(config)))


@dataclass(frozen=True, slots=True)
class Instruction:
    """One line of a Dockerfile."""

    keyword: str
    value: str


def instructions(config: ImageConfig) -> Iterator[Instruction]:
    """The configuration as instructions; SHELL after what it could change, CMD after the ENTRYPOINT that clears it."""
    if config.author:
        yield Instruction("MAINTAINER", config.author)
    for entry in config.env:
        name, _, value = entry.partition("=")
        yield Instruction("ENV", f"{name}={_quoted(value)}")
    for name, value in config.labels:
        yield Instruction("LABEL", f"{_quoted(name)}={_quoted(value)}")
    for port in config.exposed_ports:
        yield Instruction("EXPOSE", _unexpanded(port))
    if config.volumes:
        yield Instruction("VOLUME", _unexpanded(_array(config.volumes), in_json=True))
    yield from _process(config)
    yield from (Instruction("ONBUILD", text) for text in config.on_build)


def _process(config: ImageConfig) -> Iterator[Instruction]:
    if config.stop_signal:
        yield Instruction("STOPSIGNAL", _unexpanded(config.stop_signal))
    if config.shell is not None:
        yield Instruction("SHELL", _array(config.shell))
    if config.healthcheck:
        yield Instruction("HEALTHCHECK", _healthcheck(config.healthcheck))
    if config.user:
        yield Instruction("USER", _unexpanded(config.user))
    if config.working_dir:
        yield Instruction("WORKDIR", _unexpanded(config.working_dir))
    if config.entrypoint is not None:
        yield Instruction("ENTRYPOINT", _array(config.entrypoint))
    if config.cmd is not None:
        yield Instruction("CMD", _array(config.cmd))


def beyond_dockerfile(config: ImageConfig, entries: Iterable[Entry], architecture: str) -> tuple[str, ...]:
    """What of this image `docker build` would mangle, in words; then it has to be loaded instead. () when nothing."""
    found = list(_beyond(config, architecture))
    attributes = {name for entry in entries for name, _ in entry.xattrs if name != KEPT_BY_BUILD}
    if attributes:
        found.append(f"extended attributes ({', '.join(sorted(attributes)[:3])})")
    return tuple(found)


def _beyond(config: ImageConfig, architecture: str) -> Iterator[str]:
    if any(_has_newline(entry) for entry in config.env):
        yield "a line break in ENV"
    if any(_has_newline(name + value) or not name for name, value in config.labels):
        yield "a line break in LABEL"
    if config.stop_timeout is not None:
        yield "StopTimeout"
    if config.architecture != architecture or config.variant:
        yield f"the architecture {config.architecture}{config.variant and '/' + config.variant}"
    if config.os != "linux":
        yield f"the system {config.os}"
    texts = [config.author, config.user, config.working_dir, *config.volumes, *config.on_build]
    if any(not _one_line(text) for text in texts if text):
        yield "a value that does not fit on one line"
    if config.healthcheck and not _sayable(config.healthcheck):
        yield "the form of HEALTHCHECK"


def _has_newline(text: str) -> bool:
    return "\n" in text or "\r" in text


def _one_line(text: str) -> bool:
    """Whether a raw line gives the text back: no line break, nothing to trim, no backslash that continues the line."""
    return not _has_newline(text) and text == text.strip() and not text.endswith("\\")


def _sayable(check: Healthcheck) -> bool:
    if check.start_interval or check.test[0] not in ("NONE", "CMD", "CMD-SHELL"):
        return False
    if check.test[0] == "CMD-SHELL":
        return len(check.test) == 2 and _one_line(check.test[1]) and not check.test[1].startswith("[")
    return check.test[0] == "NONE" or len(check.test) > 1


def _healthcheck(check: Healthcheck) -> str:
    if check.test[0] == "NONE":
        return "NONE"
    options = [
        f"--{name}={_duration(value)} "
        for name, value in (
            ("interval", check.interval),
            ("timeout", check.timeout),
            ("start-period", check.start_period),
        )
        if value
    ]
    options += [f"--retries={check.retries} "] if check.retries else []
    command = check.test[1] if check.test[0] == "CMD-SHELL" else _array(check.test[1:])
    return "".join(options) + f"CMD {command}"


def _duration(nanoseconds: int) -> str:
    name, size = next((name, size) for name, size in _UNITS if nanoseconds % size == 0)
    return f"{nanoseconds // size}{name}"


def _array(words: Iterable[str]) -> str:
    return json.dumps(list(words))


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$") + '"'


def _unexpanded(text: str, *, in_json: bool = False) -> str:
    """Text in which the builder shall expand nothing; within JSON the escaping backslash is escaped itself."""
    if in_json:
        return text.replace("$", "\\\\$")
    return text.replace("\\", "\\\\").replace("$", "\\$").replace('"', '\\"').replace("'", "\\'")
