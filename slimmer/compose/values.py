"""Read the values of a compose file. Version 2 of compose prints each in one form; version 1 leaves several as the author wrote them.

Source: the Compose Specification, "Services top-level element".
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from typing import Any

from slimmer.errors import UsageError
from slimmer.image.config import Healthcheck

HINT = "Correct the compose file."

_UNITS = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_NANOSECONDS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}


def words(value: Any) -> tuple[str, ...] | None:
    """Return a command; None if there is none. Compose splits text as a shell does, and starts no shell."""
    if value is None:
        return None
    if isinstance(value, str):
        try:
            return tuple(shlex.split(value))
        except ValueError as error:
            raise UsageError(f"the command {value!r} of the compose file: {error}", hint=HINT) from error
    return texts(value)


def texts(value: Any) -> tuple[str, ...]:
    """Return one value or a list of values as text."""
    several = value if isinstance(value, list) else [] if value is None else [value]
    return tuple(str(each) for each in several)


def environment(value: Any) -> tuple[str, ...]:
    """Return variables as `NAME=VALUE`. A variable without a value is the user's own, and left out if that is unset."""
    if isinstance(value, list):
        value = {name: rest if equals else None for name, equals, rest in (str(each).partition("=") for each in value)}
    given = {name: os.environ.get(name) if text is None else _text(text) for name, text in (value or {}).items()}
    return tuple(f"{name}={text}" for name, text in given.items() if text is not None)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def size(value: Any) -> int:
    """Return a number of bytes: 67108864 or "64m". Raise UsageError for anything else."""
    found = re.fullmatch(r"(\d{1,18})(?:\.0+)?([kmg]?)b?", str(value or 0).strip().lower(), re.ASCII)
    if not found:
        raise UsageError(f"the compose file has no valid size: {value!r}", hint=HINT)
    return int(found[1]) * _UNITS[found[2]]


def hosts(value: Any) -> tuple[str, ...]:
    """Return `extra_hosts` as `HOST:IP`."""
    if isinstance(value, dict):
        return tuple(f"{host}:{address}" for host, several in value.items() for address in texts(several))
    return tuple(entry if ":" in entry.partition("=")[0] else entry.replace("=", ":", 1) for entry in texts(value))


def ulimits(value: Any) -> tuple[str, ...]:
    """Return `ulimits` as `NAME=SOFT:HARD`."""
    return tuple(
        f"{name}={limit['soft']}:{limit['hard']}" if isinstance(limit, dict) else f"{name}={limit}"
        for name, limit in (value or {}).items()
    )


def sysctls(value: Any) -> tuple[str, ...]:
    """Return `sysctls` as `NAME=VALUE`."""
    return tuple(f"{name}={text}" for name, text in value.items()) if isinstance(value, dict) else texts(value)


def devices(value: Any) -> Iterator[str]:
    """Yield `devices` as `HOST:CONTAINER:PERMISSIONS`."""
    for entry in value or ():
        if isinstance(entry, dict):
            parts = entry.get("source"), entry.get("target"), entry.get("permissions")
            yield ":".join(str(part) for part in parts if part)
        else:
            yield str(entry)


def healthcheck(value: Any) -> Healthcheck | None:
    """Return a service's health check; None if the image's own is to be used. `test` () is that of the image."""
    if not value:
        return None
    test = value.get("test")
    if value.get("disable") or test == ["NONE"]:
        return Healthcheck(("NONE",))
    found = ("CMD-SHELL", test) if isinstance(test, str) else texts(test)
    return Healthcheck(found, timeout=duration(value.get("timeout")), retries=int(value.get("retries") or 0))


def duration(value: Any) -> int:
    """Return a time such as `1m30s` in nanoseconds; 0 if there is none or it is not valid."""
    parts = re.findall(r"(\d+(?:\.\d+)?)(ns|us|ms|s|m|h)", str(value or ""), re.ASCII)
    return sum(int(float(number) * _NANOSECONDS[unit]) for number, unit in parts)
