"""Parse the values of options: commands, sizes, environments. Invalid values raise UsageError with an example."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from slimmer.engine.options import Companion
from slimmer.errors import UsageError
from slimmer.exercise.draft import quoted
from slimmer.exercise.plan import (
    DEFAULT_REQUESTS,
    LONGEST_UNTIL_QUIET,
    Api,
    Crawl,
    ExercisePlan,
    GraphQl,
    Grpc,
    ImageCommand,
    Until,
)
from slimmer.exercise.probe_file import read_probe_file, request_from_text
from slimmer.exercise.probe_format import socket_fault
from slimmer.exercise.request import Ask
from slimmer.exercise.until import check_possible
from slimmer.image.layer_border import LayerChoice
from slimmer.keep.analyzer import Policy
from slimmer.keep.margin.amount import Margin
from slimmer.keep.selection import Selection
from slimmer.observe.log import HINT, AccessLog, read_log

LONGEST = 366 * 24 * 3600.0
LARGEST_SIZE = 1 << 63
"""The engine counts bytes in signed 64-bit numbers."""

LARGEST_SHARE = 1000
"""The largest margin, in percent of what stays."""

LARGEST_ID = (1 << 32) - 1
"""(uid_t) -1 means "no change" to the system calls that set an ID (setresuid(2))."""

LARGEST_DESCRIPTION = (8 << 20) - 1
LONGEST_PATH = 1024

SHOWN = 60
_UNITS = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


def command(option: str, text: str) -> tuple[str, ...]:
    """Parse a command, given as a JSON array (`["redis-server", "--port", "1"]`) or as shell words (`redis-server --port 1`)."""
    if not text.strip().startswith("["):
        try:
            return tuple(shlex.split(text))
        except ValueError as error:
            raise UsageError(f"{option}: {error}: {text!r}", hint="Close the quotes, or write a JSON array.") from error
    try:
        words = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"{option} is not a JSON array: {error}", hint="""For example: '["--port", "80"]'"""
        ) from error
    if not all(isinstance(word, str) for word in words):
        raise UsageError(f"{option} must be an array of strings", hint="""For example: '["--port", "80"]'""")
    return tuple(words)


def size(option: str, text: str) -> int:
    """Parse a number of bytes with docker's units: 64m, 1g, 1024k, 512 (powers of 1024)."""
    if not text:
        return 0
    match = re.fullmatch(r"(\d{1,19}(?:\.\d+)?)([kmg]?)b?", text.strip().lower(), re.ASCII)
    number = int(float(match[1]) * _UNITS[match[2]]) if match else -1
    if not 0 <= number < LARGEST_SIZE:
        raise UsageError(f"{option}: not a size: {_short(text)}", hint="For example: 64m, 1g or 1048576.")
    return number


def margin(text: str, policy: Policy) -> Margin:
    """Parse a margin: a share of what stays (`10%`), a size with docker's units (`5m`, `5MB`), or 0. Only `balanced` has one."""
    share = re.fullmatch(r"(\d{1,4}(?:\.\d{1,3})?) ?%", text.strip(), re.ASCII)
    if share and Fraction(share[1]) <= LARGEST_SHARE:
        found = Margin(share=Fraction(share[1]) / 100)
    elif re.fullmatch(r"0+|\d+(?:\.\d+)? ?[kmg]b?", text.strip(), re.ASCII | re.IGNORECASE):
        found = Margin(size=size("--margin", text.replace(" ", "")))
    else:
        hint = "Write a share of what stays (10%), a size (5MB), or 0 for none."
        if share:
            hint = f"The largest share is {LARGEST_SHARE}%. To keep whole packages, use --policy generous."
        raise UsageError(f"--margin: not a share, a size or 0: {_short(text)}", hint=hint)
    if found and policy is not Policy.BALANCED:
        raise UsageError(
            f"--margin {text} cannot be used with --policy {policy}",
            hint="Only --policy balanced has a margin: observed keeps only what was used, and generous keeps whole packages.",
        )
    return found


