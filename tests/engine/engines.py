"""Slims the sample apps on other engines, and checks what must be the same on each: make engines ENGINES='URL… SUITE/ENGINE…'

For each engine: every sample is built and verified with both builders, the slim image does what the sample does, `compare` and the reports
tell the same sizes as on the first engine, a running container is watched and its log joins a build (or the engine is rootless, and slimmer
says that it cannot), an interrupt ends with its exit code, and nothing stays behind. The sample images are copied from the engine of this
machine. Without an engine, all of tests.engine.other_engines are made and started. Prints a row of a Markdown table for each engine; exits
with 1 if anything is wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError

from tests.engine import cli_runner, leftovers, samples
from tests.engine.names import OWN
from tests.engine.other_engines import NAMES, NotHere, other_engine

BUILDERS = ("dockerfile", "load")
DEADLINE = 900
INTERRUPTED = 130
UNSUPPORTED = 4
WATCHED = "go"
"""The sample that runs while slimmer watches it from outside."""


@dataclass(slots=True)
class Findings:
    """What one engine did. `sizes`: original and slim image, in bytes, by sample."""

    engine: str
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    good: int = 0
    tried: int = 0
    wrong: list[str] = field(default_factory=list)


class OtherEngine:
    """An engine by its URL."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder
        self.client = docker.DockerClient(base_url=url, timeout=DEADLINE)
        self.environment = {**os.environ, "DOCKER_HOST": url, "TMPDIR": str(folder / "tmp")}
        (folder / "tmp").mkdir(parents=True)

    @property
    def name(self) -> str:
        """The engine and its store in words."""
        info, version = self.client.info(), self.client.version()
        what = str((version.get("Components") or [{}])[0].get("Name", ""))
        options = " ".join(info.get("SecurityOptions") or ())
        options += " rootless" if info.get("Rootless") else ""  # Podman 4
        traits = [info["Driver"], *(trait for trait in ("rootless", "userns") if trait in options)]
        return f"{what} {info['ServerVersion']} ({', '.join(traits)})"

    @property
    def rootless(self) -> bool:
        """True if containers can be reached at published ports only."""
        return "rootless" in self.name

    def take(self, images: Sequence[str], source: docker.DockerClient) -> None:
        """Copy the images that this engine does not have."""
        for image in images:
            if not self.client.images.list(image):
                self.client.api.load_image(source.api.get_image(image))

    def slimmer(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """Run slimmer with this engine."""
        command = [sys.executable, "-m", "slimmer", *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True, env=self.environment, timeout=DEADLINE)

    def interrupted(self, sign: str, *words: str | Path, meanwhile: Callable[[], object] = lambda: None) -> int:
        """Run slimmer until it says this, do something, press Ctrl-C, and return the exit code."""
        command = [sys.executable, "-m", "slimmer", *map(str, words)]
        with subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=self.environment
        ) as process:
            assert process.stderr is not None
            for line in process.stderr:
                if sign in line:
                    meanwhile()
                    process.send_signal(signal.SIGINT)
            return process.wait(DEADLINE)


def sizes_in(report: Mapping[str, Any]) -> tuple[int, int]:
    return int(report["target"]["size"]), int(report["slim"]["size"])


def build(engine: OtherEngine, name: str, builder: str, found: Findings) -> Iterator[str]:
    """Build one sample with one builder, and yield what is wrong."""
    image, tag = f"slimmer-sample-{name}:latest", f"{OWN}-{name}:{builder}"
    out = engine.folder / f"{name}-{builder}"
    words: list[str | Path] = ["--tag", tag, "--out", out, "--builder", builder, "--format", "json"]
    words += samples.build_arguments(name)
    done = engine.slimmer("build", image, *words)
    if done.returncode:
        yield f"{name} with {builder}: exit code {done.returncode}: {done.stderr.strip().splitlines()[-4:]}"
        return
    report = json.loads(done.stdout)
    if not report["verification"]["verified"]:
        yield f"{name} with {builder}: not verified"
    if found.sizes.setdefault(name, sizes_in(report)) != sizes_in(report):
        yield f"{name}: the builders differ in size"
    try:
        cli_runner.check_image(engine.client, name, tag, published=engine.rootless)
    except (APIError, AssertionError) as error:
        yield f"{name} with {builder}: {error}"
    compared = engine.slimmer("compare", image, tag, "--format", "json")
    document = json.loads(compared.stdout) if compared.returncode == 0 else {}
    if not document or (document["before"]["size"], document["after"]["size"]) != sizes_in(report):
        yield f"{name} with {builder}: compare says something else than the report: {compared.stderr}"
    engine.client.images.remove(tag, force=True)


