"""The sample apps as tests see them: which requests and commands show that one works."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parents[2] / "sample_apps"
NAMES = sorted(path.parent.name for path in FOLDER.glob("*/Dockerfile"))


@dataclass(frozen=True, slots=True)
class Command:
    """A command in the container (or, for a tool, the container's own) and words of its output."""

    words: tuple[str, ...]
    contains: str


IN_CONTAINER = {
    "redis": (
        Command(("redis-cli", "set", "greeting", "hello"), "OK"),
        Command(("redis-cli", "get", "greeting"), "hello"),
        Command(("redis-cli", "eval", "return redis.call('get', KEYS[1])", "1", "greeting"), "hello"),
        Command(("redis-cli", "bgrewriteaof"), "started"),
    ),
}
"""For a server that speaks no HTTP: `docker exec`, in this order."""

AS_TOOL = {
    "cli": (
        Command((), "Log Keeper: The first entries"),
        Command(("-C", "log", "log", "--stat", "--format=%an: %s"), "2 files changed"),
    ),
}
"""For a tool: the image's arguments (none: its own CMD)."""

GREETING = {"entrypoint": ("GREETING=Hello there", "/hello/", "<h1>Hello there</h1>")}
"""An environment variable that must still be obeyed: NAME=VALUE, a path, and words of the answer."""


def probe_file(name: str) -> Path:
    """The sample's probe file."""
    return FOLDER / name / "probes.yaml"


def requests(name: str) -> list[dict[str, Any]]:
    """The requests of the sample's probe file."""
    loaded = yaml.safe_load(probe_file(name).read_text(encoding="utf-8"))
    entries: list[dict[str, Any]] = loaded["requests"]
    return entries


def build_arguments(name: str) -> list[str]:
    """What `slimmer build` needs to exercise this sample."""
    arguments = ["--probe-file", str(probe_file(name))] if requests(name) else ["--no-http"]
    for command in IN_CONTAINER.get(name, ()):
        arguments += ["--exec", shlex.join(command.words)]
    return arguments
