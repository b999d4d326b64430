"""What wears slimmer out, at full size: how each build ends, in how many seconds, with how much memory and disk.

The images are generated and go again; the small versions of all of them are in the tests. Chromium with its own sandbox needs
the network, since its image comes from Debian's packages.

    python benchmarks/hostile.py sparse paths
    python benchmarks/hostile.py                  # all of them, but for chromium: half an hour
    python benchmarks/hostile.py chromium
"""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from slimmer.engine.connection import Engine, connect
from slimmer.engine.resources import EngineResources
from slimmer.engine.uploads import Upload

SOURCE = Path(__file__).parents[1] / "tests/engine/images/probe/hostile.c"
PROGRAM = "/bin/hostile"
MILLION = 1_000_000
GIGABYTE = 1 << 30
CHROMIUM = """FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends chromium chromium-sandbox && useradd -m web
RUN echo '<p id=x></p><script>document.getElementById("x").textContent = 40 + 2</script>' > /page.html
USER web
CMD ["chromium", "--headless", "--disable-gpu", "--disable-background-networking", "--dump-dom", "file:///page.html"]
"""

Layer = tarfile.TarFile


def nothing(tar: Layer) -> None:
    """No files but the program's."""


def add(tar: Layer, name: str, size: int = 0, content: IO[bytes] | None = None, mode: int = 0o644) -> None:
    """Add a file, without remembering it."""
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, mode
    tar.addfile(member, content)
    tar.members = []  # type: ignore[attr-defined]  # it would remember every one


def sparse(tar: Layer) -> None:
    """A file of 4 GB of zeros."""
    with Path("/dev/zero").open("rb") as zeros:
        add(tar, "srv/sparse", 4 * GIGABYTE, zeros)


def paths(tar: Layer) -> None:
    """A million files, half of them in one folder."""
    for number in range(MILLION):
        folder = "one" if number % 2 else f"many/{number // 1000:04}"
        add(tar, f"srv/{folder}/file-{number:07}")


@dataclass(frozen=True)
class Case:
    """An image and its build: what is added to the program, the configuration as `docker import` takes it, the options."""

    options: Sequence[str]
    files: Callable[[Layer], None] = nothing
    changes: Sequence[str] = ()
    recorders: Sequence[str] = ("auto",)


@dataclass
class Outcome:
    """How a build ended."""

    code: int
    seconds: float
    megabytes: float
    disk: float
    words: str = field(repr=False)


def command(*words: str) -> list[str]:
    """Options of a build that runs the program so, to its end."""
    return ["--cmd", json.dumps([PROGRAM, *words]), "--no-http", "--until", "exit", "--ready-timeout", "300"]


RECORDERS = ("notify", "ptrace", "fanotify")
CASES = {
    "sparse": Case([*command("calls", "4"), "--include", "/srv/sparse"], sparse),
    "paths": Case(command("calls", "4"), paths),
    "calls": Case(command("calls", "400000"), recorders=RECORDERS),
    "processes": Case(command("wrap", "33000"), recorders=RECORDERS[:2]),
    "configuration": Case(
        command("calls", "4"),
        changes=(
            *(f"ENV VARIABLE_{number}=value" for number in range(2000)),
            *(f"VOLUME /volumes/{number}" for number in range(1000)),
            *(f"ONBUILD RUN true {number}" for number in range(5000)),
        ),
    ),
}


def program(folder: Path) -> bytes:
    """The hostile program of the tests."""
    path = folder / "hostile"
    subprocess.run(["gcc", "-O1", "-D_GNU_SOURCE", "-pthread", "-static", "-o", path, SOURCE], check=True)
    return path.read_bytes()


def write_layer(file: IO[bytes], content: bytes, case: Case) -> None:
    """The image's files."""
    with tarfile.open(fileobj=file, mode="w|", bufsize=1 << 20) as tar:
        add(tar, PROGRAM[1:], len(content), io.BytesIO(content), 0o755)
        for name in ("etc/passwd", "etc/group", "tmp/file"):
            add(tar, name, 2, io.BytesIO(b"x\n"))
        case.files(tar)


def build(engine: Engine, image: str, options: Sequence[str]) -> Outcome:
    """One build as a user would make it; its slim image goes again."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as words:
        tag = "slimmer-hostile:slim"
        command = [sys.executable, "-m", "slimmer", "build", image, "--tag", tag, "--out", folder, *options]
        start = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=words) as process:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - start
        disk = sum(path.stat().st_blocks * 512 for path in Path(folder).iterdir())
        words.seek(0)
        said = words.read().decode(errors="replace")[-1000:]
    if process.returncode == 0:
        engine.api.remove_image(tag, force=True)
    return Outcome(process.returncode, seconds, usage.ru_maxrss * 1024 / 1e6, disk / 1e6, said)


def tell(name: str, outcome: Outcome) -> None:
    """A line for each build, and the last words of one that failed."""
    print(
        f"{name:24} exit code {outcome.code}  {outcome.seconds:7.1f} s  {outcome.megabytes:6.0f} MB  "
        f"artifacts {outcome.disk:8.1f} MB on disk",
        flush=True,
    )
    if outcome.code:
        print(outcome.words)


def run_case(engine: Engine, name: str, content: bytes) -> None:
    """Make the image, build it with each recorder, and remove it."""
    case = CASES[name]
    with EngineResources(engine) as scope:
        tag = scope.temporary_tag(name)
        with Upload(lambda file: write_layer(file, content, case)) as layer:
            engine.api.import_image_from_stream(layer, repository=tag, changes=["CMD none", *case.changes])
        for recorder in case.recorders:
            tell(f"{name} ({recorder})", build(engine, tag, [*case.options, "--recorder", recorder]))


def run_chromium(engine: Engine) -> None:
    """Chromium with its own sandbox, with what it needs natively: a profile that allows user namespaces, or SYS_ADMIN."""
    image = "slimmer-hostile-chromium:latest"
    words = ["docker", "build", "--network", "host", "--quiet", "--tag", image, "-"]
    subprocess.run(words, input=CHROMIUM, text=True, check=True, env={**os.environ, "DOCKER_BUILDKIT": "0"})
    for option in (["--security-opt", "seccomp=unconfined"], ["--cap-add", "SYS_ADMIN"]):
        for recorder in RECORDERS[:2]:
            options = ["--no-http", "--until", "exit", "--recorder", recorder, *option]
            tell(f"chromium ({recorder})", build(engine, image, options))
    engine.api.remove_image(image, force=True)


def main() -> None:
    """Parse the arguments, run the cases one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "cases", nargs="*", metavar="CASE", help=f"{', '.join(CASES)}, chromium (default: all but that)"
    )
    chosen = parser.parse_args().cases or list(CASES)
    if unknown := set(chosen) - {*CASES, "chromium"}:
        parser.error(f"no such case: {', '.join(sorted(unknown))}")
    engine = connect()
    with tempfile.TemporaryDirectory() as folder:
        content = program(Path(folder))
    for name in chosen:
        if name == "chromium":
            run_chromium(engine)
        else:
            run_case(engine, name, content)
    engine.close()


if __name__ == "__main__":
    main()
