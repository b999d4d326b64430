"""Runs Syft, a scanner, on an image, and compares what it finds with the packages of which the image has files."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from slimmer.artifacts.build_output import BuildOutput

PROGRAM = Path(sys.executable).with_name("syft")
IS_THERE = PROGRAM.exists()
"""False on machines for which there is no Syft."""

SYSTEM = {"deb": "deb", "apk": "apk", "rpm": "rpm"}
LANGUAGES = {"python": "python", "node": "npm", "ruby": "gem", "php": "php-composer"}
"""slimmer's names of package managers, and Syft's."""


@dataclass(frozen=True, slots=True)
class Scanned:
    """A package that Syft finds: its kind (Syft's word), name and version, and the path where it is described."""

    kind: str
    name: str
    version: str
    path: str


def scan(tag: str) -> list[Scanned]:
    """The packages of an image."""
    done = subprocess.run(
        [PROGRAM, "scan", "--quiet", "--output", "json", f"docker:{tag}"],
        check=True,
        capture_output=True,
        timeout=300,
    )
    return [
        Scanned(one["type"], one["name"], one["version"], one["locations"][0]["path"] if one["locations"] else "")
        for one in json.loads(done.stdout)["artifacts"]
    ]


def names(found: list[Scanned]) -> dict[str, set[str]]:
    """Their names by kind."""
    kinds: dict[str, set[str]] = {}
    for one in found:
        kinds.setdefault(one.kind, set()).add(one.name)
    return kinds


def in_use(output: BuildOutput) -> dict[str, set[str]]:
    """The names of the packages of which a slim image has files of the original's, links included, by slimmer's name of their manager."""
    own = [path for path, line in output.lines.items() if not line.added and line.kind != "directory"]
    found: dict[str, set[str]] = {}
    for owners in output.packages.owners(own).values():
        for package in owners:
            found.setdefault(package.manager, set()).add(package.name)
    return found


def check_packages(tag: str, out: Path) -> None:
    """Fail unless the scanner finds the packages in use: of the system, exactly these; of languages, all of these.

    Of languages, it may find more: packages whose descriptions the app itself reads.
    """
    if not IS_THERE:
        return
    found, expected = names(scan(tag)), in_use(BuildOutput(out))
    for ours, theirs in SYSTEM.items():
        assert found.get(theirs, set()) == expected.get(ours, set()), f"{ours} packages of {tag}"
    for ours, theirs in LANGUAGES.items():
        missing = _plain(expected.get(ours, set())) - _plain(found.get(theirs, set()))
        assert not missing, f"{ours} packages of {tag}"


def _plain(packages: set[str]) -> set[str]:
    """The names as Python compares them."""
    return {re.sub(r"[-_.]+", "-", name).lower() for name in packages}
