r"""The generated Dockerfile: an image's whole configuration, in a fixed order, with every value quoted for the parser.

Quoting: the classic builder splits ENV and LABEL into words, in which a backslash escapes `"`, `\` and `$`; it expands
variables in VOLUME, USER, WORKDIR, EXPOSE and STOPSIGNAL too, JSON array or not. Sources: Dockerfile reference,
"Environment replacement"; moby, builder/dockerfile/dispatchers.go.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from slimmer.image.config import Healthcheck, ImageConfig
from slimmer.image.tree import Entry

NAME = "Dockerfile"
TEMPLATE = "Dockerfile.j2"
KEPT_BY_BUILD = "security.capability"
"""The only extended attribute that the builder writes into a layer (moby, archive.ReadSecurityXattrToTarHeader)."""

LINE_LIMIT = 65_000
"""Bytes; the parser refuses lines of more than 65,535 (bufio.MaxScanTokenSize)."""

SHORTEST = 1_000_000
"""Nanoseconds; the parser refuses shorter times in HEALTHCHECK."""

MOST_INSTRUCTIONS = 500
"""The classic builder makes an image for each instruction: 10,000 ONBUILDs took it half an hour."""

_VARIABLE = re.compile(r"(?!--)[\w.-]+", re.ASCII)
_PORT = re.compile(r"[0-9]+/(tcp|udp|sctp)")
_SIGNAL = re.compile(r"[A-Z0-9+-]+")
_LISTS = ("ENV", "LABEL", "EXPOSE")
"""Keywords that take several values in one instruction."""

_NEXT_LINE = " \\\n    "
_TRIGGERS = frozenset(
    {
        "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "HEALTHCHECK", "LABEL", "RUN", "SHELL", "STOPSIGNAL",
        "USER", "VOLUME", "WORKDIR",
    }
)  # fmt: skip
_UNITS = (
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
)


def render(config: ImageConfig, beyond: Iterable[str] = ()) -> str:
    """The Dockerfile's text. `beyond` is what it cannot say (beyond_dockerfile), which a comment then tells.

    A value with a line break is left out: the rest of it would be read as an instruction, and the image is untrusted.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("slimmer.rebuild"),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - it is no HTML; every value is quoted by instructions()
    )
    lines = _joined(line for line in instructions(config) if not _has_newline(line.value))
    return environment.get_template(TEMPLATE).render(instructions=lines, beyond=[ascii(text)[1:-1] for text in beyond])


@dataclass(frozen=True, slots=True)
class Instruction:
    """An instruction of a Dockerfile, with one value."""

    keyword: str
    value: str


def _joined(single: Iterable[Instruction]) -> Iterator[Instruction]:
    """As few instructions as say the same: the classic builder makes a container and a commit of each (45 ms)."""
    for keyword, group in groupby(single, key=lambda instruction: instruction.keyword):
        values = [instruction.value for instruction in group]
        if keyword in _LISTS:
            yield Instruction(keyword, _NEXT_LINE.join(values))
        else:
            yield from (Instruction(keyword, value) for value in values)


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
        yield Instruction("VOLUME", _array(_unexpanded(volume) for volume in config.volumes))
    yield from _process(config)
    yield from (Instruction("ONBUILD", text) for text in config.on_build)


def _process(config: ImageConfig) -> Iterator[Instruction]:
    if config.stop_signal:
        yield Instruction("STOPSIGNAL", _unexpanded(config.stop_signal))
    if config.shell:
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
    for instruction in instructions(config):
        if _has_newline(instruction.value):
            yield f"a line break in {instruction.keyword}"
        elif not _one_line(instruction):
            yield f"the form of {instruction.keyword}"
    yield from (f"the form of {keyword}" for keyword, usual in _usual(config) if not usual)


def _usual(config: ImageConfig) -> Iterator[tuple[str, bool]]:
    """Whether the builder takes each value as it is, neither refusing it nor writing it in another way."""
    names = [entry.partition("=")[0] for entry in config.env]
    yield "ENV", len(set(names)) == len(names) and all("=" in entry for entry in config.env)
    yield "ENV", all(_VARIABLE.fullmatch(name) for name in names)
    yield "LABEL", all(name and "=" not in name for name, _ in config.labels)
    yield "EXPOSE", all(_PORT.fullmatch(port) for port in config.exposed_ports)
    yield "STOPSIGNAL", not config.stop_signal or bool(_SIGNAL.fullmatch(config.stop_signal))
    yield "WORKDIR", not config.working_dir or _is_clean(config.working_dir)
    yield "ONBUILD", all(text.split(" ", 1)[0].upper() in _TRIGGERS for text in config.on_build)
    yield "HEALTHCHECK", config.healthcheck is None or _sayable(config.healthcheck)


def _has_newline(text: str) -> bool:
    return "\n" in text or "\r" in text


def _one_line(instruction: Instruction) -> bool:
    """Whether a line gives its value back: nothing to trim, no backslash that continues it, no flag, not too long."""
    value = instruction.value
    if value != value.strip() or value.endswith("\\") or len(value.encode(errors="replace")) > LINE_LIMIT:
        return False
    return instruction.keyword == "HEALTHCHECK" or not value.startswith("--")


def _is_clean(path: str) -> bool:
    return path.startswith("/") and not path.startswith("//") and posixpath.normpath(path) == path


def _sayable(check: Healthcheck) -> bool:
    if check.start_interval or check.retries < 0 or check.test[0] not in ("NONE", "CMD", "CMD-SHELL"):
        return False
    if any(0 != time < SHORTEST for time in (check.interval, check.timeout, check.start_period)):
        return False
    if check.test[0] == "CMD-SHELL":
        return len(check.test) == 2 and check.test[1] == check.test[1].strip() and not check.test[1].startswith("[")
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


def _unexpanded(text: str) -> str:
    """Text in which the builder shall expand nothing; it takes its words apart after it has read a JSON array."""
    return text.replace("\\", "\\\\").replace("$", "\\$").replace('"', '\\"').replace("'", "\\'")
