"""Honest failures: each has its exit code and a hint, changes no tag, and leaves nothing behind."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import docker
import pytest

from tests.engine.command import slimmer
from tests.engine.gateway import Gateway
from tests.engine.integration_app import IMAGE, SLIM
from tests.engine.names import OWN
from tests.engine.starter import starter

LAST_WORDS = "the last words of this app"


@pytest.fixture(autouse=True)
def nothing_stays(road: str, leftovers: None) -> None:
    """Nothing may be left of any failure."""


def failed(code: int, *arguments: str | Path, cwd: Path | None = None) -> str:
    """`slimmer build` must fail so, with a hint and without a traceback or anything on stdout; returns its words."""
    result = slimmer("build", *arguments, cwd=cwd)
    assert result.returncode == code, (arguments, result.stderr)
    assert result.stdout == ""
    assert "error: " in result.stderr
    assert "hint: " in result.stderr
    assert "Traceback" not in result.stderr
    return result.stderr


# ---------------------------------------------------------------------- what is wrong before anything runs


def test_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    assert "DOCKER_HOST" in failed(4, IMAGE, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_no_such_image_names_what_is_near(engine: docker.DockerClient, tmp_path: Path) -> None:
    assert f"Did you mean {OWN}-road" in failed(3, f"{OWN}-raod", "--out", tmp_path / "out")
    failed(3, f"{OWN}-road:no-such-tag", "--out", tmp_path / "out")
    engine.api.tag(IMAGE, f"{OWN}-tagged", "v1")
    try:
        assert f"Did you mean {OWN}-tagged:v1" in failed(3, f"{OWN}-tagged", "--out", tmp_path / "out")
    finally:
        engine.images.remove(f"{OWN}-tagged:v1")
    failed(3, "sha256:" + "0" * 64, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


WRONG = [
    ("a\0b",), ("UPPER/case",), ("",), ("x" * 5000,), ("--unknown",), ("@sha256:12",), ("..",), ("a:b:c:d",), ("\udcff",),
    (IMAGE, "--tag", "not a tag"), (IMAGE, "--tag", "x" * 300), (IMAGE, "--tag", IMAGE + "@sha256:" + "0" * 64),
    (IMAGE, "--policy", "greedy"), (IMAGE, "--builder", "kaniko"), (IMAGE, "--recorder", "tape"), (IMAGE, "--format", "xml"),
    (IMAGE, "--until", "tomorrow"), (IMAGE, "--until", "1e999"), (IMAGE, "--until", "enter"), (IMAGE, "--until", "9" * 400),
    (IMAGE, "--port", "0"), (IMAGE, "--port", "99999999999999999999"), (IMAGE, "--port", "http"),
    (IMAGE, "--ready-timeout", "-1"), (IMAGE, "--ready-timeout", "nan"), (IMAGE, "--ready-timeout", "9" * 400),
    (IMAGE, "--shm-size", "big"), (IMAGE, "--shm-size", "9" * 400 + "g"), (IMAGE, "--memory", "9" * 30),
    (IMAGE, "--ulimit", "nofile"), (IMAGE, "--ulimit", "nofile=1:2:3"), (IMAGE, "--ulimit", "nofile=" + "9" * 30),
    (IMAGE, "--tmpfs", "relative"), (IMAGE, "--volume", "a:b"), (IMAGE, "--volume", "a:b:c:d"), (IMAGE, "--volume", "/:/x"),
    (IMAGE, "--env", "=x"), (IMAGE, "--env-file", "/nowhere"), (IMAGE, "--env-file", "/"), (IMAGE, "--sysctl", "x"),
    (IMAGE, "--cmd", '["unclosed'), (IMAGE, "--cmd", "'unclosed"), (IMAGE, "--cmd", "[1]"), (IMAGE, "--cmd", "[" * 50_000),
    (IMAGE, "--probe", ""), (IMAGE, "--probe", "GET no-slash"), (IMAGE, "--exec", " "), (IMAGE, "--gpus", "some"),
    (IMAGE, "--security-opt", "seccomp=/nowhere"), (IMAGE, "--probe-file", "/nowhere"), (IMAGE, "--probe-file", "/"),
    (IMAGE, "--no-http", "--probe", "/"), (IMAGE, "--env", "A=b\0c"), (IMAGE, "--hostname", "x" * 500),
    (IMAGE, "--platform", "not/a/real/platform/at/all"), (IMAGE, "--group-add", "no-such-group"), (IMAGE, "--pid", "nonsense"),
]  # fmt: skip


def test_nonsense_is_refused_in_words(tmp_path: Path) -> None:
    """The words hold a NUL, too, with which no program can be started. So they are the starter's."""
    faults = []
    for arguments in WRONG:
        result = starter().run(["build", *arguments, "--out", str(tmp_path / "out")], tmp_path, 300)
        fine = result.returncode in (2, 3, 4, 5) and "error: " in result.stderr and "hint: " in result.stderr
        if not fine or "Traceback" in result.stderr or result.stdout:
            said = f"{result.stdout[-500:]}{result.stderr[-1000:]}"
            faults.append(f"{ascii(arguments)[:100]}: exit code {result.returncode}\n{said}")
    assert not faults, "\n".join(faults)
    assert not (tmp_path / "out").exists()


