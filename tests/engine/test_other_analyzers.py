"""A build with an analyzer of another package: what it finds is in the image, and what it does wrong ends the build tidily."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import docker
import pytest
from docker.errors import ImageNotFound

from tests.distribution import install
from tests.engine.command import slimmer
from tests.engine.names import OWN

TAG = f"{OWN}-other-analyzers:slim"
EXTRA = "/etc/debian_version"
SOURCE = """
from slimmer.keep.analyzer import EVERY_POLICY, FunctionAnalyzer
from slimmer.keep.evidence import Evidence
from slimmer.keep.image_view import reach
from slimmer.keep.keepset import Reason


def release(image):
    {before}
    return reach(image.tree, "/etc/debian_version", Reason("release", "tells the distribution"))


ANALYZER = FunctionAnalyzer("release", EVERY_POLICY, {{"release": Evidence.USED}}, release)
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the program's sys.path."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return folder


@pytest.fixture
def image(sample: Callable[[str], str], engine: docker.DockerClient) -> Iterator[str]:
    """A small sample; its slim image is removed at the end."""
    yield sample("cli")
    with suppress(ImageNotFound):
        engine.images.remove(TAG)


def arguments(image: str, out: Path) -> list[str]:
    return ["build", image, "--no-http", "--policy", "observed", "--tag", TAG, "--out", str(out)]


def test_what_it_finds_is_in_the_image_with_its_reason(site: Path, image: str, tmp_path: Path) -> None:
    install(site, "release", SOURCE.format(before="pass"), "release = release:ANALYZER")
    result = slimmer(*arguments(image, tmp_path / "out"))
    assert result.returncode == 0, result.stderr
    lines = map(json.loads, (tmp_path / "out/manifest.jsonl").read_text().splitlines())
    line = next(line for line in lines if line.get("path") == EXTRA)
    first = line["reasons"][0]
    assert (first["rule"], first["detail"]) == ("release", "tells the distribution")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import nowhere_to_be_found", "release (release:ANALYZER) cannot be loaded"),
        (SOURCE.format(before="raise KeyError('x')"), "the analyzer release failed: KeyError: 'x'"),
    ],
)
def test_one_that_fails_ends_the_build_with_its_name(
    site: Path, image: str, engine: docker.DockerClient, tmp_path: Path, source: str, said: str
) -> None:
    install(site, "release", source, "release = release:ANALYZER")
    result = slimmer(*arguments(image, tmp_path / "out"))
    assert result.returncode == 2
    assert said in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr
    with pytest.raises(ImageNotFound):
        engine.images.get(TAG)