def attach(engine: OtherEngine) -> Iterator[str]:
    """Watch a running sample from outside, build with the log, and yield what is wrong."""
    image, log, tag = f"slimmer-sample-{WATCHED}:latest", engine.folder / "watched.json", f"{OWN}-{WATCHED}:watched"
    with cli_runner.running(engine.client, image, **cli_runner.ports(engine.rootless)) as container:
        words = ("observe", "--attach", str(container.name), "--out", log)
        if engine.rootless:
            done = engine.slimmer(*words)
            if done.returncode != UNSUPPORTED or "a rootless engine cannot watch" not in done.stderr:
                yield f"attach: not refused: {done.returncode}: {done.stderr}"
            return

        def ask() -> None:
            for request in samples.requests(WATCHED):
                cli_runner.check(cli_runner.ask(container, cli_runner.address(container), request), request)

        ask()
        if code := engine.interrupted("watching", *words, meanwhile=ask):
            yield f"attach ended with {code}"
            return
    out = engine.folder / "watched"
    done = engine.slimmer(
        "build", image, "--access", log, "--tag", tag, "--out", out, *samples.build_arguments(WATCHED)
    )
    if done.returncode:
        yield f"the log of a running container does not join a build: {done.stderr.strip().splitlines()[-4:]}"
        return
    if not json.loads(log.read_text())["accesses"]:
        yield "attach saw nothing"
    engine.client.images.remove(tag, force=True)


def try_out(engine: OtherEngine, names: Sequence[str], source: docker.DockerClient) -> Findings:
    """Do everything with one engine."""
    found = Findings(engine.name)
    builders = BUILDERS[1:] if "Podman" in engine.name else BUILDERS  # a build would change the labels there
    engine.take([f"slimmer-sample-{name}:latest" for name in sorted({*names, WATCHED})], source)
    before = leftovers.state(engine.client, engine.folder / "tmp")
    for name in names:
        for builder in builders:
            wrong = list(build(engine, name, builder, found))
            found.wrong += wrong
            found.good += not wrong
            found.tried += 1
            print(f"  {name}, {builder}: {'; '.join(wrong) or 'good'}", file=sys.stderr, flush=True)
    try:
        found.wrong += attach(engine)
    except (APIError, AssertionError) as error:
        found.wrong.append(f"attach: {error}")
    broken = ("build", f"slimmer-sample-{WATCHED}:latest", "--until", "signal", "--out", engine.folder / "broken")
    if (code := engine.interrupted("kill -USR1", *broken)) != INTERRUPTED:
        found.wrong.append(f"Ctrl-C ended with {code}")
    found.wrong += [
        f"left behind: {thing}" for thing in leftovers.settled(engine.client, engine.folder / "tmp", before)
    ]
    return found


def reached(name: str) -> AbstractContextManager[str]:
    """The address of an engine: it is one, or the name of an engine to start."""
    return nullcontext(name) if "://" in name else other_engine(name)


def main() -> int:
    """Run everything, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("engines", nargs="*", metavar="ENGINE", help=f"unix:///run/podman/podman.sock, {NAMES[0]}, …")
    parser.add_argument("--sample", action="append", choices=samples.NAMES, help="only this sample (repeatable)")
    given = parser.parse_args()
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # as a shell starts what runs in its background
        signal.signal(signal.SIGINT, signal.default_int_handler)
    names, source, first, failed = given.sample or samples.NAMES, docker.from_env(timeout=DEADLINE), None, False
    print("| engine | samples built, verified and working | wrong |\n|---|---:|---|")
    for name in given.engines or NAMES:
        try:
            with reached(name) as url, tempfile.TemporaryDirectory(prefix="slimmer-engines-") as folder:
                found = try_out(OtherEngine(url, Path(folder)), names, source)
        except NotHere as reason:
            print(f"| {name} | skipped | {reason} |", flush=True)
            failed = failed or name in given.engines
            continue
        first = first or found
        found.wrong += [
            f"{sample}: {sizes} bytes, but {first.sizes[sample]} on {first.engine}"
            for sample, sizes in found.sizes.items()
            if sizes != first.sizes.get(sample, sizes)
        ]
        wrong = "; ".join(found.wrong).replace("|", "\\|").replace("\n", " ") or "nothing"
        print(f"| {found.engine} | {found.good} of {found.tried} | {wrong} |", flush=True)
        failed = failed or bool(found.wrong)
    return int(failed or first is None)


if __name__ == "__main__":
    sys.exit(main())
