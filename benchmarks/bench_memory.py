"""How much memory `slimmer build` itself takes for an image with very many paths, however much of it is kept.

The image is generated (its app is the busybox of the musl sample); nothing of it stays. Two apps run in it: one that uses
nothing else, and one that looks at every path, so that every path is kept and in the access log, too. Measured is the
greatest resident size of the process (getrusage(2), ru_maxrss).

    python benchmarks/bench_memory.py --paths 300000 --megabytes 100
"""

from __future__ import annotations

import io
import json
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO

from figures import Figure, alternating, options, show
from slimming import slim

from slimmer.engine import images
from slimmer.engine.connection import Engine, connect
from slimmer.engine.pristine import open_pristine
from slimmer.engine.session import RunScope
from slimmer.engine.uploads import Upload
from slimmer.probe_binary import probe_path

BUSYBOX = "/bin/busybox"
GIVER = "slimmer-sample-musl:latest"
MEGABYTE = 1 << 20
FILES_IN_A_DIRECTORY = 40
MEGABYTE = 1 << 20
APPS = {
    "uses nothing else": [BUSYBOX, "true"],
    "looks at every path": [BUSYBOX, "find", "/srv", "-size", "+1"],
}


def busybox(scope: RunScope) -> bytes:
    """The static program out of the sample."""
    config = images.resolve(scope.engine, GIVER)
    with open_pristine(scope, config, config.image_id, probe_path(scope.engine.architecture), "giver") as pristine:
        content = next(iter(pristine.read([BUSYBOX])))[1]
    if content is None:
        raise SystemExit(f"{GIVER} has no {BUSYBOX}")
    return content


def write_layer(file: IO[bytes], program: bytes, paths: int, megabytes: int) -> None:
    """A tar with so many paths, named as those of package trees are, and one file of so many bytes."""
    with tarfile.open(fileobj=file, mode="w|", bufsize=MEGABYTE) as tar:
        _add(tar, BUSYBOX[1:], len(program), io.BytesIO(program))
        for number in range(paths - paths // FILES_IN_A_DIRECTORY):
            folder = number // FILES_IN_A_DIRECTORY
            name = f"srv/application/node_modules/package-{folder // 64:04}/lib/part-{folder:05}/module-{number:06}.js"
            _add(tar, name, 64, io.BytesIO(f"{number:064}".encode()))
        with Path("/dev/zero").open("rb") as zeros:
            _add(tar, "srv/large", megabytes * MEGABYTE, zeros)


def _add(tar: tarfile.TarFile, name: str, size: int, content: IO[bytes]) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o755
    tar.addfile(member, content)
    tar.members = []  # type: ignore[attr-defined]  # it would remember every one, and a child's peak counts from its parent's size


@contextmanager
def generated(scope: RunScope, paths: int, megabytes: int) -> Iterator[str]:
    """The image, as long as the scope lasts."""
    program, tag = busybox(scope), scope.temporary_tag("bench")
    with Upload(lambda file: write_layer(file, program, paths, megabytes)) as layer:
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
    parser.add_argument("--all", action="store_true", help="also with an app that looks at every path (minutes)")
    chosen = parser.parse_args()
    apps = list(APPS) if chosen.all else list(APPS)[:1]
    engine = connect()
    with RunScope(engine) as scope, generated(scope, chosen.paths, chosen.megabytes) as image:
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
