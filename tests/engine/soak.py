"""slimmer killed at seeded points of its work, in all stages: `make soak`, and a few of them in test_killed.

A point is a number of ticks, lines that slimmer says and events that the engine tells of its run, of the number in a run that
was not killed; and a pause after that. So points hit the same work on a fast machine and on a slow one.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import psutil

from tests.engine.integration_app import IMAGE, road_image
from tests.engine.leftovers import settled, state
from tests.engine.names import OWN

TAG = f"{OWN}-soak"
VOLUME = f"{OWN}-soak"
ARTIFACTS = {
    "Dockerfile", "rootfs.tar", "manifest.jsonl", "access.json", "tree.json.zst", "packages.json.zst", "report.json",
    "sbom.cdx.json", "sbom.spdx.json",
}  # fmt: skip
WAYS = {
    "build": ("--probe", "/file/srv/first"),
    "load": ("--builder", "load", "--volume", f"{VOLUME}:/data"),
    "exercise": ("--exercise", "sleep 1"),
    "with": ("--with", f"near={IMAGE}", "--exercise-image", IMAGE + " --exit 0"),
}
"""Options of a build, by name."""

SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
LONGEST_PAUSE = 0.3
DEADLINE = 60.0
"""Seconds for a run that was killed to be gone."""

BUILD_DEADLINE = 300.0
"""Seconds for a build: against hangs, as machines may be very busy."""

LAST_DEADLINE = 120.0
"""Seconds for the last process to end."""

DIFFERS = 8
"""The exit code of a build that had ended before, where a very busy machine made the slim image answer too late."""

POLL = 0.02
AT_A_TIME = 3


@dataclass(frozen=True, slots=True)
class Point:
    """When and how a build is ended, and whether an earlier one's artifacts are there."""

    number: int
    way: str
    signal: signal.Signals
    place: float
    pause: float
    again: bool

    def __str__(self) -> str:
        again = ", over an earlier build" if self.again else ""
        return f"{self.number}: {self.way}, {self.signal.name} at {self.place:.3f} + {self.pause:.3f} s{again}"


@dataclass(frozen=True, slots=True)
class Ended:
    """What came of a point: the exit code, seconds until all was gone, what was left after that, and the last words."""

    point: Point
    code: int
    seconds: float
    faults: tuple[str, ...]
    said: str


def points(seed: int, count: int) -> list[Point]:
    """The same ones for the same seed."""
    chosen = []
    for number in range(count):
        dice = random.Random(f"{seed} {number}")
        chosen.append(
            Point(
                number,
                dice.choice(list(WAYS)),
                dice.choice(SIGNALS),
                dice.random(),
                dice.random() * LONGEST_PAUSE,
                dice.random() < 0.5,
            )
        )
    return chosen