WRONG_OPTIONS = {
    2: [("--cap-add", "NO_SUCH"), ("--add-host", "x"), ("--workdir", "relative"), ("--entrypoint", ""), ("--ipc", "nonsense")],
    5: [("--user", "no-such-user"), ("--network", "no-such-network"), ("--device", "/dev/no-such-device"), ("--user", "7:no")],
}  # fmt: skip


@pytest.mark.parametrize("code", WRONG_OPTIONS)
def test_options_that_docker_run_refuses_are_the_users_to_mend(code: int, tmp_path: Path) -> None:
    for option in WRONG_OPTIONS[code]:
        said = failed(code, IMAGE, "--out", tmp_path / "out", *option)
        assert "slimmer doctor" not in said


def test_an_unwritable_output_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    failed(10, IMAGE, "--out", tmp_path / "file")
    failed(10, IMAGE, "--out", tmp_path / "file/below")
    failed(10, IMAGE, "--out", "/proc/nowhere")
    assert (tmp_path / "file").read_text() == "not a folder"


def test_a_folder_with_a_users_own_files_is_not_emptied(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("years of work")
    slimmer("build", IMAGE, "--out", out, "--tag", SLIM, "--probe", "/status/500")
    assert (out / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize(
    "text",
    ["requests: 3", "- {path: 5}", "requests: [{path: /, expect: {status: many}}]", "\t:", "", "requests: [{paht: /}]"],
)
def test_a_bad_probe_file_is_named_with_its_fault(text: str, tmp_path: Path) -> None:
    file = tmp_path / "my-probes.yaml"
    file.write_text(text)
    assert "my-probes.yaml" in failed(2, IMAGE, "--out", tmp_path / "out", "--probe-file", file)


# ---------------------------------------------------------------------- what the app does


def test_an_app_that_exits_shows_its_last_words(tmp_path: Path) -> None:
    said = failed(5, IMAGE, "--out", tmp_path / "out", "--cmd", "--exit 3")
    assert "code 3" in said
    assert LAST_WORDS in said
    assert not (tmp_path / "out").exists()


def test_an_app_that_crashes_while_it_is_asked_shows_its_last_words(tmp_path: Path) -> None:
    said = failed(5, IMAGE, "--out", tmp_path / "out", "--probe", "/crash")
    assert LAST_WORDS in said
    assert "code 134" in said or "code 139" in said


def test_a_command_that_is_not_there(tmp_path: Path) -> None:
    assert "/no/such/program" in failed(5, IMAGE, "--out", tmp_path / "out", "--entrypoint", "/no/such/program")
    failed(5, IMAGE, "--out", tmp_path / "out", "--entrypoint", "/etc/passwd")


def test_an_app_that_never_gets_ready(tmp_path: Path) -> None:
    said = failed(5, IMAGE, "--out", tmp_path / "out", "--cmd", "--silent", "--ready-timeout", "1")
    assert "not ready within 1 s" in said
    assert "--ready-timeout" in said


def test_a_port_that_nobody_opens(tmp_path: Path) -> None:
    said = failed(5, IMAGE, "--out", tmp_path / "out", "--port", "9999", "--ready-timeout", "1")
    assert "9999" in said
    assert "8080" in said


def test_answers_that_are_failures(tmp_path: Path) -> None:
    probes = tmp_path / "probes.yaml"
    requests = [
        {"path": "/status/500"}, {"path": "/status/404"}, {"path": "/status/418", "expect": {"status": 200}},
        {"path": "/", "expect": {"contains": "no such words"}}, {"path": "/", "expect": {"content_type": "image/png"}},
        {"path": "/", "expect": {"status": 200, "contains": "hello", "content_type": "text/plain"}},
    ]  # fmt: skip
    probes.write_text(json.dumps({"requests": requests}))
    said = failed(6, IMAGE, "--out", tmp_path / "out", "--probe-file", probes)
    for words in (
        "/status/500 on port 8080: answered 500",
        "answered 418, not 200",
        "no such words",
        "not image/png",
        "4 problems",
    ):
        assert words in said
    assert "404" not in said


def test_no_answer_at_all(tmp_path: Path) -> None:
    said = failed(6, IMAGE, "--out", tmp_path / "out", "--probe", "/hang", "--request-timeout", "1")
    assert "/hang on port 8080" in said


def test_an_app_that_is_never_well(tmp_path: Path) -> None:
    options = ("--cmd", "--refuse", "--ready-timeout", "2", "--probe", "/")
    assert "answered 503" in failed(6, IMAGE, "--out", tmp_path / "out", *options)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--exec", "/bin/road --exit 7"), ("code 7", LAST_WORDS)),
        (("--exec", "/no/such/program"), ("code 127",)),
        (("--exercise", "echo words of the test; exit 9"), ("code 9", "words of the test")),
    ],
    ids=["exec", "exec-missing", "exercise"],
)
def test_a_command_that_fails(arguments: Sequence[str], words: Sequence[str], tmp_path: Path) -> None:
    said = failed(6, IMAGE, "--out", tmp_path / "out", *arguments)
    for word in words:
        assert word in said


