"""Engines of other Debian releases, which scripts/other_engine.sh makes and starts beside the machine's own."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts/other_engine.sh"
FOLDER = Path(os.environ.get("SLIMMER_ENGINES") or ROOT / ".cache/engines")
"""Where the releases are. Each takes about 700 MB, and is made once."""

NAMES = (
    "bookworm/podman",
    "bookworm/podman-rootless",
    "trixie/docker",
    "trixie/docker-userns",
    "trixie/docker-rootless",
    "trixie/podman",
    "trixie/podman-rootless",
    "forky/docker",
    "forky/docker-containerd",
    "forky/docker-rootless",
    "forky/podman",
    "forky/podman-rootless",
)
"""What `make engines` tries out: SUITE/ENGINE."""

MAKE_TIMEOUT = 1800
START_TIMEOUT = 300


class NotHere(Exception):
    """This engine cannot be made or started on this machine."""


@contextmanager
def other_engine(name: str) -> Iterator[str]:
    """Make an engine if it is not there, start it, and stop it at the end. Yields its address, or raises NotHere."""
    suite, _, engine = name.partition("/")
    if os.getuid() != 0:
        raise NotHere("it needs root")
    folder = FOLDER / suite
    if not folder.exists() and not shutil.which("debootstrap") and not shutil.which("apt-get"):
        raise NotHere("it needs debootstrap")
    if not folder.exists():
        _script(MAKE_TIMEOUT, "make", folder, suite)
    try:
        yield _script(START_TIMEOUT, "start", folder, engine)
    finally:
        _script(START_TIMEOUT, "stop", folder, engine)


def _script(timeout: int, *words: str | Path) -> str:
    """Run the script, and return what it prints. A daemon that it starts keeps no pipe of ours open."""
    try:
        done = subprocess.run([SCRIPT, *words], capture_output=True, text=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired as error:
        raise NotHere(f"{words[0]} took more than {timeout} s") from error
    if done.returncode:
        raise NotHere("; ".join(done.stderr.strip().splitlines()[-3:]))
    return done.stdout.strip()
