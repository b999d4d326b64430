"""Runs Syft, a scanner, on an image."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Scanned:
    """A package that Syft finds: its kind (Syft's word), name and version, and the path where it is described."""

    kind: str
    name: str
    version: str
    path: str


def scan(tag: str) -> list[Scanned]:
    """The packages of an image."""
    program = Path(sys.executable).with_name("syft")
    done = subprocess.run(
        [program, "scan", "--quiet", "--output", "json", f"docker:{tag}"],
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