# ---------------------------------------------------------------------- what slimmer itself must not get wrong


def test_a_probe_that_is_killed_is_no_complete_observation(engine: docker.DockerClient, tmp_path: Path) -> None:
    """Whoever kills the supervisor (the kernel, out of memory) makes the run incomplete, and the app does not go on."""
    kill = (
        """docker top "$SLIMMER_CONTAINER" -eo pid,args | awk '/slimmer-probe supervise/ {print $1}' | xargs kill -9"""
    )
    failed(7, IMAGE, "--out", tmp_path / "out", "--exercise", kill)


@pytest.fixture
def tagged(engine: docker.DockerClient) -> Iterator[str]:
    """An image that has the slim image's name already; its ID."""
    image = engine.images.get(IMAGE)
    image.tag(SLIM)
    yield str(image.id)
    engine.images.remove(SLIM)


def test_a_tag_that_exists_stays_where_it_was_when_a_build_fails(
    engine: docker.DockerClient, tagged: str, tmp_path: Path
) -> None:
    failed(6, IMAGE, "--tag", SLIM, "--out", tmp_path / "out", "--probe", "/status/500")
    assert engine.images.get(SLIM).id == tagged


def test_a_slim_image_that_answers_otherwise_is_not_tagged(
    engine: docker.DockerClient, tagged: str, tmp_path: Path
) -> None:
    """What the runs share makes the app look for another file in the second one: one that was not seen in the first."""
    (tmp_path / "shared").mkdir()
    share = ("--share-mounts", "-v", f"{tmp_path}/shared:/shared")
    exact = ("--repair", "0", "--margin", "0")
    said = failed(8, IMAGE, "--tag", SLIM, "--out", tmp_path / "out", *share, "--probe", "/first", *exact)
    assert "/first" in said
    assert "404" in said
    assert engine.images.get(SLIM).id == tagged
    report = json.loads((tmp_path / "out/report.json").read_text())
    assert (report["slim"]["tag"], report["verification"]["verified"]) == ("", False)
    assert "# NOT VERIFIED: " in (tmp_path / "out/Dockerfile").read_text()
    assert [(d["what"], d["expected"], d["actual"]) for d in report["verification"]["differences"]] == [
        ("status", "200", "404")
    ]


def test_an_engine_that_is_lost_half_way_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine is real; the way to it is cut, as by a network, by the user's own exercise."""
    with Gateway(tmp_path / "gateway.sock") as gateway:
        monkeypatch.setenv("DOCKER_HOST", f"unix://{gateway.path}")
        said = failed(
            4, IMAGE, "--out", tmp_path / "out", "--exercise", f"rm {gateway.path}; kill -9 {gateway.process.pid}"
        )
    assert "engine" in said
    monkeypatch.undo()
    assert slimmer("clean").returncode == 0


@pytest.mark.parametrize("words", ["✓ observe", "✓ keep"])
def test_an_engine_that_is_lost_between_two_stages_is_told(
    words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the image's files are read, and while the slim image is built."""
    with Gateway(tmp_path / "gateway.sock") as gateway:
        monkeypatch.setenv("DOCKER_HOST", f"unix://{gateway.path}")
        command = [sys.executable, "-u", "-m", "slimmer", "build", IMAGE, "--out", str(tmp_path / "out")]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as build:
            assert build.stderr is not None
            said = "".join(itertools.takewhile(lambda line: not line.startswith(words), build.stderr))
            gateway.path.unlink()
            gateway.process.kill()
            out, rest = build.communicate(timeout=60)
    assert (build.returncode, out) == (4, ""), said + rest
    assert "error: " in rest
    assert "hint: " in rest
    monkeypatch.undo()
    assert slimmer("clean").returncode == 0