def layers(text: str, base: str) -> LayerChoice | None:
    """Parse the layers to keep whole: `auto`, a number, or 0 for none. `base` is the base image, which only `auto` takes.

    With 0, a base does not matter: it may come from a settings file.
    """
    text = text.strip()
    if text == "auto":
        return LayerChoice(base=base)
    if text and not re.fullmatch(r"\d{1,4}", text, re.ASCII):
        hint = "For example: --keep-layers auto, or 3."
        raise UsageError(f"--keep-layers: not a number of layers or auto: {_short(text)}", hint=hint)
    number = int(text or 0)
    if base and (number or not text):
        hint = "It names the image whose layers are below those to keep whole."
        raise UsageError(f"--base {base} needs --keep-layers auto", hint=hint)
    return LayerChoice(number) if number else None


def environment(entries: Sequence[str], files: Sequence[Path], option: str = "--env") -> tuple[str, ...]:
    """Join --env-file and --env as `docker run` does. Files come first, and NAME alone takes the value from slimmer's environment.

    `option` is the one that gave the entries, for errors.
    """
    lines = [line for file in files for line in _env_lines(file)]
    result: dict[str, str] = {}
    for entry in [*lines, *entries]:
        name, equals, value = entry.partition("=")
        if not name or " " in name:
            raise UsageError(
                f"{option}: a variable needs a name without spaces", hint="For example: --env LOG_LEVEL=debug"
            )
        if equals:
            result[name] = value
        elif name in os.environ:
            result[name] = os.environ[name]
    return tuple(f"{name}={value}" for name, value in result.items())


def access_log(path: Path) -> AccessLog:
    """Read an access log from a file, or from an output folder."""
    place = path / "access.json" if path.is_dir() else path
    if place != path and place.exists() and not place.is_file():  # the user may name a FIFO itself
        raise UsageError(f"{place} is not a file", hint=HINT)
    try:
        with place.open(encoding="utf-8") as file:
            return read_log(file)
    except OSError as error:
        raise UsageError(f"{place}: {error.strerror}", hint=HINT) from error


def user(option: str, text: str) -> str:
    """Check UID or UID:GID. Only numbers are allowed, because no image knows an arbitrary user by name."""
    match = re.fullmatch(r"(\d{1,10})(?::(\d{1,10}))?", text, re.ASCII)
    if not match or any(int(number) >= LARGEST_ID for number in match.groups() if number):
        raise UsageError(f"{option}: not UID or UID:GID: {_short(text)}", hint=f"For example: {option} 1000680000:0")
    return text


def _env_lines(file: Path) -> list[str]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"--env-file {file}: {error}", hint="Write one NAME=VALUE per line. # begins a comment."
        ) from error
    return [line.lstrip() for line in lines if line.strip() and not line.lstrip().startswith("#")]


def until(text: str) -> tuple[Until, float]:
    """Parse `probes`, `exit`, `signal`, `enter`, `quiet:SECONDS`, or a number of seconds."""
    word, colon, number = text.partition(":")
    if word == Until.QUIET and colon:
        return Until.QUIET, _quiet_seconds(number)
    try:
        return Until.SECONDS, positive_seconds("--until", text)
    except UsageError:
        if text in {value.value for value in Until if value not in (Until.SECONDS, Until.QUIET)}:
            return Until(text), 0.0
    raise UsageError(
        f"--until: unknown value {_short(text)}",
        hint="Use probes, exit, signal, enter, quiet:10 (no new file for 10 seconds), or a number of seconds: --until 30",
    )


def _quiet_seconds(text: str) -> float:
    seconds = positive_seconds("--until quiet", text)
    if not 0 < seconds <= LONGEST_UNTIL_QUIET:
        raise UsageError(
            f"--until quiet: must be more than 0 and at most {LONGEST_UNTIL_QUIET:g} seconds: {_short(text)}",
            hint="For example: --until quiet:10. To watch for longer: --until 3600",
        )
    return seconds


