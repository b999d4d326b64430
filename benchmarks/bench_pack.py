"""How long it takes to index and to pack a large image with the probe, against `docker export`.

The image is generated; nothing of it stays. The ways take turns, so that the machine's other work meets all of them
alike; each figure is the median. Ratios are times of `docker export` doing the same job, in times of the probe's.

    python benchmarks/bench_pack.py --megabytes 1024 --files 50000
"""

from __future__ import annotations

import argparse
import io
import random
import statistics
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from slimmer.engine.connection import Engine, connect
from slimmer.engine.resources import EngineResources
from slimmer.engine.uploads import Upload
from slimmer.image.config import config_from_inspect
from slimmer.image.tree import Entry, Tree
from slimmer.observe.pristine import PristineImage
from slimmer.probe_binary import probe_path
from slimmer.runs.image_mount import open_pristine

MEGABYTE = 1 << 20
FILES_IN_A_DIRECTORY = 40
SPREAD = 1.5
"""Sizes of files follow a log-normal distribution, as those of real images do: many small ones, a few large."""


@dataclass(frozen=True)
class Job:
    """One thing to do in two ways, and how many bytes it gives."""

    name: str
    probe: Callable[[], int]
    export: Callable[[], int]


def write_layer(file: IO[bytes], megabytes: int, files: int) -> None:
    """A tar with so many files and bytes, the same each time."""
    chance = random.Random(1)
    weights = [chance.lognormvariate(0, SPREAD) for _ in range(files)]
    scale = megabytes * MEGABYTE / sum(weights)
    material = memoryview(chance.randbytes(max(int(max(weights) * scale), MEGABYTE) + 1))
    with tarfile.open(fileobj=file, mode="w|", bufsize=MEGABYTE) as tar:
        for number, weight in enumerate(weights):
            member = tarfile.TarInfo(f"srv/{number // FILES_IN_A_DIRECTORY:05}/file-{number:06}")
            member.size = int(weight * scale)
            start = chance.randrange(len(material) - member.size)
            tar.addfile(member, io.BytesIO(material[start : start + member.size]))


@contextmanager
def generated(scope: EngineResources, megabytes: int, files: int) -> Iterator[str]:
    """The image, as long as the context lasts."""
    tag = scope.temporary_tag("bench")
    with Upload(lambda file: write_layer(file, megabytes, files)) as layer:
        scope.engine.api.import_image_from_stream(layer, repository=tag, changes=["CMD none"])
    yield tag


class Exported(io.RawIOBase):
    """`docker export` of a container as a file that can be read from front to end."""

    def __init__(self, engine: Engine, container: str) -> None:
        self._chunks: Iterator[bytes] = engine.api.export(container)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer, as far as one chunk goes; 0 at the end."""
        if not self._rest:
            self._rest = memoryview(next(self._chunks, b""))
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size

    def drain(self) -> int:
        """Read to the end; the number of bytes."""
        return sum(map(len, self._chunks))


def filtered(exported: Exported, wanted: frozenset[str]) -> int:
    """Take the wanted files out of an export, as a program without the probe must; the number of their bytes."""
    taken = 0
    with tarfile.open(fileobj=exported, mode="r|", bufsize=MEGABYTE) as tar:
        for member in tar:
            if f"/{member.name}" in wanted and (content := tar.extractfile(member)):
                taken += len(content.read())
    return taken


def packed(pristine: PristineImage, paths: list[str]) -> int:
    """Pack with the probe; the number of bytes of the tar."""
    total = 0

    def count(chunk: bytes) -> None:
        nonlocal total
        total += len(chunk)

    pristine.pack(((path, "") for path in paths), count)
    return total


def sample(entries: list[Entry], megabytes: int) -> list[str]:
    """Files from all over the image that have so many bytes together."""
    chance, paths, left = random.Random(2), [], megabytes * MEGABYTE
    for entry in chance.sample(entries, len(entries)):
        if left <= 0:
            break
        paths.append(entry.path)
        left -= entry.size
    return sorted(paths)


def jobs(engine: Engine, pristine: PristineImage, container: str, megabytes: int) -> list[Job]:
    """What is measured."""
    tree = Tree(pristine.index())
    below = list(tree.below("/srv"))
    some = sample([entry for entry in below if entry.is_file], megabytes)
    everything = [entry.path for entry in below]

    def export() -> Exported:
        return Exported(engine, container)

    return [
        Job(f"index {len(tree)} paths", lambda: len(Tree(pristine.index())), lambda: filtered(export(), frozenset())),
        Job(
            f"pack {megabytes} MB in {len(some)} files",
            lambda: packed(pristine, some),
            lambda: filtered(export(), frozenset(some)),
        ),
        Job("pack the whole image", lambda: packed(pristine, everything), lambda: export().drain()),
    ]


def seconds(work: Callable[[], int]) -> float:
    """How long it takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measure(work: list[Job], rounds: int) -> None:
    """Print a line for each job."""
    times = [([seconds(job.probe)], [seconds(job.export)]) for job in work]
    for _ in range(rounds - 1):
        for job, (probe, export) in zip(work, times, strict=True):
            probe.append(seconds(job.probe))
            export.append(seconds(job.export))
    print(f"{'':40}{'probe':>10}{'export':>10}{'ratio':>8}")
    for job, measured in zip(work, times, strict=True):
        probe_time, export_time = map(statistics.median, measured)
        print(f"{job.name:40}{probe_time:8.2f} s{export_time:8.2f} s{export_time / probe_time:8.1f}")


def main() -> None:
    """Parse the options, make the image, measure, remove everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=1024, help="size of the image (default: %(default)s)")
    parser.add_argument("--files", type=int, default=50_000, help="files in it (default: %(default)s)")
    parser.add_argument("--pack", type=int, default=40, help="megabytes to pack out of it (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="times that each way is measured (default: %(default)s)")
    options = parser.parse_args()
    engine = connect()
    with EngineResources(engine) as scope, generated(scope, options.megabytes, options.files) as image:
        config = config_from_inspect(engine.api.inspect_image(image))
        still = {"Image": image, "Cmd": ["none"], "HostConfig": {"NetworkMode": "none", "LogConfig": {"Type": "none"}}}
        container = scope.create(still, "export")
        start = time.perf_counter()
        with open_pristine(scope, config, image, probe_path(engine.architecture), "bench") as pristine:
            pristine.index()
            print(f"{'container, start and first index':40}{time.perf_counter() - start:8.2f} s")
            measure(jobs(engine, pristine, container.id, options.pack), options.rounds)
    engine.close()


if __name__ == "__main__":
    main()
