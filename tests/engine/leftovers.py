"""What tests leave in the engine and on disk, and which worker of which run it belongs to.

Several workers share one engine, so a test answers for what is new since its start and is not another worker's. A thing is
another's if that is certain: its name, its image or its label holds the other worker's mark (tests.engine.names), or its
owner's label names a living process that this worker did not start. An image without a name and a label belongs to every
test in whose time it came: the last of these to end answers for it. Anything else counts, so nothing escapes.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import docker
import psutil

from slimmer.engine.connection import Engine
from slimmer.engine.labels import OWNER_LABEL, RUN_LABEL, Owner, owner_of, owner_of_tag
from tests.engine.names import LABEL, MARK, OWN, WORKER_VARIABLE

REMOVAL_DEADLINE = 30.0
"""Seconds for a busy engine to catch up with its removals, which end a moment after the answer."""

POLL = 0.05
WINDOWS = Path(tempfile.gettempdir()) / f"slimmer-tests-{os.getuid()}"
"""A folder with a file for each test that looks for leftovers now: the nameless images that it found at its start."""


@dataclass(frozen=True, slots=True)
class Thing:
    """A container, volume, network, tag, nameless image or file."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


State = Mapping[Thing, tuple[str, ...]]
"""What there is: each thing with the texts that tell whose it is (names, labels, owners)."""


def state(client: docker.DockerClient, scratch: Path) -> State:
    """Look at the engine and at a folder for temporary files now. Sample images stay for later runs and do not count."""
    containers = client.api.containers(all=True)
    found: dict[Thing, tuple[str, ...]] = {}
    for entry in containers:
        found[Thing("container", entry["Id"])] = _marks_of_container(entry)
    for entry in client.api.volumes().get("Volumes") or []:
        found[Thing("volume", entry["Name"])] = (*_marks_of_named(entry), *_holders(containers, entry["Name"]))
    for entry in client.api.networks():
        found[Thing("network", entry["Name"])] = _marks_of_named(entry)
    for entry in _listed_images(client):
        found |= _images(entry)
    return found | {Thing("file", str(path.relative_to(scratch))): () for path in scratch.rglob("*")}


_listed: dict[Path, tuple[object, list[dict[str, Any]]]] = {}
"""The last list of images of each engine, and the state of its store at that time."""


def _listed_images(client: docker.DockerClient) -> list[dict[str, Any]]:
    """List the images. Docker reads the configurations of all images for that, so it is not asked again if its store is as it was."""
    store = _store_of(client.api)
    now = _store_state(store)
    if now is None or store not in _listed or _listed[store][0] != now:
        _listed[store] = (now, client.api.images())
    return _listed[store][1]


@cache
def _store_of(api: docker.APIClient) -> Path:
    """Return the folder where the engine keeps what it knows of images, if it is Docker with its classic store."""
    info = api.info()
    return Path(str(info["DockerRootDir"]), "image", str(info["Driver"]))


def _store_state(store: Path) -> object:
    """Return what differs if an image or a tag has come or gone; None if that cannot be seen."""
    try:
        images = frozenset((store / "imagedb/content/sha256").iterdir())
        return images, (store / "repositories.json").read_bytes()
    except OSError:
        return None


def _marks_of_container(entry: Mapping[str, Any]) -> tuple[str, ...]:
    labels = entry["Labels"] or {}
    return (*(entry["Names"] or ()), entry["Image"], labels.get(LABEL, ""), labels.get(OWNER_LABEL, ""))


def _marks_of_named(entry: Mapping[str, Any]) -> tuple[str, ...]:
    labels = entry["Labels"] or {}
    return (entry["Name"], labels.get(LABEL, ""), labels.get(OWNER_LABEL, ""))


def _holders(containers: Iterable[Mapping[str, Any]], volume: str) -> Iterator[str]:
    """The marks of the containers that use a volume: anonymous ones have no marks of their own."""
    for entry in containers:
        if any(mount.get("Name") == volume for mount in entry.get("Mounts") or ()):
            yield from _marks_of_container(entry)


def _images(entry: Mapping[str, Any]) -> State:
    tags = [tag for tag in entry.get("RepoTags") or () if not tag.startswith("<none>")]
    if tags:
        return {Thing("image", tag): (tag,) for tag in tags if not _is_sample(tag)}
    return {Thing("nameless image", entry["Id"]): ((entry.get("Labels") or {}).get(LABEL, ""),)}