class Build:
    """A `slimmer build` that runs in a folder of its own, with a folder for temporary files; its ticks are counted."""

    def __init__(self, folder: Path, way: str, tag: str) -> None:
        self.out, self.scratch = folder / "out", folder / "tmp"
        self.scratch.mkdir(parents=True)
        self._changed = threading.Condition()
        self.ticks, self.said, self.over = 0, "", False
        command = [
            sys.executable,
            "-u",
            "-m",
            "slimmer",
            "build",
            IMAGE,
            "--tag",
            tag,
            "--out",
            str(self.out),
            *WAYS[way],
        ]
        environment = {**os.environ, "TMPDIR": str(self.scratch)}
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment
        )
        self.family = [psutil.Process(self.process.pid)]
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def tick(self, words: str = "") -> None:
        """Something happened."""
        with self._changed:
            self.ticks += 1
            self.said += words
            self._changed.notify_all()

    def wait_for(self, ticks: int) -> None:
        """Return after so many ticks, or at the end."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.ticks >= ticks or self.over, BUILD_DEADLINE), self.said

    def note_family(self) -> None:
        """Remember which processes it has started."""
        with suppress(psutil.Error):
            self.family += psutil.Process(self.process.pid).children(recursive=True)

    def end(self) -> int:
        """Wait for its end: the exit code."""
        code = self.process.wait(BUILD_DEADLINE)
        self._reader.join(DEADLINE)
        return code

    def _read(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as words:
            for line in words:
                self.tick(line)
        with self._changed:
            self.over = True
            self._changed.notify_all()


class Bench:
    """Where builds are ended: an engine, a folder, a build of each way that was not killed, and the engine's events."""

    def __init__(self, client: docker.DockerClient, folder: Path) -> None:
        self.client, self.folder = client, folder
        self._builds: dict[int, Build] = {}
        self.whole: dict[str, Build] = {}
        self.families: list[psutil.Process] = []

    def measure(self, way: str) -> None:
        """Let a build come to its end, to know how many ticks it has."""
        with self._running(way, f"whole-{way}") as build:
            assert build.end() == 0, build.said
        self.whole[way] = build

    def end_one(self, point: Point) -> Ended:
        """Run a build, end it at a point, and look at what it leaves."""
        earlier = self.whole[point.way]
        with self._running(point.way, str(point.number), earlier.out if point.again else None) as build:
            build.wait_for(int(point.place * earlier.ticks))
            time.sleep(point.pause)
            build.note_family()
            build.process.send_signal(point.signal)
            begun = time.monotonic()
            code = build.end()
            faults = self._faults_in_time(build, point, earlier)
            seconds = time.monotonic() - begun
        self.families += build.family
        if code not in {0, DIFFERS, 130, -point.signal}:  # the last: before slimmer has made anything, too
            faults.append(f"exit code {code}")
        if "Traceback" in build.said:
            faults.append("a traceback")
        return Ended(point, code, seconds, tuple(faults), build.said)

    def living(self) -> list[str]:
        """Processes of ended builds that still run, after a while; watchers may, for as long as docs/errors.md says."""
        end = time.monotonic() + LAST_DEADLINE
        while (
            living := [str(one) for one in self.families if runs(one) and not is_watcher(one)]
        ) and time.monotonic() < end:
            time.sleep(POLL * 5)
        return living

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Within, events of the engine are ticks of the build that they belong to."""
        events = self.client.events(decode=True)
        thread = threading.Thread(target=self._listen, args=(events,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            events.close()
            thread.join(DEADLINE)

    def _listen(self, events: Any) -> None:
        for event in events:
            words = json.dumps(event)
            for pid, build in list(self._builds.items()):
                if f"_{pid}_" in words:
                    build.tick()

    @contextmanager
    def _running(self, way: str, name: str, earlier: Path | None = None) -> Iterator[Build]:
        place = self.folder / name
        if earlier is not None:
            shutil.copytree(earlier, place / "out")
        build = Build(place, way, f"{TAG}:{name}")
        self._builds[build.process.pid] = build
        try:
            yield build
        finally:
            build.process.kill()
            build.end()
            del self._builds[build.process.pid]
            self._untag(f"{TAG}:{name}")

    def _untag(self, name: str) -> None:
        """Remove an image; an engine that removes others beside it may need to be told twice."""
        end = time.monotonic() + DEADLINE
        while self.client.images.list(name) and time.monotonic() < end:
            with suppress(docker.errors.APIError):
                self.client.images.remove(name)

    def _faults_in_time(self, build: Build, point: Point, earlier: Build) -> list[str]:
        end = time.monotonic() + DEADLINE
        while (faults := self._faults(build, point, earlier)) and time.monotonic() < end:
            time.sleep(POLL)
        return faults

    def _faults(self, build: Build, point: Point, earlier: Build) -> list[str]:
        faults = owned(self.client, build.process.pid)
        faults += [str(path) for path in build.scratch.rglob("*")]
        children = build.family[1:]
        faults += [f"process {child.pid}" for child in children if runs(child) and not is_watcher(child)]
        return faults + output_faults(build.out, earlier.out, was_there=point.again)


def owned(client: docker.DockerClient, pid: int) -> list[str]:
    """What that slimmer has made in the engine, and that is still there."""
    mine = {"label": "slimmer.run"}
    containers = client.api.containers(all=True, filters=mine)
    volumes = client.api.volumes(filters=mine).get("Volumes") or []
    tags = [tag for image in client.api.images("slimmer.local/tmp") for tag in image["RepoTags"] or []]
    found = [entry["Names"][0] for entry in containers if f"_{pid}_" in entry["Labels"]["slimmer.owner"]]
    found += [entry["Name"] for entry in volumes if f"_{pid}_" in entry["Labels"]["slimmer.owner"]]
    networks = client.api.networks(filters=mine)
    found += [entry["Name"] for entry in networks if f"_{pid}_" in entry["Labels"]["slimmer.owner"]]
    return found + [tag for tag in tags if f"_{pid}_" in tag]


def output_faults(out: Path, good: Path, *, was_there: bool) -> list[str]:
    """What is wrong with an output folder: anything but an earlier build's artifacts, a verified one's, or marked ones."""
    if not out.exists():
        return ["an earlier build's artifacts are gone"] if was_there else []
    names = {path.name for path in out.iterdir()}
    faults = [f"{out}/{name}" for name in names - ARTIFACTS]
    if names >= ARTIFACTS and is_marked(out):
        return faults
    if "Dockerfile" in names:
        faults += [f"{name} is another" for name in ("Dockerfile", "rootfs.tar") if not same(out / name, good / name)]
    if "report.json" in names:
        verified = json.loads((out / "report.json").read_text())["verification"]["verified"]
        faults += [] if verified and names >= ARTIFACTS else ["a report without a verified image"]
    return faults + ([] if names else ["an empty output folder"])


def is_marked(out: Path) -> bool:
    """Whether its Dockerfile and its report say that the image was not verified."""
    report = json.loads((out / "report.json").read_text())
    return "# NOT VERIFIED: " in (out / "Dockerfile").read_text() and not report["verification"]["verified"]


def same(one: Path, other: Path) -> bool:
    return one.is_file() and one.read_bytes() == other.read_bytes()


def runs(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


def is_watcher(process: psutil.Process) -> bool:
    """Return True for slimmer's watcher. For a moment while a program starts, the kernel shows no words of its command line."""
    with suppress(psutil.Error):
        while not (words := process.cmdline()) and runs(process):
            time.sleep(0.001)
        return any(word.endswith("engine/watcher.py") for word in words)
    return False


