"""Ask compose itself what a file means: `docker compose config`, or `docker-compose config` where there is no plug-in.

Compose joins the files, resolves variables, `extends`, `include` and paths, and prints one document. No engine is needed for that.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from slimmer.errors import UsageError

PATIENCE = 60.0
"""Seconds that compose may take."""

SHOWN_LINES = 5

INSTALL = (
    "Install the plug-in (`apt-get install docker-compose-plugin` from Docker's repository, `docker-compose-v2` on Ubuntu) or "
    "`docker-compose` (Debian), and check with `docker compose version`."
)
HINT = "`docker compose config` must work first."


@dataclass(frozen=True, slots=True)
class Project:
    """What a compose file says, resolved. `joint` is what compose puts between the project's name and a service's in an image's name."""

    name: str
    services: Mapping[str, Mapping[str, Any]]
    volumes: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, Any] = field(default_factory=dict)
    configs: Mapping[str, Any] = field(default_factory=dict)
    joint: str = "-"


def read_project(files: Sequence[Path]) -> Project:
    """Return the project of these files; without files, of the one that compose finds. Raise UsageError if compose refuses it."""
    missing = next((file for file in files if not file.is_file()), None)
    if missing is not None:
        raise UsageError(f"--compose-file: no such file: {missing}", hint="Name the compose file of your project.")
    program, old = compose_program()
    named = [word for file in files for word in ("-f", str(file))]
    if old:
        return from_version_1(_said([*program, *named, "config"]), _folder_name(files))
    return from_version_2(_said([*program, *named, "--profile", "*", "config", "--format", "json"]))


def from_version_2(document: str) -> Project:
    """Return the project of what `docker compose config --format json` prints."""
    try:
        return _project(json.loads(document), "", "-")
    except (ValueError, RecursionError) as error:
        raise UsageError(f"`docker compose config` did not print JSON: {error}", hint=HINT) from error


def from_version_1(document: str, name: str) -> Project:
    """Return the project of what `docker-compose config` 1.x prints. It does not say the project's name."""
    try:
        return _project(yaml.safe_load(document), name, "_")
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UsageError(f"`docker-compose config` did not print YAML: {error}", hint=HINT) from error


def _project(document: object, name: str, joint: str) -> Project:
    whole = _unescaped(document)
    services = whole.get("services") if isinstance(whole, dict) else None
    if not isinstance(services, dict) or not all(isinstance(each, dict) for each in services.values()):
        raise ValueError("it has no services")
    tables = {key: whole.get(key) or {} for key in ("volumes", "secrets", "configs")}
    return Project(str(whole.get("name") or name), services, **tables, joint=joint)


def _unescaped(value: object) -> Any:
    """Return a value with `$` for `$$`. Compose prints a document that it could read again, so it escapes them."""
    if isinstance(value, dict):
        return {key: _unescaped(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_unescaped(each) for each in value]
    return value.replace("$$", "$") if isinstance(value, str) else value


def compose_program() -> tuple[list[str], bool]:
    """Return the words that run compose, and whether it is version 1. Raise UsageError if there is none."""
    if shutil.which("docker") and _run(["docker", "compose", "version"]).returncode == 0:
        return ["docker", "compose"], False
    if shutil.which("docker-compose"):
        short = _run(["docker-compose", "version", "--short"]).stdout
        return ["docker-compose"], short.lstrip("v").startswith("1.")
    raise UsageError("neither `docker compose` nor `docker-compose` is installed", hint=INSTALL)


def _said(words: Sequence[str]) -> str:
    """Return what a command prints. Raise UsageError with the end of its messages if it fails."""
    ran = _run(words)
    if ran.returncode:
        lines = [line for line in ran.stderr.splitlines() if line.strip()][-SHOWN_LINES:]
        raise UsageError("compose refuses the file:\n" + "\n".join(lines), hint=HINT)
    return ran.stdout


def _run(words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise UsageError(f"`{' '.join(words)}` did not end within {PATIENCE:g} s", hint=HINT) from error
    except OSError as error:
        raise UsageError(f"`{words[0]}` cannot be run: {error.strerror}", hint=INSTALL) from error


def _folder_name(files: Sequence[Path]) -> str:
    """Return the project's name as compose 1.x makes it: COMPOSE_PROJECT_NAME, or else the name of the first file's folder."""
    folder = files[0].absolute().parent if files else Path.cwd()
    name = os.environ.get("COMPOSE_PROJECT_NAME") or folder.name
    return re.sub(r"[^-_a-z0-9]", "", name.lower()) or "default"
