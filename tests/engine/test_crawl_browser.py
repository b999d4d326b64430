"""A crawl with a browser: what the scripts of a page ask for and build works in the slim image (images/scripted)."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import docker
import psutil
import pytest

from slimmer.exercise.browser import program
from tests.engine.cli_runner import address, ask, running
from tests.engine.command import slimmer
from tests.engine.names import LABEL, OWN
from tests.engine.observed_build import observed_build

SITE = Path(__file__).with_name("images") / "scripted"
OF_SCRIPTS = {"/srv/lib/Stock.pm", "/srv/lib/Orders.pm", "/srv/files/hammer.html", "/srv/files/nail.html"}
ITEMS = {"method": "GET", "path": "/api/items", "headers": {"X-Shop": "1"}}
ORDER = {"method": "POST", "path": "/api/orders", "json": "nail"}

MISSING = program.missing()
pytestmark = [
    pytest.mark.usefixtures("leftovers"),
    pytest.mark.skipif(MISSING is not None, reason=(MISSING or ("",))[0]),
]


@pytest.fixture(scope="module")
def site(engine: docker.DockerClient) -> Iterator[str]:
    """The image of images/scripted, under its tag."""
    tag = f"{OWN}-scripted:latest"
    engine.images.build(path=str(SITE), tag=tag, rm=True, forcerm=True, labels={LABEL: OWN})
    yield tag
    engine.images.remove(tag, force=True)


@pytest.fixture
def tag(engine: docker.DockerClient, leftovers: None) -> Iterator[str]:
    """A name for the slim image, which goes again."""
    name = f"{OWN}-scripted-slim:{uuid.uuid4().hex[:12]}"
    yield name
    if engine.images.list(name):
        engine.images.remove(name, force=True)


def test_what_only_a_script_asks_for_works_in_the_slim_image(
    engine: docker.DockerClient, site: str, tag: str, tmp_path: Path
) -> None:
    said, report, kept = observed_build(
        site, tag, tmp_path / "out", "--builder", "load", "--crawl-browser", "--crawl-seconds", "120"
    )
    assert "in a browser" in said
    assert kept >= OF_SCRIPTS
    assert report["verification"]["verified"] and not report["verification"]["missed"]
    asked = {(one["method"], one["path"], one["status"]) for one in report["exercise"]["requests"] if one.get("source")}
    assert {("GET", "/api/items", 200), ("POST", "/api/orders", 200)} <= asked
    assert not [path for _, path, _ in asked if "logout" in path]
    with running(engine, tag) as container:
        answers = [ask(container, address(container), request) for request in (ITEMS, ORDER)]
    assert [(answer.status_code, answer.text) for answer in answers] == [(200, '["hammer", "nail"]'), (200, "1")]
    processes = [process.name() for process in psutil.Process().children(recursive=True)]
    assert not [name for name in processes if "chrom" in name or "node" in name]


def test_without_a_browser_nothing_of_it_is_found(site: str, tag: str, tmp_path: Path) -> None:
    _, report, kept = observed_build(site, tag, tmp_path / "out", "--builder", "load", "--no-verify")
    assert not OF_SCRIPTS & kept
    assert not [one for one in report["exercise"]["requests"] if one["path"].startswith(("/api/", "/item"))]


def test_requests_that_change_something_follow_the_rule_for_calls(site: str, tmp_path: Path) -> None:
    log = tmp_path / "access.json"
    elsewhere = ("--env", "DATABASE_URL=postgres://db.example.com/shop")
    result = slimmer("observe", site, "--out", log, "--crawl-browser", "--crawl-seconds", "120", *elsewhere)
    assert result.returncode == 0, result.stderr
    assert (
        "left out 1 request of pages that change something, because DATABASE_URL may lead the app to" in result.stderr
    )
    opened = log.read_text()
    assert "/srv/lib/Stock.pm" in opened and "/srv/lib/Orders.pm" not in opened
