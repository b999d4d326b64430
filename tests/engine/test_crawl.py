"""A crawl of a real site: its pages are in the slim image, which answers like the original.

The page /rooms/attic is two links away from the front page, and only it needs two files (images/crawled).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.engine.cli_runner import address, ask, running
from tests.engine.command import slimmer
from tests.engine.names import LABEL, OWN
from tests.engine.observed_build import observed_build

SITE = Path(__file__).with_name("images") / "crawled"
OF_THE_ATTIC = {"/srv/lib/Attic.pm", "/srv/pages/attic.html"}
ATTIC = {"method": "GET", "path": "/rooms/attic"}

pytestmark = pytest.mark.usefixtures("leftovers")


@pytest.fixture(scope="module")
def site(engine: docker.DockerClient) -> Iterator[str]:
    """The image of images/crawled, under its tag."""
    tag = f"{OWN}-crawled:latest"
    engine.images.build(path=str(SITE), tag=tag, rm=True, forcerm=True, labels={LABEL: OWN})
    yield tag
    engine.images.remove(tag, force=True)


@pytest.fixture
def tag(engine: docker.DockerClient, leftovers: None) -> Iterator[str]:
    """A name for the slim image, which goes again."""
    name = f"{OWN}-crawled-slim:{uuid.uuid4().hex[:12]}"
    yield name
    if engine.images.list(name):
        engine.images.remove(name, force=True)


def crawled(report: dict[str, Any]) -> list[str]:
    return [one["path"] for one in report["exercise"]["requests"] if one.get("source") == "crawl"]


def test_a_page_two_links_away_works_in_the_slim_image(
    engine: docker.DockerClient, site: str, tag: str, tmp_path: Path
) -> None:
    said, report, kept = observed_build(site, tag, tmp_path / "out")
    assert "crawled 6 of 6 pages; " in said
    assert kept >= OF_THE_ATTIC
    assert report["verification"]["verified"] and not report["verification"]["missed"]
    assert "/rooms/attic" in crawled(report) and "/logout" not in crawled(report)
    [told] = report["exercise"]["generated"]
    assert (told["source"], told["found"], told["requested"], told["kept"]) == ("crawl", 6, 6, len(crawled(report)))
    assert told["limits"] == ["left out 1 URL that may change something, such as a logout"]
    with running(engine, tag) as container:
        answer = ask(container, address(container), ATTIC)
    assert (answer.status_code, answer.text) == (200, "<h1>Attic</h1>\n<p>3 boxes</p>\n")


def test_without_a_crawl_the_page_does_not_work(
    engine: docker.DockerClient, site: str, tag: str, tmp_path: Path
) -> None:
    said, report, kept = observed_build(
        site, tag, tmp_path / "out", "--no-crawl", "--no-openapi", "--no-verify", "--builder", "load"
    )
    assert "pages" not in said and not report["exercise"]["generated"]
    assert not OF_THE_ATTIC & kept
    with running(engine, tag) as container:
        assert ask(container, address(container), ATTIC).status_code == 500


def test_two_crawls_find_the_same(site: str, tag: str, tmp_path: Path) -> None:
    reports = [
        observed_build(site, tag, tmp_path / str(n), "--crawl", "--no-verify", "--builder", "load")[1] for n in range(2)
    ]
    first, second = ([crawled(report), report["exercise"]["generated"]] for report in reports)
    for told in (*first[1], *second[1]):
        del told["seconds"]
    assert first == second


def test_a_crawl_without_the_probe_keeps_a_page_of_each_kind(site: str, tag: str, tmp_path: Path) -> None:
    log = tmp_path / "access.json"
    assert slimmer("observe", site, "--out", log, "--crawl").returncode == 0
    _, report, kept = observed_build(
        site, tag, tmp_path / "out", "--crawl", "--access", str(log), "--no-observe", "--builder", "load"
    )
    assert kept >= OF_THE_ATTIC and report["verification"]["verified"]
    assert {"/rooms", "/rooms/attic", "/style.css"} <= {*crawled(report)}