def soak(client: docker.DockerClient, folder: Path, chosen: Sequence[Point]) -> Iterator[Ended]:
    """End a build at each of the points, some at a time."""
    bench = Bench(client, folder)
    client.volumes.create(VOLUME)
    try:
        with bench.listening(), ThreadPoolExecutor(AT_A_TIME) as pool:
            list(pool.map(bench.measure, dict.fromkeys(point.way for point in chosen)))
            yield from pool.map(bench.end_one, chosen)
            assert bench.living() == [], "processes of ended builds still run"
    finally:
        client.volumes.get(VOLUME).remove(force=True)


def main() -> None:
    """`python -m tests.engine.soak [--seed N] [--count N]`: a line for each point, and the figures."""
    parser = argparse.ArgumentParser(
        prog="soak", description="End slimmer at seeded points, and look at what it leaves."
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=200)
    arguments = parser.parse_args()
    client = docker.from_env(timeout=120)
    with tempfile.TemporaryDirectory() as name, road_image(client, Path(name)):
        scratch = Path(name) / "none"
        scratch.mkdir()
        before = state(client, scratch)
        ended = []
        for one in soak(client, Path(name) / "soak", points(arguments.seed, arguments.count)):
            ended.append(one)
            print(one.point, f"exit code {one.code}, gone after {one.seconds:.2f} s", *one.faults, sep="; ", flush=True)
        left = settled(client, scratch, before)
    bad = [one for one in ended if one.faults]
    killed = [one for one in ended if one.code == -signal.SIGKILL]
    print(
        f"{len(ended)} points with seed {arguments.seed}: {len(killed)} killed, "
        f"{sum(one.code == 130 for one in ended)} interrupted, {sum(one.code in (0, DIFFERS) for one in ended)} had ended before; "
        f"{len(bad)} left something, and {len(left)} things are left now; "
        f"gone after {max(one.seconds for one in ended):.1f} s at the latest"
    )
    print(*left, sep="\n")
    sys.exit(bool(bad or left))


if __name__ == "__main__":
    main()
