"""Apps with routes that no probe calls (apps/*/routes.yaml): they show whether a slim image can do what no run has seen.

Each app is a real image. slimmer sees its `probed` routes only; then the original and the slim image are asked the
`unprobed` ones. The original is the control: a route works when the slim image gives the same answer.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import docker
import httpx
import yaml
from docker.errors import ImageNotFound
from docker.models.containers import Container

from tests.conftest import BUILD_DEADLINE, BUILT, ROOT
from tests.engine import cli_runner
from tests.engine.command import built
from tests.engine.names import OWN

FOLDER = Path(__file__).parent / "apps"
NAMES = sorted(path.parent.name for path in FOLDER.glob("*/routes.yaml"))
BASE = "slimmer-sample-base:latest"
TRIES = 2
"""Builds of an app's image: the package registries fail now and then."""

Request = Mapping[str, Any]
"""An entry of a probe file. `beyond` says why no rule can be expected to find what the route needs."""


@dataclass(frozen=True, slots=True)
class App:
    """What routes.yaml says."""

    name: str
    probed: tuple[Request, ...]
    unprobed: tuple[Request, ...]

    @property
    def image(self) -> str:
        """The original's tag; named as the samples are, since it stays for the next run as they do."""
        return f"slimmer-sample-routes-{self.name}:latest"

    @property
    def within_reach(self) -> set[str]:
        """Paths of the routes that have to work in an image of the policy `balanced`."""
        return {request["path"] for request in self.unprobed if "beyond" not in request}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a route answered; status 0 is no answer at all."""

    status: int
    content_type: str = ""
    body: bytes = b""


def load(name: str) -> App:
    """The app of that name."""
    document = yaml.safe_load((FOLDER / name / "routes.yaml").read_text(encoding="utf-8"))
    return App(name, tuple(document["probed"]), tuple(document["unprobed"]))


@cache
def make_base() -> None:
    """Make sure, once, that what the originals start FROM is there."""
    command = [ROOT / "scripts/engine.sh", ROOT / "sample_apps/base/make-base.sh"]
    subprocess.run(command, check=True, capture_output=True, timeout=BUILD_DEADLINE)


def build_image(app: App) -> None:
    """Make the original, unless scripts/test.sh has made it just now; quick where the engine's cache has it."""
    if os.environ.get(BUILT) == "built":
        return
    make_base()
    base = os.environ.get("SLIMMER_SAMPLE_BASE", BASE)
    # --network host: so that RUN steps reach the package registries the way that this machine does
    command = ["docker", "build", "--network", "host", "--rm", "--force-rm", "--build-arg", f"BASE={base}"]
    command += ["--tag", app.image, str(FOLDER / app.name)]
    environment = {**os.environ, "DOCKER_BUILDKIT": "0"}
    for _ in range(TRIES):
        result = subprocess.run(
            command, capture_output=True, text=True, timeout=BUILD_DEADLINE, env=environment, check=False
        )
        if result.returncode == 0:
            return
    raise AssertionError(f"{app.image} was not built:\n{result.stdout[-2000:]}{result.stderr[-2000:]}")


@contextmanager
def slim_image(client: docker.DockerClient, app: App, policy: str, folder: Path, *options: str | Path) -> Iterator[str]:
    """The tag of a slim image that has seen the probed routes; artifacts go to `artifacts`. Removed at the end."""
    tag = f"{OWN}-routes-{app.name}:{policy}"
    probes = folder / f"{app.name}-probes.yaml"
    probes.write_text(yaml.safe_dump({"requests": list(app.probed)}), encoding="utf-8")
    named = ("--policy", policy, "--tag", tag, "--out", artifacts(app, policy, folder))
    try:
        built(app.image, "--probe-file", probes, *named, *options)
        yield tag
    finally:
        remove(client, tag)


def artifacts(app: App, policy: str, folder: Path) -> Path:
    """The output folder of a slim image."""
    return folder / f"{app.name}-{policy}"


def remove(client: docker.DockerClient, tag: str) -> None:
    """Remove an image, if it is there."""
    with suppress(ImageNotFound):
        client.images.remove(tag, force=True)


def answers(client: docker.DockerClient, image: str, requests: Sequence[Request]) -> dict[str, Answer]:
    """What a container of the image answers, by path. One that a request has killed is started again for the next."""
    given: dict[str, Answer] = {}
    with cli_runner.running(client, image) as container:
        for request in requests:
            given[request["path"]] = _answer(container, request)
    return given


def _answer(container: Container, request: Request) -> Answer:
    container.reload()
    if container.status != "running":
        container.start()
    try:
        response = cli_runner.ask(container, cli_runner.address(container), dict(request))
    except (httpx.HTTPError, AssertionError):
        return Answer(0)
    return Answer(response.status_code, response.headers.get("content-type", ""), response.content)


def unexpected(app: App, given: Mapping[str, Answer]) -> dict[str, Answer]:
    """The routes whose answers are not what routes.yaml expects: of an original, they are faults of the app."""
    return {
        request["path"]: given[request["path"]]
        for request in app.unprobed
        if not _as_expected(given[request["path"]], request["expect"])
    }


def _as_expected(answer: Answer, expect: Mapping[str, Any]) -> bool:
    return (
        answer.status == expect["status"]
        and str(expect.get("contains", "")).encode() in answer.body
        and answer.content_type.startswith(expect.get("content_type", ""))
    )


def working(original: Mapping[str, Answer], slim: Mapping[str, Answer]) -> set[str]:
    """The paths that a slim image answers as its original does."""
    return {path for path, answer in original.items() if slim[path] == answer}


if __name__ == "__main__":
    for each in NAMES:
        build_image(load(each))
