"""`slimmer build` as a user runs it: each sample app, the names and files that it makes, and what it prints."""

from __future__ import annotations

import json
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest
import zstandard

from slimmer.version import __version__
from tests.engine import cli_runner, samples, syft
from tests.engine.command import built, slimmer
from tests.engine.export import content_size
from tests.engine.integration_app import IMAGE, SLIM, UNSEEN
from tests.engine.names import OWN
from tests.engine.origin import configuration, origin
from tests.schemas import misfits

ARTIFACTS = {
    "Dockerfile",
    "rootfs.tar",
    "manifest.jsonl",
    "access.json",
    "tree.json.zst",
    "packages.json.zst",
    "report.json",
    "sbom.cdx.json",
    "sbom.spdx.json",
}
CONFIGURATION = ["Entrypoint", "Cmd", "Env", "ExposedPorts", "User", "WorkingDir", "Labels", "Volumes"]


@dataclass(frozen=True)
class Made:
    """A build that ended well: the program's words, and where it ran (the output folder is below)."""

    result: subprocess.CompletedProcess[str]
    folder: Path

    @property
    def out(self) -> Path:
        return self.folder / "slimmer-out" / f"{OWN}-road"


@pytest.fixture(scope="module")
def made(road: str, engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """The road image, built with no option at all."""
    folder = tmp_path_factory.mktemp("plain")
    result = slimmer("build", road, cwd=folder)
    assert result.returncode == 0, result.stderr
    yield Made(result, folder)
    engine.images.remove(SLIM, force=True)


@pytest.mark.parametrize("name", samples.NAMES)
def test_a_slim_sample_does_what_the_sample_does_and_has_its_packages(
    name: str, sample: Callable[[str], str], engine: docker.DockerClient, tmp_path: Path, leftovers: None
) -> None:
    original, tag = sample(name), f"{OWN}-{name}:slim"
    try:
        assert built(original, "--tag", tag, "--out", tmp_path / "out", *samples.build_arguments(name)) == tag
        cli_runner.check_image(engine, name, tag)
        syft.check_packages(tag, tmp_path / "out")
        if name in samples.GREETING:
            check_greeting(engine, name, tag)
        before, after = (engine.api.inspect_image(image) for image in (original, tag))
        assert after["Size"] <= before["Size"]
        assert configuration(after, CONFIGURATION) == configuration(before, CONFIGURATION)
        assert origin(after) == {"io.slimmer.version": __version__, "io.slimmer.original.id": before["Id"]}
    finally:
        engine.images.remove(tag, force=True)


def check_greeting(engine: docker.DockerClient, name: str, image: str) -> None:
    """What is rendered at the start obeys its variable still, though it was observed with another value."""
    variable, path, words = samples.GREETING[name]
    with cli_runner.running(engine, image, environment=[variable]) as container:
        answer = cli_runner.ask(container, cli_runner.address(container), {"method": "GET", "path": path})
    assert words in answer.text


def test_the_default_tag_of_latest_is_slim_and_stdout_is_only_the_tag(made: Made, engine: docker.DockerClient) -> None:
    assert made.result.stdout == f"{SLIM}\n"
    assert engine.images.get(SLIM).attrs["Size"] < engine.images.get(IMAGE).attrs["Size"] - UNSEEN / 2


def test_progress_and_table_are_plain_in_a_pipe(made: Made) -> None:
    assert "\x1b" not in made.result.stderr
    for word in ("observe", "keep", "rebuild", "verify", "smaller", "before", "after", IMAGE):
        assert word in made.result.stderr
    assert "Traceback" not in made.result.stderr


def test_the_folder_holds_every_artefact_and_nothing_else(made: Made) -> None:
    assert {path.name for path in made.out.iterdir()} == ARTIFACTS


def test_every_document_fits_its_schema(made: Made) -> None:
    for name in ("access", "report"):
        assert misfits(name, json.loads((made.out / f"{name}.json").read_text())) == []
    for name in ("tree", "packages"):
        with zstandard.open(made.out / f"{name}.json.zst", "rt", encoding="ascii") as file:
            assert misfits(name, json.loads(file.read())) == []
    lines = [json.loads(line) for line in (made.out / "manifest.jsonl").read_text().splitlines()]
    assert [found for line in lines for found in misfits("manifest", line)] == []
    heads = [{"format", "version", "image"} <= set(line) for line in lines]
    assert heads == [True, *[False] * (len(lines) - 1)]


def test_the_sizes_are_those_of_the_files(made: Made, engine: docker.DockerClient) -> None:
    report = json.loads((made.out / "report.json").read_text())
    own = 1000  # the bytes of /etc/hostname and the like, which the engine makes in each container
    for side, image in (("target", IMAGE), ("slim", SLIM)):
        assert 0 <= report[side]["size"] - content_size(engine, image) < own


def test_the_report_says_what_docker_says(made: Made, engine: docker.DockerClient) -> None:
    report = json.loads((made.out / "report.json").read_text())
    before, after = engine.api.inspect_image(IMAGE), engine.api.inspect_image(SLIM)
    assert report["target"]["id"] == before["Id"]
    assert (report["slim"]["id"], report["slim"]["tag"]) == (after["Id"], SLIM)
    verification = report["verification"]
    assert (verification["verified"], verification["differences"], verification["missed"]) == (True, [], [])
    assert [stage["name"] for stage in report["stages"]] == ["start", "observe", "keep", "rebuild", "verify", "write"]
    assert [(answer["path"], answer["status"]) for answer in report["exercise"]["requests"]] == [("/", 200)]
    assert report["observation"]["listeners"] == [{"address": "0.0.0.0", "port": 8080, "protocol": "tcp"}]


def test_the_manifest_lists_what_the_archive_holds_with_reasons(made: Made) -> None:
    lines = [json.loads(line) for line in (made.out / "manifest.jsonl").read_text().splitlines()[1:]]
    entries = [line for line in lines if "path" in line]
    with tarfile.open(made.out / "rootfs.tar") as tar:
        assert {entry["path"].strip("/") for entry in entries} == {name.strip("./") for name in tar.getnames()}
    assert all(entry["reasons"] for entry in entries)
    assert "/bin/road" in {entry["path"] for entry in entries}


def test_docker_build_on_the_folder_gives_the_same_image(made: Made, engine: docker.DockerClient) -> None:
    again = f"{OWN}-road:again"
    engine.images.build(path=str(made.out), tag=again, rm=True, nocache=True)
    try:
        first, second = (engine.api.inspect_image(image) for image in (SLIM, again))
        assert second["RootFS"] == first["RootFS"]
        assert {key: second["Config"].get(key) for key in CONFIGURATION} == {
            key: first["Config"].get(key) for key in CONFIGURATION
        }
    finally:
        engine.images.remove(again, force=True)


def test_both_builders_and_every_recorder_keep_the_same(
    road: str, made: Made, engine: docker.DockerClient, tmp_path: Path
) -> None:
    """The layer of a load has nanoseconds that docker build's has not, so paths and contents are compared."""
    for option in (
        ("--builder", "load"),
        ("--recorder", "ptrace"),
        ("--recorder", "notify"),
        ("--recorder", "fanotify"),
    ):
        out, tag = tmp_path / option[1], f"{OWN}-road:{option[1]}"
        try:
            assert built(road, "--tag", tag, "--out", out, *option, "--no-verify") == tag
            assert contents(out) == contents(made.out), option
        finally:
            engine.images.remove(tag, force=True)
        report = json.loads((out / "report.json").read_text())
        active = [recorder["name"] for recorder in report["observation"]["recorders"] if recorder["active"]]
        assert option[0] == "--builder" or option[1] in active
        assert report["builder"]["name"] == (option[1] if option[0] == "--builder" else "dockerfile")


def contents(out: Path) -> dict[str, Any]:
    """Of a build: each kept path with all that is known of it but the reasons."""
    lines = [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()[1:]]
    return {line["path"]: {**line, "reasons": None} for line in lines if "path" in line}


def test_a_loaded_image_is_the_same_every_time(road: str, engine: docker.DockerClient, tmp_path: Path) -> None:
    identifiers = set()
    for number in (1, 2):
        tag = f"{OWN}-road:same-{number}"
        try:
            built(road, "--tag", tag, "--out", tmp_path / str(number), "--builder", "load", "--no-verify")
            identifiers.add(engine.images.get(tag).id)
        finally:
            engine.images.remove(tag, force=True)
    assert len(identifiers) == 1


def test_json_is_alone_on_stdout_and_quiet_says_nothing(road: str, engine: docker.DockerClient, tmp_path: Path) -> None:
    tag = "registry.example:5000/team/road:1.4-slim"
    engine.images.get(road).tag("registry.example:5000/team/road", "1.4")
    target = engine.images.get(road).id.partition(":")[2][:20]
    try:
        result = slimmer(
            "build", "registry.example:5000/team/road:1.4", "--format", "json", "--no-verify", cwd=tmp_path
        )
        assert (result.returncode, json.loads(result.stdout)["slim"]["tag"]) == (0, tag)
        assert not json.loads(result.stdout)["verification"]["verified"]
        by_id = slimmer("build", target, "--quiet", "--tag", tag, "--out", "here", "--no-verify", cwd=tmp_path)
        assert (by_id.stdout, by_id.stderr, by_id.returncode) == (f"{tag}\n", "", 0)
        assert {path.name for path in (tmp_path / "here").iterdir()} == ARTIFACTS
    finally:
        engine.images.remove("registry.example:5000/team/road:1.4")
        engine.images.remove(tag, force=True)
