"""Option values in words, turned into values: commands, sizes, environments. Raises UsageError that shows an example."""

from __future__ import annotations

import json
import os
import re
import shlex
from pathlib import Path

from slimmer.errors import UsageError
from slimmer.exercise.plan import Until

_UNITS = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


def command(option: str, text: str) -> tuple[str, ...]:
    """A command as a JSON array (`["redis-server", "--port", "1"]`) or in a shell's words (`redis-server --port 1`)."""
    if not text.strip().startswith("["):
        try:
            return tuple(shlex.split(text))
        except ValueError as error:
            raise UsageError(f"{option}: {error}: {text!r}", hint="Close the quotes, or write a JSON array.") from error
    try:
        words = json.loads(text)
    except ValueError as error:
        raise UsageError(
            f"{option} is not a JSON array: {error}", hint="""For example: '["--port", "80"]'"""
        ) from error
    if not all(isinstance(word, str) for word in words):
        raise UsageError(f"{option} must be an array of strings", hint="""For example: '["--port", "80"]'""")
    return tuple(words)


def size(option: str, text: str) -> int:
    """Bytes, with docker's units: 64m, 1g, 1024k, 512 (powers of 1024)."""
    if not text:
        return 0
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kmg]?)b?", text.strip().lower())
    if not match:
        raise UsageError(f"{option}: not a size: {text!r}", hint="For example: 64m, 1g, 1048576.")
    return int(float(match[1]) * _UNITS[match[2]])


def environment(entries: list[str], files: list[Path]) -> tuple[str, ...]:
    """--env-file and --env joined as `docker run` joins them: files first, NAME alone takes the value from here."""
    lines = [line for file in files for line in _env_lines(file)]
    result: dict[str, str] = {}
    for entry in [*lines, *entries]:
        name, equals, value = entry.partition("=")
        if not name or " " in name:
            raise UsageError("--env: a variable needs a name", hint="For example: --env LOG_LEVEL=debug")
        if equals:
            result[name] = value
        elif name in os.environ:
            result[name] = os.environ[name]
    return tuple(f"{name}={value}" for name, value in result.items())


def _env_lines(file: Path) -> list[str]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--env-file {file}: {error}", hint="One NAME=VALUE a line; # begins a comment.") from error
    return [line.lstrip() for line in lines if line.strip() and not line.lstrip().startswith("#")]


def until(text: str) -> tuple[Until, float]:
    """`probes`, `exit`, `signal`, `enter`, or a number of seconds."""
    try:
        return Until.SECONDS, positive_seconds("--until", text)
    except UsageError:
        if text in {value.value for value in Until if value is not Until.SECONDS}:
            return Until(text), 0.0
    raise UsageError(f"--until: not known: {text!r}", hint="One of probes, exit, signal, enter, or seconds: --until 30")


def positive_seconds(option: str, text: str) -> float:
    """A number of seconds, at least 0; `10`, `10s` or `2.5`."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)s?", text.strip())
    if not match:
        raise UsageError(f"{option}: not a number of seconds: {text!r}", hint="For example: 30")
    return float(match[1])
