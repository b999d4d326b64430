"""A scanner finds the packages of a slim image: those of which it has files, and no others. Seen by a real one, Syft."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import docker
import pytest

from slimmer.artifacts.build_output import BuildOutput
from tests.engine import samples, syft
from tests.engine.command import built, slimmer
from tests.engine.names import OWN

SMALL_SHARE = 0.01
"""The data may take this share of the slim image; or SMALL_SIZE bytes, where that is more."""

SMALL_SIZE = 20_000


@pytest.fixture(scope="module", params=["flask", "musl"])
def slim(
    request: pytest.FixtureRequest,
    engine: docker.DockerClient,
    sample: Callable[[str], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[str, BuildOutput]]:
    """The tag of a slim image of Debian's packages, and of one of Alpine's, each with its output."""
    name, out = str(request.param), tmp_path_factory.mktemp("package-data") / "out"
    tag = built(
        sample(name), "--tag", f"{OWN}-package-data:{name}", "--out", out, *samples.build_arguments(name), timeout=600
    )
    yield tag, BuildOutput(out)
    engine.images.remove(tag, force=True)


def test_a_scanner_finds_the_packages_with_files_and_no_others(slim: tuple[str, BuildOutput]) -> None:
    tag, output = slim
    found, expected = syft.names(syft.scan(tag)), syft.in_use(output)
    syft.check_packages(tag, output.folder)
    assert found.get("python", set()) == {name.lower() for name in expected.get("python", ())}


def test_the_data_is_small_declared_and_explained(slim: tuple[str, BuildOutput]) -> None:
    _, output = slim
    added = {path: line for path, line in output.lines.items() if line.added}
    total = sum(line.size or 0 for line in output.lines.values())
    assert 0 < sum(line.size or 0 for line in added.values()) < max(SMALL_SHARE * total, SMALL_SIZE)
    path = next(path for path, line in added.items() if line.kind == "file")
    told = slimmer("explain", output.folder, path)
    assert told.returncode == 0 and "package-data" in told.stdout, told.stderr
    assert "package-data" in slimmer("explain", output.folder, "--why-size", "--top", "50").stdout


@pytest.mark.parametrize("slim", ["musl"], indirect=True)
def test_the_data_is_no_difference_between_the_images(slim: tuple[str, BuildOutput]) -> None:
    tag, output = slim
    name = output.report.target.name
    done = slimmer("verify", name, tag, "--no-crawl")
    assert done.returncode == 0, done.stdout + done.stderr
    done = slimmer("compare", name, tag, "--fail-on", "new-file")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("slim", ["musl"], indirect=True)
def test_data_of_somebody_else_is_a_difference(
    slim: tuple[str, BuildOutput], engine: docker.DockerClient, tmp_path: Path
) -> None:
    tag, output = slim
    path = next(path for path, line in output.lines.items() if line.added and line.kind == "file")
    (tmp_path / "forged").write_text("Package: forged\n")
    (tmp_path / "Dockerfile").write_text(f"FROM {tag}\nCOPY forged {path}\n")
    engine.images.build(path=str(tmp_path), rm=True, forcerm=True, tag=f"{OWN}-package-data:forged")
    try:
        done = slimmer("verify", output.report.target.name, f"{OWN}-package-data:forged", "--no-crawl")
    finally:
        engine.images.remove(f"{OWN}-package-data:forged", force=True)
    assert done.returncode == 8 and posixpath.basename(path) in done.stdout + done.stderr


def kept_by(*options: str | Path, sample: str, tmp_path: Path) -> Mapping[str, Any]:
    """The manifest of a build without a verification."""
    out = tmp_path / "out"
    tag = built(sample, "--tag", f"{OWN}-package-data:none", "--out", out, "--no-verify", *options)
    docker.from_env().images.remove(tag, force=True)
    return BuildOutput(out).lines


def test_the_user_may_not_want_it(sample: Callable[[str], str], tmp_path: Path) -> None:
    lines = kept_by("--no-package-data", "--no-crawl", sample=sample("musl"), tmp_path=tmp_path)
    assert not any(line.added for line in lines.values())
    assert "/lib/apk/db/installed" not in lines


def test_a_database_that_the_app_reads_stays_as_it_is(sample: Callable[[str], str], tmp_path: Path) -> None:
    lines = kept_by("--exec", "dpkg-query --show libc6", "--no-crawl", sample=sample("flask"), tmp_path=tmp_path)
    assert "/var/lib/dpkg/status" in lines
    assert not any(line.added for line in lines.values())
