"""A scanner finds the packages of a slim image: those of which it has files, and no others. Seen by a real one, Syft."""

from __future__ import annotations

import hashlib
import posixpath
import tarfile
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


@pytest.mark.parametrize("slim", ["flask"], indirect=True)
def test_the_sums_are_those_of_the_files(slim: tuple[str, BuildOutput]) -> None:
    check_sums(slim[1].folder, least=100)


def test_a_diverted_file_is_listed_where_it_is(engine: docker.DockerClient, tmp_path: Path) -> None:
    """dpkg-divert has moved a file of coreutils, and another file has its place."""
    image, place = f"{OWN}-package-data:diverted", "/usr/bin/env"
    (tmp_path / "Dockerfile").write_text(
        f"FROM debian:bookworm-slim\nRUN dpkg-divert --package other --divert {place}.real --rename {place}"
        f' && echo other > {place}\nCMD ["{place}.real", "cat", "{place}"]\n'
    )
    engine.images.build(path=str(tmp_path), rm=True, forcerm=True, tag=image, network_mode="none")
    try:
        built(image, "--tag", f"{image}-slim", "--out", tmp_path / "out", "--margin", "0", "--no-http")
        sums = check_sums(tmp_path / "out", least=10)
    finally:
        for tag in (f"{image}-slim", image):
            if engine.images.list(tag):
                engine.images.remove(tag, force=True)
    assert f"{place}.real" in sums and place not in sums


def check_sums(folder: Path, least: int) -> set[str]:
    """Fail unless every sum that the data has is that of the file in the slim image. Returns their paths: so many at least."""
    listed: dict[str, str] = {}
    with tarfile.open(folder / "rootfs.tar") as tar:
        names = {f"/{member.name}": member for member in tar.getmembers()}
        for name in names:
            if name.endswith(".md5sums") and (file := tar.extractfile(names[name])) is not None:
                for line in file.read().decode().splitlines():
                    wanted, _, path = line.partition("  ")
                    listed[f"/{path}"] = wanted
        for path, wanted in listed.items():
            found = tar.extractfile(names.get(path) or names[f"/usr{path}"])
            assert found is not None and hashlib.md5(found.read(), usedforsecurity=False).hexdigest() == wanted, path
    assert len(listed) >= least
    return set(listed)


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