def positive_seconds(option: str, text: str) -> float:
    """Parse a number of seconds, from 0 to a year: `10`, `10s` or `2.5`."""
    match = re.fullmatch(r"(\d{1,8}(?:\.\d+)?)s?", text.strip(), re.ASCII)
    if not match or float(match[1]) > LONGEST:
        raise UsageError(f"{option}: not a number of seconds: {_short(text)}", hint="For example: 30")
    return float(match[1])


def choice(option: str, text: str, choices: Sequence[str]) -> str:
    """Return the text if it is one of the choices. The message of the error leaves out ""."""
    if text in choices:
        return text
    known = ", ".join(word for word in choices if word)
    raise UsageError(f"{option}: unknown value {_short(text)}", hint=f"Use one of: {known}.")


def plan(
    *,
    probes: Sequence[str],
    files: Sequence[Path],
    http: bool,
    ports: Sequence[object],
    sockets: Sequence[str],
    host_commands: Sequence[str],
    image_commands: Sequence[str],
    image_environment: Sequence[str],
    exec_commands: Sequence[str],
    until: Until,
    seconds: float,
    ready_timeout: float,
    request_timeout: float,
    crawl: Crawl,
    api: Api,
    graphql: GraphQl,
    grpc: Grpc,
    protocols: bool,
) -> ExercisePlan:
    """Return the exercise that the options ask for. The user's requests replace the default `GET /`."""
    explicit = bool(probes or files)
    check_possible(until)
    own: list[Ask] = [request_from_text(text) for text in probes]
    read = [read_probe_file(file) for file in files]
    own += [request for found, _ in read for request in found]
    return ExercisePlan(
        requests=tuple(own) if explicit else DEFAULT_REQUESTS,
        explicit=explicit,
        http=http,
        ports=tuple(dict.fromkeys(_port(port) for port in ports)),
        sockets=tuple(dict.fromkeys(_socket(path) for path in sockets)),
        host_commands=tuple(_not_empty("--exercise", text) for text in host_commands),
        image_commands=_image_commands(image_commands, image_environment),
        exec_commands=tuple(_container_command(text) for text in exec_commands),
        until=until,
        seconds=seconds,
        ready_timeout=ready_timeout,
        request_timeout=request_timeout,
        crawl=replace(crawl, on=crawl.on and http),
        api=replace(api, on=api.on and http),
        graphql=replace(graphql, on=graphql.on and http),
        grpc=replace(grpc, on=grpc.on and (http or grpc.asked)),
        protocols=protocols,
        probe_files=tuple(digest for _, digest in read),
    )


def description(text: str) -> Api:
    """Return where an API's description is: "" or `auto` for the usual places, a file of this machine, or a path in the app."""
    if text in ("", "auto"):
        return Api(asked=bool(text))
    if Path(text).is_file():
        return Api(asked=True, file=text, content=_description(Path(text)))
    if text.startswith("/") and not text.startswith("//") and len(text) <= LONGEST_PATH:
        return Api(asked=True, path=quoted(text))
    raise UsageError(
        f"--openapi: no such file: {_short(text)}",
        hint="Name a file, or a path in the app without scheme and host: --openapi /api/openapi.json",
    )


