"""How much memory `slimmer build` itself takes for an image with very many paths, however much of it is kept.

The image is generated (its app is the busybox of the musl sample); nothing of it stays. Every path belongs to a package of
dpkg, and passwd may be large. Two apps run in it: one that uses nothing else, and one that looks at every path, so that
every path is kept and in the access log, too. Measured is the greatest resident size of the process (getrusage(2),
ru_maxrss).

    python benchmarks/bench_memory.py --paths 300000 --megabytes 100
    python benchmarks/bench_memory.py --paths 400000 --megabytes 0 --passwd 104 --status 16
"""

from __future__ import annotations

import io
import json
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

from figures import Figure, alternating, options, show
from slimming import slim

from slimmer.engine import images
from slimmer.engine.connection import Engine, connect
from slimmer.engine.resources import EngineResources
from slimmer.engine.uploads import Upload
from slimmer.probe_binary import probe_path
from slimmer.runs.image_mount import open_pristine

BUSYBOX = "/bin/busybox"
GIVER = "slimmer-sample-musl:latest"
MEGABYTE = 1 << 20
FILES_IN_A_DIRECTORY = 40
FILES_IN_A_PACKAGE = 1000
STATUS = "var/lib/dpkg/status"
PARAGRAPH = b"Package: package-000000\nStatus: install ok installed\nVersion: 1.0\n%s\n" % (
    b" more of its description\n" * 40
)
APPS = {
    "uses nothing else": [BUSYBOX, "true"],
    "looks at every path": [BUSYBOX, "find", "/srv", "-size", "+1"],
}


def busybox(scope: EngineResources) -> bytes:
    """The static program out of the sample."""
    config = images.resolve(scope.engine, GIVER)
    with open_pristine(scope, config, config.image_id, probe_path(scope.engine.architecture), "giver") as pristine:
        content = next(iter(pristine.read([BUSYBOX])))[1]
    if content is None:
        raise SystemExit(f"{GIVER} has no {BUSYBOX}")
    return content


@dataclass(frozen=True, slots=True)
class Contents:
    """What the image holds: how many paths, and the megabytes of one large file, of passwd and of dpkg's status."""

    paths: int
    megabytes: int
    passwd: int
    status: int


def write_layer(file: IO[bytes], program: bytes, contents: Contents) -> None:
    """A tar with so many paths, named as those of package trees are, a package for each folder, and the large files."""
    with tarfile.open(fileobj=file, mode="w|", bufsize=MEGABYTE) as tar:
        _add(tar, BUSYBOX[1:], len(program), io.BytesIO(program))
        files = contents.paths - contents.paths // FILES_IN_A_DIRECTORY
        for first in range(0, files, FILES_IN_A_PACKAGE):
            _add_package(tar, range(first, min(files, first + FILES_IN_A_PACKAGE)))
        _add_repeated(tar, "etc/passwd", b"user:x:1000:1000:somebody:/home/user:/bin/sh\n", contents.passwd)
        _add_repeated(tar, "srv/large", b"\0", contents.megabytes)
        _add_repeated(tar, STATUS, PARAGRAPH, contents.status)


def _add_package(tar: tarfile.TarFile, numbers: range) -> None:
    """Some files, and dpkg's list of them."""
    names = [_name(number) for number in numbers]
    for number, name in zip(numbers, names, strict=True):
        _add(tar, name, 64, io.BytesIO(f"{number:064}".encode()))
    listed = "".join(f"/{name}\n" for name in names).encode()
    _add(tar, f"var/lib/dpkg/info/package-{numbers.start:06}.list", len(listed), io.BytesIO(listed))


def _name(number: int) -> str:
    folder = number // FILES_IN_A_DIRECTORY
    return f"srv/application/node_modules/package-{folder // 64:04}/lib/part-{folder:05}/module-{number:06}.js"


def _add_repeated(tar: tarfile.TarFile, name: str, text: bytes, megabytes: int) -> None:
    """A file of so many bytes; the text begins anew in each megabyte."""
    piece = (text * (MEGABYTE // len(text) + 1))[:MEGABYTE]
    with tempfile.TemporaryFile() as file:
        for _ in range(megabytes):
            file.write(piece)
        file.seek(0)
        _add(tar, name, megabytes * MEGABYTE, file)


def _add(tar: tarfile.TarFile, name: str, size: int, content: IO[bytes]) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o755
    tar.addfile(member, content)
    tar.members = []  # type: ignore[attr-defined]  # it would remember every one, and a child's peak counts from its parent's size


@contextmanager
def generated(scope: EngineResources, contents: Contents) -> Iterator[str]:
    """The image, as long as the scope lasts."""
    program, tag = busybox(scope), scope.temporary_tag("bench")
    with Upload(lambda file: write_layer(file, program, contents)) as layer:
        scope.engine.api.import_image_from_stream(layer, repository=tag, changes=["CMD none"])
    yield tag


def measured(engine: Engine, image: str, app: str) -> dict[str, float]:
    """One build: memory, seconds, and how many paths were kept of how many."""
    with tempfile.TemporaryDirectory() as folder:
        slimmed = slim(engine, image, Path(folder), "--cmd", json.dumps(APPS[app]), "--no-http")
    paths = {side: float(slimmed.report[side]["paths"]) for side in ("target", "slim")}
    return {
        "memory at its largest": slimmed.megabytes,
        "whole command": slimmed.seconds,
        "paths before": paths["target"],
        "paths after": paths["slim"],
    }


UNITS = {"memory at its largest": "MB", "whole command": "s"}


def main() -> None:
    """Parse the options, make the image, measure, remove everything."""
    parser = options(__doc__, rounds=1)
    parser.add_argument("--paths", type=int, default=300_000, help="paths in the image (default: %(default)s)")
    parser.add_argument("--megabytes", type=int, default=100, help="size of one more file (default: %(default)s)")
    parser.add_argument("--passwd", type=int, default=0, help="megabytes of /etc/passwd (default: %(default)s)")
    parser.add_argument("--status", type=int, default=0, help="megabytes of dpkg's status (default: %(default)s)")
    parser.add_argument("--all", action="store_true", help="also with an app that looks at every path (minutes)")
    chosen = parser.parse_args()
    apps = list(APPS) if chosen.all else list(APPS)[:1]
    contents = Contents(chosen.paths, chosen.megabytes, chosen.passwd, chosen.status)
    engine = connect()
    with EngineResources(engine) as scope, generated(scope, contents) as image:
        medians = alternating({app: partial(measured, engine, image, app) for app in apps}, chosen.rounds)
    engine.close()
    found = [
        Figure(f"an app that {app}", name, value, UNITS.get(name, ""))
        for app, figures in medians.items()
        for name, value in figures.items()
    ]
    show("slimmer build of an image with very many paths", "", found, as_json=chosen.json)


if __name__ == "__main__":
    main()
