"""What all tests share: marks, the order for several workers, a connected engine, and the sample images."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.scheduling import Scheduler, in_order

ROOT = Path(__file__).parent.parent
BUILD_DEADLINE = 1200
LONGEST_ID = 100
BUILT = "SLIMMER_TEST_IMAGES"
"""Set to `built` by scripts/test.sh when the sample images are up to date."""


def pytest_configure(config: pytest.Config) -> None:
    """Add the marks; give the run a cache of facts of its own; let Ctrl-C reach the programs that tests start."""
    config.addinivalue_line("markers", "engine: needs a container engine (all of tests/engine)")
    config.addinivalue_line("markers", "alone: no other engine test may run meanwhile")
    if not is_worker():  # workers share the run's
        os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="slimmer-test-cache-")
    os.environ.setdefault("ZIG_GLOBAL_CACHE_DIR", str(ROOT / ".cache/zig"))  # it compiles its libc for a minute, once
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # as a shell starts what runs in its background
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_unconfigure() -> None:
    """Remove the cache."""
    if not is_worker():
        shutil.rmtree(os.environ["XDG_CACHE_HOME"], ignore_errors=True)


def is_worker() -> bool:
    """Return True in a process of pytest-xdist that runs tests for another one."""
    return "PYTEST_XDIST_WORKER" in os.environ


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what needs an engine, so that `-m 'not engine'` leaves it out; order the tests if several workers share them."""
    for item in items:
        if "engine" in Path(item.path).relative_to(ROOT).parts:
            item.add_marker("engine")
    if is_worker():
        items[:] = in_order(items)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Number the cases that are bytes, odd or long text: plugins and terminals trip over such names. None: as usual."""
    plain = not isinstance(val, str) or (
        val.isascii() and val.isprintable() and "::" not in val and len(val) < LONGEST_ID
    )
    return argname if isinstance(val, bytes) or not plain else None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduler:
    """Let pytest-xdist hand out the tests as tests.scheduling says."""
    config.option.loadscopereorder = False
    return Scheduler(config, log)


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    """The engine's client as the docker SDK finds it; scripts/engine.sh makes sure that there is one."""
    client = docker.from_env(timeout=120)
    client.ping()
    yield client
    client.close()


@pytest.fixture(scope="session")
def sample() -> Callable[[str], str]:
    """Builds a sample image by name, once a session; returns its tag. The image stays for the next run."""
    built: dict[str, str] = {}

    def build(name: str) -> str:
        if name not in built:
            tag = f"slimmer-sample-{name}:latest"
            if not (os.environ.get(BUILT) == "built" and is_there(tag)):
                build_sample(name)
            built[name] = tag
        return built[name]

    return build


BUILD_LOCK = Path(tempfile.gettempdir()) / f"slimmer-tests-{os.getuid()}.build"
"""All workers share it, whatever folder for temporary files their tests have."""


def is_there(tag: str) -> bool:
    """Return True if the engine has the image."""
    client = docker.from_env(timeout=120)
    try:
        return bool(client.images.list(tag))
    finally:
        client.close()


def build_sample(name: str) -> None:
    """Build a sample image; one worker at a time."""
    command: list[str | Path] = [ROOT / "scripts/engine.sh", ROOT / "sample_apps/build.sh", name]
    with BUILD_LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=BUILD_DEADLINE)
