"""Each sample app works before slimmer has touched it: it starts, and answers what its probe file says."""

from __future__ import annotations

import time
from collections.abc import Callable

import docker
import pytest

from tests.engine import cli_runner, samples

HEALTH_DEADLINE = 30.0
SECOND = 1_000_000_000


@pytest.mark.parametrize("name", samples.NAMES)
def test_a_sample_answers_its_probe_file(
    name: str, sample: Callable[[str], str], engine: docker.DockerClient, leftovers: None
) -> None:
    cli_runner.check_image(engine, name, sample(name))


@pytest.mark.parametrize("name", sorted(samples.GREETING))
def test_a_rendered_page_obeys_its_variable(
    name: str, sample: Callable[[str], str], engine: docker.DockerClient
) -> None:
    variable, path, words = samples.GREETING[name]
    with cli_runner.running(engine, sample(name), environment=[variable]) as container:
        answer = cli_runner.ask(container, cli_runner.address(container), {"method": "GET", "path": path})
    assert words in answer.text


@pytest.mark.parametrize("name", ["flask", "redis"])
def test_a_healthcheck_turns_healthy(name: str, sample: Callable[[str], str], engine: docker.DockerClient) -> None:
    check = engine.images.get(sample(name)).attrs["Config"]["Healthcheck"]
    quick = {"test": check["Test"], "interval": SECOND // 5, "timeout": 5 * SECOND, "retries": 20}
    with cli_runner.running(engine, sample(name), healthcheck=quick) as container:
        end = time.monotonic() + HEALTH_DEADLINE
        while container.attrs.get("State", {}).get("Health", {}).get("Status") != "healthy":
            assert time.monotonic() < end, container.attrs["State"]
            time.sleep(cli_runner.PAUSE)
            container.reload()


@pytest.mark.parametrize("name", samples.NAMES)
def test_a_sample_is_complete(name: str) -> None:
    assert {"Dockerfile", "README.md", "probes.yaml"} <= {path.name for path in (samples.FOLDER / name).iterdir()}
    for request in samples.requests(name):
        assert request.keys() <= {"method", "path", "headers", "json", "form", "body", "expect"}
        assert request["expect"].keys() <= {"status", "contains", "content_type"}
