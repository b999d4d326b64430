"""The file-access probes that this installation holds: one static program for each architecture of an engine."""

from __future__ import annotations

import platform
import subprocess
from importlib.resources import files
from pathlib import Path

from slimmer.errors import UnsupportedEngine

ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
"""The machine's words, and Docker's for the same."""

NAME = "slimmer-probe-"
VERSION_TIMEOUT = 10


def probe_path(architecture: str) -> Path:
    """The probe for an engine of this architecture (in Docker's words: amd64, arm64).

    Raises UnsupportedEngine when there is none, and names those that are at hand.
    """
    folder = _folder()
    path = folder / f"{NAME}{architecture}"
    if not path.is_file():
        raise UnsupportedEngine(
            f"the engine runs {architecture or 'an unknown architecture'}, and this installation of slimmer "
            f"has {_at_hand(folder)}",
            hint="Install a released wheel, which brings amd64 and arm64, or build with "
            f"SLIMMER_PROBE_ARCHS={architecture} (needs ziglang).",
        )
    return path


def probe_version() -> str:
    """What the probe of this machine's architecture says of itself; which probes there are, where none runs here."""
    path = _folder() / f"{NAME}{ARCHITECTURES.get(platform.machine().lower(), '')}"
    try:
        result = subprocess.run([path, "version"], capture_output=True, text=True, check=True, timeout=VERSION_TIMEOUT)
    except (OSError, subprocess.SubprocessError):
        return _at_hand(_folder())
    return result.stdout.strip()


def _folder() -> Path:
    return Path(str(files("slimmer"))) / "probes"


def _at_hand(folder: Path) -> str:
    found = sorted(path.name.removeprefix(NAME) for path in folder.glob(f"{NAME}*") if path.suffix != ".new")
    return f"a probe for {' and '.join(found)} only" if found else "no probe at all"