def _description(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            content = opened.read(LARGEST_DESCRIPTION + 1)
    except OSError as error:
        raise UsageError(f"--openapi {file}: {error.strerror}", hint="Name a file in JSON or YAML.") from error
    if len(content) > LARGEST_DESCRIPTION:
        raise UsageError(
            f"--openapi {file}: larger than {LARGEST_DESCRIPTION >> 20} MB", hint="Leave out what is not to be called."
        )
    return content


def selection(
    *,
    include: Sequence[str],
    exclude: Sequence[str],
    files: Sequence[Path],
    bins: Sequence[str],
    packages: Sequence[str],
    shell: bool,
    licences: bool,
    package_data: bool,
) -> Selection:
    """Return what the user selected to keep or drop. Patterns from files come first, so that those on the command line decide."""
    return Selection(
        include=(*(line for file in files for line in _pattern_lines(file)), *_patterns("--include", include)),
        exclude=_patterns("--exclude", exclude),
        bins=tuple(_named("--include-bin", name, "curl") for name in bins),
        packages=tuple(_named("--include-package", name, "tzdata") for name in packages),
        shell=shell,
        licences=licences,
        package_data=package_data,
    )


def _pattern_lines(file: Path) -> list[str]:
    """Read the patterns of a file. Names need not be UTF-8."""
    try:
        lines = os.fsdecode(file.read_bytes()).splitlines()
    except OSError as error:
        raise UsageError(
            f"--keep-file {file}: {error.strerror}", hint="Write one pattern per line. # begins a comment."
        ) from error
    return [line for line in lines if line.strip() and not line.startswith("#")]


def _patterns(option: str, patterns: Sequence[str]) -> tuple[str, ...]:
    for pattern in patterns:
        if not pattern.strip().lstrip("!/"):
            raise UsageError(
                f"{option}: the pattern is empty: {pattern!r}", hint=f"For example: {option} '/srv/**/*.html'"
            )
    return tuple(patterns)


def _named(option: str, name: str, example: str) -> str:
    if not name.strip():
        raise UsageError(f"{option}: the name is empty", hint=f"For example: {option} {example}")
    return name


def _port(number: object) -> int:
    if not (isinstance(number, int) and 0 < number < 1 << 16):
        raise UsageError(f"--port: not a port: {number!r}", hint="A port is a number from 1 to 65535.")
    return number


def _socket(path: str) -> str:
    if fault := socket_fault(path):
        raise UsageError(f"--unix-socket {_short(path)} {fault}", hint="For example: --unix-socket /run/app.sock")
    return path


def _container_command(text: str) -> tuple[str, ...]:
    words = command("--exec", text)
    _not_empty("--exec", words[0] if words else "")
    return words


def companions(entries: Sequence[str], variables: Sequence[str], ready_timeout: float) -> tuple[Companion, ...]:
    """Return the companions of `NAME=IMAGE [COMMAND]` entries, with their `NAME:KEY=VALUE` variables.

    `NAME:KEY` takes the value from slimmer's environment. `ready_timeout` is in seconds.
    """
    by_name: dict[str, list[str]] = {}
    for entry in variables:
        name, _, variable = entry.partition(":")
        by_name.setdefault(name, []).append(variable)
    made = tuple(_companion(entry, by_name, ready_timeout) for entry in entries)
    if strange := by_name.keys() - {each.name for each in made}:
        raise UsageError(
            f"--with-env: there is no companion {min(strange)!r}",
            hint="For example: --with db=postgres:16 --with-env db:POSTGRES_PASSWORD=x",
        )
    return made


def _companion(entry: str, variables: Mapping[str, Sequence[str]], ready_timeout: float) -> Companion:
    name, _, rest = entry.partition("=")
    image, *words = command("--with", rest) or ("",)
    if not (name and image):
        raise UsageError(f"--with: not NAME=IMAGE: {_short(entry)}", hint="For example: --with cache=redis:7")
    own = environment(variables.get(name, ()), (), "--with-env")
    return Companion(name, image, tuple(words), own, ready_timeout)


def _image_commands(texts: Sequence[str], variables: Sequence[str]) -> tuple[ImageCommand, ...]:
    if variables and not texts:
        raise UsageError("--exercise-env needs --exercise-image", hint="--env sets variables of the app itself.")
    own = environment(variables, (), "--exercise-env")
    return tuple(replace(_image_command(text), environment=own) for text in texts)


def _image_command(text: str) -> ImageCommand:
    image, *words = command("--exercise-image", text) or ("",)
    if not image:
        raise UsageError(
            "--exercise-image: no image is named", hint="For example: --exercise-image 'shop-tests:2 pytest -q'"
        )
    return ImageCommand(image, tuple(words))


def _not_empty(option: str, text: str) -> str:
    if not text.strip():
        raise UsageError(f"{option}: the command is empty", hint=f"For example: {option} 'ls /'")
    return text


def _short(text: str) -> str:
    return repr(text if len(text) <= SHOWN else text[:SHOWN] + "…")
