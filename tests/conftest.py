"""What tests share: a connected engine, the sample images, and a check that a test leaves nothing behind."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest

ROOT = Path(__file__).parent.parent
BUILD_DEADLINE = 1200
REMOVAL_DEADLINE = 10.0


def pytest_configure(config: pytest.Config) -> None:
    """Tests below tests/engine are marked by their place."""
    config.addinivalue_line("markers", "engine: needs a container engine (all of tests/engine)")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs an engine, so that `-m 'not engine'` leaves it out."""
    for item in items:
        if "engine" in Path(item.path).relative_to(ROOT).parts:
            item.add_marker("engine")


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
            command: list[str | Path] = [ROOT / "scripts/engine.sh", ROOT / "sample_apps/build.sh", name]
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=BUILD_DEADLINE)
            built[name] = f"slimmer-sample-{name}:latest"
        return built[name]

    return build


@dataclass(frozen=True, slots=True)
class State:
    """What the engine and the temporary folder hold: ids and names."""

    containers: frozenset[str]
    volumes: frozenset[str]
    images: frozenset[str]
    files: frozenset[str]

    def more_than(self, earlier: State) -> list[str]:
        """What is here and was not earlier."""
        pairs = {
            "container": self.containers - earlier.containers,
            "volume": self.volumes - earlier.volumes,
            "image": self.images - earlier.images,
            "file": self.files - earlier.files,
        }
        return sorted(f"{kind} {name}" for kind, names in pairs.items() for name in names)


@pytest.fixture
def leftovers(engine: docker.DockerClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fails a test that leaves a container, a volume, an image or a temporary file behind.

    Sample images are built to stay and do not count. Temporary files go to a folder of the test's own, also
    those of programs that it starts.
    """
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    monkeypatch.setattr(tempfile, "tempdir", None)
    before = state(engine, scratch)
    yield
    assert settled(engine, scratch, before) == [], "left behind"


def settled(engine: docker.DockerClient, scratch: Path, before: State) -> list[str]:
    """What is left once the engine has caught up with its removals, which end a moment after the answer."""
    end = time.monotonic() + REMOVAL_DEADLINE
    while (left := state(engine, scratch).more_than(before)) and time.monotonic() < end:
        time.sleep(0.05)
    return left


def state(engine: docker.DockerClient, scratch: Path) -> State:
    """Look at the engine and the folder now."""
    containers = engine.api.containers(all=True, quiet=True)
    volumes = engine.api.volumes().get("Volumes") or []
    return State(
        containers=frozenset(entry["Id"] for entry in containers),
        volumes=frozenset(entry["Name"] for entry in volumes),
        images=frozenset(entry["Id"] for entry in engine.api.images() if not is_sample(entry)),
        files=frozenset(str(path.relative_to(scratch)) for path in scratch.rglob("*")),
    )


def is_sample(image: dict[str, Any]) -> bool:
    """Whether this is an image that sample_apps/build.sh makes."""
    tags = image.get("RepoTags") or []
    return any(tag.startswith("slimmer-sample-") and tag.endswith(":latest") for tag in tags)
