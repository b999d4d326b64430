"""The images of cases: originals, which stay for the next run, and slim ones.

`python -m tests.engine.case_images` builds the originals that `make test` needs.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from functools import cache
from pathlib import Path

import docker
import yaml
from docker.errors import ImageNotFound

from tests.conftest import BUILD_DEADLINE, BUILT, ROOT, build_sample
from tests.engine import case, leftovers
from tests.engine.case import Case
from tests.engine.command import slimmer
from tests.engine.names import OWN

BASE = "slimmer-sample-base:latest"
TRIES = 2
"""Attempts to build an image: package registries fail now and then."""

QUICK = ("openresty", "slapd", "smtp", "squid", "supervisord", "udp")
"""The cases that `make test` has: small images of different kinds, built in a few seconds from packages of the system."""


@cache
def make_base() -> str:
    """Make sure, once, that what the originals start FROM is there; returns its name."""
    command = [ROOT / "scripts/engine.sh", ROOT / "sample_apps/base/make-base.sh"]
    subprocess.run(command, check=True, capture_output=True, timeout=BUILD_DEADLINE)
    return os.environ.get("SLIMMER_SAMPLE_BASE", BASE)


@cache
def language_base(name: str) -> str:
    """What cases of one language start FROM, built once; returns its name."""
    tag = f"slimmer-sample-case-base-{name}:latest"
    build(tag, case.CASES / f"_{name}", make_base())
    return tag


def build_image(subject: Case) -> None:
    """Build the original, unless scripts/test.sh has just built it. This is quick if the engine has it in its cache."""
    if os.environ.get(BUILT) != "built":
        build(subject.image, subject.folder, language_base(subject.base) if subject.base else make_base())
    if subject.project:
        for name in subject.project.needs:
            build_image(case.load(name))
        for name in subject.project.samples:
            build_sample(name)


def build(tag: str, folder: Path, base: str, *options: str) -> None:
    """Build the image of a folder. Raises AssertionError with the end of the output if that fails."""
    # --network host: RUN steps reach the package registries as the host does
    command = ["docker", "build", "--network", "host", "--rm", "--force-rm", "--build-arg", f"BASE={base}"]
    command += ["--tag", tag, *options, str(folder)]
    environment = {**os.environ, "DOCKER_BUILDKIT": "0"}
    before = _identifier(tag)
    for _ in range(TRIES):
        result = subprocess.run(
            command, capture_output=True, text=True, timeout=BUILD_DEADLINE, env=environment, check=False
        )
        if result.returncode == 0:
            if before and before != _identifier(tag):  # it has no name any more
                subprocess.run(["docker", "rmi", before], capture_output=True, timeout=BUILD_DEADLINE, check=False)
            return
    raise AssertionError(f"{tag} was not built:\n{result.stdout[-2000:]}{result.stderr[-2000:]}")


def _identifier(tag: str) -> str:
    """Return the ID of the image with this tag, or ""."""
    command = ["docker", "image", "inspect", "--format", "{{.Id}}", tag]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


@contextmanager
def slim_image(
    client: docker.DockerClient, subject: Case, policy: str, folder: Path, options: Sequence[str | Path] = ()
) -> Iterator[str]:
    """The tag of a slim image that has seen what the case lets slimmer see; artifacts go to `folder`. Removed at the end.

    Raises AssertionError if slimmer refuses.
    """
    tag = f"{OWN}-{subject.image.partition(':')[0].removeprefix('slimmer-sample-')}:{policy}"
    out = folder / f"{subject.name}-{policy}"
    seen = [*subject.options, *probe_options(subject, folder)]
    try:
        words = [subject.image, *seen, "--policy", policy, "--tag", tag, "--out", out, *options]
        with leftovers.nothing_runs_on(client, folder) if subject.project else nullcontext():
            result = slimmer("build", *words, timeout=BUILD_DEADLINE)
        assert result.returncode == 0, result.stderr
        if "--no-observe" not in options:
            unsaid = [text for text in subject.finds if text not in result.stderr]
            assert not unsaid, f"the build does not say {unsaid}:\n{result.stderr}"
        yield result.stdout.strip()
    finally:
        remove(client, tag)


def reuse(subject: Case, policy: str, folder: Path) -> tuple[str | Path, ...]:
    """The options to build from what slim_image has observed under this policy: the image is not observed again, nor verified."""
    return ("--no-observe", "--access", folder / f"{subject.name}-{policy}" / "access.json", "--no-verify")


def probe_options(subject: Case, folder: Path) -> list[str]:
    """The options with which slimmer sends the case's own requests; the probe file goes to `folder`."""
    if not subject.probed:
        return []
    probes = folder / f"{subject.name}-probes.yaml"
    probes.write_text(yaml.safe_dump({"requests": list(map(dict, subject.probed))}), encoding="utf-8")
    return ["--probe-file", str(probes)]


def remove(client: docker.DockerClient, tag: str) -> None:
    """Remove an image, if it is there."""
    with suppress(ImageNotFound):
        client.images.remove(tag, force=True)


if __name__ == "__main__":
    for name in (*case.APP_NAMES, *QUICK):
        build_image(case.load_any(name))
