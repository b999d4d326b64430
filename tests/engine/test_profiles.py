"""Security profiles of a slim image: it runs under them, and what it never did is refused."""

from __future__ import annotations

import errno
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.engine.command import slimmer
from tests.engine.names import OWN
from tests.engine.probe.image import Archive

SOURCE = Path(__file__).parent / "images/restricted.c"
IMAGE, SLIM = f"{OWN}-restricted:latest", f"{OWN}-restricted:slim"
ODD = '/srv/odd "} \n/** rwklmx,'


@pytest.fixture(scope="module")
def image(engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app, with a file whose name would end a rule of AppArmor."""
    program = tmp_path_factory.mktemp("restricted") / "app"
    subprocess.run(["gcc", "-O1", "-Wall", "-Wextra", "-Werror", "-static", "-o", program, SOURCE], check=True)
    archive = Archive()
    archive.file("/app", program.read_bytes(), mode=0o755)
    archive.file("/srv/message", b"hello\n")
    archive.file(ODD)
    engine.api.import_image_from_data(archive.content(), repository=IMAGE, changes=['ENTRYPOINT ["/app"]'])
    yield IMAGE
    engine.images.remove(IMAGE, force=True)


@pytest.fixture
def tidy(engine: docker.DockerClient, leftovers: None) -> Iterator[None]:
    """Remove the slim image, before the engine is searched for leftovers."""
    yield
    if engine.images.list(SLIM):
        engine.images.remove(SLIM, force=True)


def build(folder: Path, *options: str | Path) -> subprocess.CompletedProcess[str]:
    """Build the slim image, with profiles."""
    return slimmer("build", IMAGE, "--no-http", "--out", folder, *options)


def errors(engine: docker.DockerClient, profile: Path | None) -> dict[str, int]:
    """The error of each call that the slim image's app tries under a profile, or under the engine's own one."""
    options: dict[str, Any] = {"security_opt": [f"seccomp={profile.read_text()}"]} if profile else {}
    said = engine.containers.run(SLIM, ["refused"], remove=True, **options).decode()
    return {name: int(error) for name, _, error in (line.partition(" ") for line in said.splitlines()[1:])}


@pytest.mark.parametrize("level", ["strict", "recommended"])
def test_the_slim_image_runs_under_its_profile_and_unused_calls_are_refused(
    image: str, level: str, engine: docker.DockerClient, tmp_path: Path, tidy: None
) -> None:
    result = build(tmp_path / "out", "--seccomp", level, "--include", "/srv/odd*")
    assert result.returncode == 0, result.stderr
    assert f"docker run --security-opt seccomp={tmp_path / 'out/seccomp.json'} {SLIM}" in result.stderr
    natural, restricted = errors(engine, None), errors(engine, tmp_path / "out/seccomp.json")
    assert natural["ptrace"] == errno.ESRCH
    assert restricted == dict.fromkeys(("ptrace", "mount", "kexec_load", "bpf"), errno.EPERM) | {"sched_yield": 0}
    report = json.loads((tmp_path / "out/report.json").read_text())["seccomp"]
    assert (report["level"], report["problem"]) == (level, "")
    assert {"bpf", "kexec_load", "mount", "ptrace"} <= set(report["refused"])
    assert report["allowed"] < report["default"]


def test_the_apparmor_profile_is_valid_whatever_the_names_are(image: str, tmp_path: Path, tidy: None) -> None:
    result = build(tmp_path / "out", "--seccomp", "strict", "--include", "/srv/odd*")
    assert result.returncode == 0, result.stderr
    text = (tmp_path / "out/apparmor.profile").read_text()
    assert '"/app" mrix,' in text
    assert text.count('"/** ') == 0
    if (parser := shutil.which("apparmor_parser")) is None:
        pytest.skip("apparmor_parser is not installed")
    checked = subprocess.run([parser, "-QT", tmp_path / "out/apparmor.profile"], capture_output=True, check=False)
    assert checked.returncode == 0, checked.stderr


def test_a_profile_that_the_image_fails_under_is_not_written(
    image: str, engine: docker.DockerClient, tmp_path: Path, tidy: None
) -> None:
    """The app makes a call only where it is not watched. The image itself is good, and gets its tag."""
    out = tmp_path / "out"
    assert build(out, "--seccomp", "strict").returncode == 0
    engine.images.remove(SLIM, force=True)
    result = build(out, "--seccomp", "strict", "--cmd", "secretive")
    assert result.returncode == 8, result.stderr
    assert "fails under its seccomp profile" in result.stderr
    assert "exit code is 3, not 0" in result.stderr
    assert "It works if munlockall is allowed" in result.stderr
    assert not {"seccomp.json", "apparmor.profile"} & {path.name for path in out.iterdir()}
    assert json.loads((out / "report.json").read_text())["seccomp"]["problem"]
    assert engine.containers.run(SLIM, ["secretive"], remove=True).decode() == "hello\n"


def test_without_the_system_calls_there_is_no_profile(image: str, tmp_path: Path, tidy: None) -> None:
    assert slimmer("observe", IMAGE, "--no-http", "--out", tmp_path / "access.json").returncode == 0
    document = json.loads((tmp_path / "access.json").read_text())
    document["recorders"] = [one for one in document["recorders"] if one["name"] != "bpf"]
    del document["system_calls"]
    (tmp_path / "old.json").write_text(json.dumps(document | {"version": "1.2"}))
    result = build(tmp_path / "out", "--seccomp", "strict", "--no-observe", "--access", tmp_path / "old.json")
    assert result.returncode == 4, result.stderr
    assert "no seccomp profile can be made" in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--seccomp", "lax"), "strict, recommended"),
        (("--seccomp", "strict", "--no-verify"), "--no-verify"),
        (("--seccomp", "strict", "--security-opt", "seccomp=unconfined"), "seccomp=unconfined"),
    ],
)
def test_options_that_leave_no_way_to_make_a_profile_are_refused(
    options: tuple[str, ...], words: str, tmp_path: Path
) -> None:
    result = build(tmp_path / "out", *options)
    assert result.returncode == 2
    assert words in result.stderr
