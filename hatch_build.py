"""The build hook: compiles the file-access probe into slimmer/probes/, as a static binary for each wanted architecture.

From a checkout that is this machine's own, with the C compiler at hand (musl-gcc, else cc). SLIMMER_PROBE_ARCHS names others,
as in `amd64,arm64`; what this machine's compiler cannot make is cross-compiled with `ziglang`, which brings musl along.
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
    """Makes the probes and puts them into the wheel, which then holds programs and so is one platform's."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile; raises RuntimeError that says what to install when there is no compiler for it."""
        root = Path(self.root)
        folder = root / "slimmer" / "probes"
        folder.mkdir(exist_ok=True)
        for architecture in wanted():
            compile_probe(root, folder / f"slimmer-probe-{architecture}", architecture)
            build_data["force_include"][str(folder / f"slimmer-probe-{architecture}")] = (
                f"slimmer/probes/slimmer-probe-{architecture}"
            )


def wanted() -> list[str]:
    """Architectures to compile for, in Docker's words."""
    named = os.environ.get("SLIMMER_PROBE_ARCHS", "")
    architectures = [name.strip() for name in named.split(",") if name.strip()] or [native()]
    for architecture in architectures:
        if architecture not in ZIG_TARGETS:
            raise RuntimeError(
                f"slimmer's probe is written for {' and '.join(ZIG_TARGETS)}, not for {architecture or 'this machine'}.\n"
                "Name one with SLIMMER_PROBE_ARCHS, as in SLIMMER_PROBE_ARCHS=amd64."
            )
    return architectures


def native() -> str:
    """This machine's architecture in Docker's words; "" when the probe does not know it."""
    return NAMES.get(platform.machine().lower(), "")


def compile_probe(root: Path, target: Path, architecture: str) -> None:
    """Compile the probe and put it at `target` in one step, so that a running slimmer sees the old one or the new."""
    sources = root / "probes" / "files"
    if shutil.which("make") is None:
        raise RuntimeError("slimmer's probe is built with make: install it (Debian, Ubuntu: apt-get install make).")
    with tempfile.TemporaryDirectory() as scratch:
        # Where the sources lie nothing is written: an installer may build from a folder that is not its own.
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
    """A command that compiles static programs for that architecture."""
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
        f"slimmer's file-access probe has to be cross-compiled for {architecture}: pip install ziglang, "
        "and build without isolation (pip install --no-build-isolation .)."
    )


def links_statically(command: str) -> bool:
    """Whether a compiler is there and makes static programs: a compiler without a static libc only fails at the link."""
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / "trial.c"
        source.write_text(TRIAL, encoding="utf-8")
        try:
            words = [*command.split(), "-static", "-o", str(Path(scratch) / "trial"), str(source)]
            return subprocess.run(words, capture_output=True, check=False).returncode == 0
        except OSError:
            return False


def version(root: Path) -> str:
    """slimmer's version, which is its probe's too."""
    text = (root / "slimmer" / "version.py").read_text(encoding="utf-8")
    match = re.search(r'__version__ = "([^"]+)"', text)
    if not match:
        raise RuntimeError("slimmer/version.py names no version")
    return match[1]
