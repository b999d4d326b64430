"""The file-access probes of this installation: one static program for each architecture."""

from __future__ import annotations

import platform
import subprocess
from importlib.resources import files
from pathlib import Path

from slimmer.errors import UnsupportedEngine

ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
"""Docker's names for architectures, by the names that machines use."""

NAME = "slimmer-probe-"
VERSION_TIMEOUT = 10


def probe_path(architecture: str) -> Path:
    """Return the probe for an engine's architecture, by Docker's name for it (amd64, arm64).

    Raises UnsupportedEngine, with the available probes, if there is none.
    """
    folder = _folder()
    path = folder / f"{NAME}{architecture}"
    if not path.is_file():
        raise UnsupportedEngine(
            f"the engine runs {architecture or 'an unknown architecture'}, but this installation of slimmer "
            f"has {_at_hand(folder)}",
            hint="Install a released wheel, which has probes for amd64 and arm64, or build with "
            f"SLIMMER_PROBE_ARCHS={architecture} (needs ziglang).",
        )
    return path


def probe_version() -> str:
    """Return the version that this machine's probe prints, or the available probes if none runs here."""
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
    return f"a probe only for {' and '.join(found)}" if found else "no probe"
