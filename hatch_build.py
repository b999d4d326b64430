"""The build hook. It compiles the file-access probe into slimmer/probes/, as a static program for each architecture.

By default, it compiles for this machine with a C compiler that is installed (musl-gcc, or else cc). SLIMMER_PROBE_ARCHS names other
architectures, as in `amd64,arm64`. Those that the local compiler cannot make are cross-compiled with `ziglang`, which includes musl.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NAMES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
ZIG_TARGETS = {"amd64": "x86_64-linux-musl", "arm64": "aarch64-linux-musl"}
TRIAL = "int main(void) { return 0; }\n"


class ProbeHook(BuildHookInterface[Any]):
    """Makes the probes and puts them into the wheel, which is then specific to a platform."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile the probes. Raise RuntimeError, which says what to install, if there is no compiler."""
        root = Path(self.root)
        folder = root / "slimmer" / "probes"
        folder.mkdir(exist_ok=True)
        for architecture in wanted():
            compile_probe(root, folder / f"slimmer-probe-{architecture}", architecture)
            build_data["force_include"][str(folder / f"slimmer-probe-{architecture}")] = (
                f"slimmer/probes/slimmer-probe-{architecture}"
            )


def wanted() -> list[str]:
    """Return the architectures to compile for, by Docker's names."""
    named = os.environ.get("SLIMMER_PROBE_ARCHS", "")
    architectures = [name.strip() for name in named.split(",") if name.strip()] or [native()]
    for architecture in architectures:
        if architecture not in ZIG_TARGETS:
            raise RuntimeError(
                f"slimmer's probe supports {' and '.join(ZIG_TARGETS)}, not {architecture or 'this machine'}.\n"
                "Set SLIMMER_PROBE_ARCHS to one of them, as in SLIMMER_PROBE_ARCHS=amd64."
            )
    return architectures


def native() -> str:
    """Return Docker's name for this machine's architecture, or "" if the probe does not support it."""
    return NAMES.get(platform.machine().lower(), "")


def compile_probe(root: Path, target: Path, architecture: str) -> None:
    """Compile the probe and move it to `target` in one step, so that a running slimmer sees either the old one or the new one."""
    sources = root / "probes" / "files"
    if shutil.which("make") is None:
        raise RuntimeError("slimmer's probe needs make. Install it (Debian, Ubuntu: apt-get install make).")
    with tempfile.TemporaryDirectory() as scratch:
        # Nothing is written to the folder of the sources, because an installer may not own it.
        command = [
            "make",
            "-C",
            sources,
            f"CC={compiler(architecture)}",
            f"BUILD={scratch}",
            f"VERSION={version(root)}",
        ]
        result = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
        if result.returncode:
            raise RuntimeError(f"slimmer's probe does not compile for {architecture}:\n{result.stdout}{result.stderr}")
        fresh = target.with_name(target.name + ".new")
        shutil.copyfile(Path(scratch) / "slimmer-probe", fresh)
        fresh.chmod(0o755)
        fresh.replace(target)


def compiler(architecture: str) -> str:
    """Return a command that compiles static programs for this architecture. Raise RuntimeError if there is none."""
    own = [os.environ["CC"]] if os.environ.get("CC") else ["musl-gcc", "cc", "gcc", "clang"]
    if architecture == native() and sys.platform == "linux":
        for command in own:
            if links_statically(command):
                return command
    if importlib.util.find_spec("ziglang") is not None:
        return f"{sys.executable} -m ziglang cc -target {ZIG_TARGETS[architecture]}"
    if architecture == native() and sys.platform == "linux":
        raise RuntimeError(
            "slimmer's file-access probe needs a C compiler that links statically, and none was found.\n"
            "Install one: musl-tools (Debian, Ubuntu: apt-get install musl-tools), or gcc with libc6-dev."
        )
    raise RuntimeError(
        f"slimmer's file-access probe must be cross-compiled for {architecture}. Run pip install ziglang, "
        "and build without isolation (pip install --no-build-isolation .)."
    )


def links_statically(command: str) -> bool:
    """Return True if a compiler exists and makes static programs. Without a static libc, it fails only when it links."""
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / "trial.c"
        source.write_text(TRIAL, encoding="utf-8")
        try:
            words = [*command.split(), "-static", "-o", str(Path(scratch) / "trial"), str(source)]
            return subprocess.run(words, capture_output=True, check=False).returncode == 0
        except OSError:
            return False


def version(root: Path) -> str:
    """Return slimmer's version, which is also the probe's."""
    text = (root / "slimmer" / "version.py").read_text(encoding="utf-8")
    match = re.search(r'__version__ = "([^"]+)"', text)
    if not match:
        raise RuntimeError("slimmer/version.py has no version")
    return match[1]