def _is_sample(tag: str) -> bool:
    return tag.startswith("slimmer-sample-") and tag.endswith(":latest")


def is_anothers(marks: Iterable[str]) -> bool:
    """Return True if it is certain that a thing with these marks is another worker's."""
    workers = {match for mark in marks for match in MARK.findall(mark)}
    if workers:
        return OWN not in workers
    return any(_runs_elsewhere(owner) for mark in marks if (owner := owner_of(mark) or owner_of_tag(mark)))


def _runs_elsewhere(owner: Owner) -> bool:
    """Return True if the owner lives and is no process of this worker."""
    if not owner.here or owner.gone():
        return False
    with suppress(psutil.Error):
        process = psutil.Process(owner.pid)
        family = {owner.pid, *(parent.pid for parent in process.parents())}
        return os.getpid() not in family and process.environ().get(WORKER_VARIABLE) != OWN
    return False


KINDS = frozenset(("container", "volume", "network", "image", "nameless image", "file"))


def settled(
    client: docker.DockerClient,
    scratch: Path,
    before: State,
    window: Window | None = None,
    kinds: frozenset[str] = KINDS,
) -> list[str]:
    """What has come since `before` and stays, of these kinds. A thing that comes while this looks is another test's."""
    end = time.monotonic() + REMOVAL_DEADLINE
    left = _left(state(client, scratch), before, window, kinds)
    while left and time.monotonic() < end:
        time.sleep(POLL)
        left &= _left(state(client, scratch), before, window, kinds)
    return sorted(map(str, left))


def _left(now: State, before: State, window: Window | None, kinds: frozenset[str]) -> set[Thing]:
    fresh = {thing: marks for thing, marks in now.items() if thing not in before and thing.kind in kinds}
    new = {thing for thing, marks in fresh.items() if not is_anothers(marks)}
    return {thing for thing in new if not (window and thing.kind == "nameless image" and window.others_see(thing.name))}


class Window:
    """The time of one test, announced to the other workers."""

    def __init__(self, before: State) -> None:
        WINDOWS.mkdir(exist_ok=True)
        self._file = WINDOWS / f"{os.getpid()}.json"
        self._write([thing.name for thing in before if thing.kind == "nameless image"])

    def close(self) -> None:
        """From now on this test decides on what it sees; no other leaves anything to it."""
        self._file.unlink()

    def others_see(self, image: str) -> bool:
        """Return True if another test that runs on will have to answer for this image, as it came in its time, too."""
        return any(image not in known for known in self._others())

    def _others(self) -> Iterator[list[str]]:
        for path in WINDOWS.glob("*.json"):
            if path != self._file and psutil.pid_exists(int(path.stem)):
                with suppress(OSError):
                    yield json.loads(path.read_text())

    def _write(self, images: list[str]) -> None:
        new = self._file.with_suffix(".new")
        new.write_text(json.dumps(images))
        new.rename(self._file)


@contextmanager
def nothing_left(client: docker.DockerClient, scratch: Path) -> Iterator[None]:
    """Raise AssertionError if what runs within leaves a container, volume, network, image or temporary file behind."""
    before = state(client, scratch)
    window = Window(before)
    try:
        yield
    finally:
        window.close()
    stays = settled(client, scratch, before, window)
    assert not stays, f"left behind: {', '.join(stays)}"


@contextmanager
def nothing_runs_on(client: docker.DockerClient, scratch: Path) -> Iterator[None]:
    """Raise AssertionError if what runs within leaves a container, volume or network behind. It may make images and files.

    Nobody else may use the engine meanwhile.
    """
    before = state(client, scratch)
    yield
    stays = settled(client, scratch, before, kinds=frozenset(("container", "volume", "network")))
    assert not stays, f"left behind: {', '.join(stays)}"


def left(engine: Engine, run: str) -> list[str]:
    """Names of one run's containers, volumes, networks and temporary images."""
    mine = {"label": f"{RUN_LABEL}={run}"}
    containers = [entry["Names"][0] for entry in engine.api.containers(all=True, filters=mine)]
    volumes = [entry["Name"] for entry in engine.api.volumes(filters=mine)["Volumes"] or []]
    tags = [tag for entry in engine.api.images() for tag in entry["RepoTags"] or () if run in tag]
    networks = [entry["Name"] for entry in engine.api.networks(filters=mine)]
    return containers + volumes + networks + tags
