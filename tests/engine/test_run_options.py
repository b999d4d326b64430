"""Every option of how to run the app: the watched original and the slim image run as `docker run` runs it with them.

The app itself says how it is run (images/road). Docker is the judge: what the original says in a container of docker's own
with the same options is what it must say under the probe, and what the slim image must say.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.engine import cli_runner
from tests.engine.command import built, slimmer
from tests.engine.integration_app import PORT, compile_road, fetching
from tests.engine.names import OWN

SLIM = f"{OWN}-road:options"
STOP_TIMEOUT = 10.0
MEGABYTE = 1 << 20
SECRET = "correct-horse-battery-staple"


@pytest.fixture(autouse=True)
def nothing_stays(road: str, engine: docker.DockerClient, leftovers: None) -> Iterator[None]:
    """The slim image is removed; nothing else may be left."""
    yield
    remove_slim(engine)


def remove_slim(engine: docker.DockerClient) -> None:
    """Remove the slim image: before a next one takes its tag, and it would stay without a name."""
    if engine.images.list(SLIM):
        engine.images.remove(SLIM, force=True)


def said(road: str, folder: Path, options: Sequence[str | Path], *paths: str) -> list[dict[str, str]]:
    """What the app answers when it is built with these options: watched, then in the slim image by itself, then watched."""
    heard = folder / "heard"
    built(road, "--tag", SLIM, "--out", folder / "out", *options, "--exercise", fetching(heard, *paths))
    return [json.loads(line) for line in heard.read_text().splitlines()]


def natively(engine: docker.DockerClient, image: str, path: str, **options: Any) -> str:
    """What the app answers when docker runs the image with these options."""
    with cli_runner.running(engine, image, **options) as container:
        container.reload()
        networks = container.attrs["NetworkSettings"]["Networks"].values()
        host = next(network["IPAddress"] for network in networks)
        return cli_runner.ask(container, f"http://{host}:{PORT}", {"method": "GET", "path": path}).text


def test_users_limits_and_mounts_are_as_docker_runs_it(road: str, engine: docker.DockerClient, tmp_path: Path) -> None:
    options = [
        "--user", "1234:2345", "--group-add", "77", "--cap-add", "NET_ADMIN", "--cap-drop", "CHOWN", "--hostname", "road-host",
        "--security-opt", "no-new-privileges", "--workdir", "/work", "--read-only", "--tmpfs", "/scratch:size=1m",
        "--shm-size", "3m", "--ulimit", "nofile=100:200", "--memory", "256m",
    ]  # fmt: skip
    expected = natively(
        engine, road, "/self", user="1234:2345", group_add=["77"], cap_add=["NET_ADMIN"], cap_drop=["CHOWN"],
        hostname="road-host", security_opt=["no-new-privileges"], working_dir="/work", read_only=True,
        tmpfs={"/scratch": "size=1m"}, shm_size=3 * MEGABYTE, mem_limit="256m",
        ulimits=[docker.types.Ulimit(name="nofile", soft=100, hard=200)],
    )  # fmt: skip
    assert [answers["/self"] for answers in said(road, tmp_path, options, "/self")] == [expected] * 3
    for words in ("uid: 1234", "groups: 77", "hostname: road-host", "cwd: /work", "nofile: 100:200", "read-only"):
        assert words in expected


def test_root_with_added_capabilities_is_as_docker_runs_it(
    road: str, engine: docker.DockerClient, tmp_path: Path
) -> None:
    options = ["--cap-drop", "ALL", "--cap-add", "SYS_ADMIN", "--cap-add", "CAP_NET_RAW", "--hostname", "here"]
    expected = natively(engine, road, "/self", cap_drop=["ALL"], cap_add=["SYS_ADMIN", "CAP_NET_RAW"], hostname="here")
    assert [answers["/self"] for answers in said(road, tmp_path, options, "/self")] == [expected] * 3


def test_an_init_and_a_user_by_name_with_groups(road: str, engine: docker.DockerClient, tmp_path: Path) -> None:
    expected = natively(engine, road, "/self", init=True, user="app", hostname="here")
    heard = said(road, tmp_path, ["--init", "--user", "app", "--hostname", "here"], "/self")
    assert "groups: 1001 2002" in expected
    assert [without_pid(answers["/self"]) for answers in heard] == [without_pid(expected)] * 3
    assert engine.containers.run(SLIM, ["--exit", "0"], user="app", remove=True) == b""


def without_pid(text: str) -> list[str]:
    """The probe starts one process more below an init than docker does."""
    return [line for line in text.splitlines() if not line.startswith("pid:")]


def test_variables_reach_the_app_and_nothing_else(road: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSED_ON", SECRET + "-passed")
    monkeypatch.delenv("NOT_THERE", raising=False)
    file = tmp_path / "variables"
    file.write_text(f"# a comment\nFROM_FILE={SECRET}-file=x\nOVERRIDDEN=by the file\n\n")
    probes = tmp_path / "probes.yaml"
    request = {"method": "POST", "path": "/echo", "headers": {"Authorization": SECRET}, "body": SECRET}
    probes.write_text(json.dumps({"requests": [{**request, "expect": {"contains": SECRET}}]}))
    names = {
        "GIVEN": f"{SECRET} given",
        "FROM_FILE": f"{SECRET}-file=x",
        "OVERRIDDEN": "here",
        "PASSED_ON": SECRET + "-passed",
    }
    heard = tmp_path / "heard"
    result = slimmer(
        "build", road, "--tag", SLIM, "--out", tmp_path / "out", "--format", "json", "--probe-file", probes,
        "--env", f"GIVEN={SECRET} given", "--env-file", file, "-e", "OVERRIDDEN=here", "-e", "PASSED_ON", "-e", "NOT_THERE",
        "--exercise", fetching(heard, *(f"/env/{name}" for name in (*names, "NOT_THERE"))),
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    for line in heard.read_text().splitlines():
        assert json.loads(line) == {
            **{f"/env/{name}": value + "\n" for name, value in names.items()},
            "/env/NOT_THERE": "(not set)\n",
        }
    assert len(heard.read_text().splitlines()) == 3
    assert SECRET not in result.stdout + result.stderr
    for artifact in (tmp_path / "out").iterdir():
        assert SECRET.encode() not in artifact.read_bytes(), artifact.name


@pytest.mark.parametrize("failing", [("--probe", "/status/500"), ("--exec", "/nowhere"), ("--cmd", "--exit 3")])
def test_no_failure_tells_a_secret(road: str, failing: tuple[str, str], tmp_path: Path) -> None:
    probes = tmp_path / "probes.yaml"
    request = {"path": "/echo", "method": "POST", "headers": {"Authorization": SECRET}, "form": {"password": SECRET}}
    probes.write_text(json.dumps({"requests": [{**request, "expect": {"status": 201}}]}))
    result = slimmer(
        "build",
        road,
        "--tag",
        SLIM,
        "--out",
        tmp_path / "out",
        "--env",
        f"TOKEN={SECRET}",
        "--probe-file",
        probes,
        *failing,
    )
    assert result.returncode in (5, 6), result.stderr
    assert SECRET not in result.stdout + result.stderr
    assert "Traceback" not in result.stderr


def test_each_run_has_its_own_copy_of_a_named_volume(road: str, engine: docker.DockerClient, tmp_path: Path) -> None:
    volume = engine.volumes.create(f"{OWN}-road-volume")
    bound = tmp_path / "bound"
    bound.mkdir()
    (bound / "file").write_text("of the host\n")
    try:
        options = ["--volume", f"{volume.name}:/data", "--volume", f"{bound}:/bound:ro", "--volume", "/anonymous"]
        mounts = {volume.name: {"bind": "/data", "mode": "rw"}}
        assert natively(engine, road, "/append/data/log", volumes=mounts) == "/data/log has 4 lines\n"
        heard = said(road, tmp_path, options, "/append/data/log", "/file/bound/file", "/append/anonymous/log")
        assert (
            heard
            == [
                {
                    "/append/data/log": "/data/log has 5 lines\n",
                    "/file/bound/file": "of the host\n",
                    "/append/anonymous/log": "/anonymous/log has 1 lines\n",
                }
            ]
            * 3
        )
        assert natively(engine, road, "/file/data/log", volumes=mounts) == "line\n" * 4
    finally:
        volume.remove(force=True)


def test_a_shared_mount_is_refused_unless_it_is_allowed(road: str, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    refused = slimmer("build", road, "--volume", f"{shared}:/shared", "--out", tmp_path / "out")
    assert refused.returncode == 2
    assert "--share-mounts" in refused.stderr
    heard = said(road, tmp_path, ["--share-mounts", "--volume", f"{shared}:/shared"], "/append/shared/log")
    assert [answers["/append/shared/log"][-8:] for answers in heard] == ["1 lines\n", "2 lines\n", "3 lines\n"]
    assert (shared / "log").read_text() == "line\n" * 3


@contextmanager
def network(engine: docker.DockerClient, name: str) -> Iterator[str]:
    made = engine.networks.create(name)
    try:
        yield name
    finally:
        made.remove()


def test_networks_none_host_and_a_users_own(road: str, engine: docker.DockerClient, tmp_path: Path) -> None:
    with network(engine, f"{OWN}-road-network") as own:
        cases = [("none", "8080"), ("host", "18457"), (own, "8080")]
        for name, port in cases:
            folder = tmp_path / name
            folder.mkdir()
            built(
                road, "--tag", SLIM, "--out", folder / "out", "--network", name, "--cmd", f"--port {port}",
                "--probe", "/", "--port", port,
            )  # fmt: skip
            remove_slim(engine)
            report = json.loads((folder / "out/report.json").read_text())
            assert [(answer["port"], answer["status"]) for answer in report["exercise"]["requests"]] == [
                (int(port), 200)
            ]


def test_commands_that_end_and_workers_that_do_not(road: str, engine: docker.DockerClient, tmp_path: Path) -> None:
    def build(*options: str) -> dict[str, Any]:
        remove_slim(engine)
        assert built(road, "--tag", SLIM, "--out", tmp_path / "out", *options) == SLIM
        report: dict[str, Any] = json.loads((tmp_path / "out/report.json").read_text())["exercise"]
        return report

    assert build("--cmd", '["--exit", "0"]', "--until", "exit")["exit_code"] == 0
    assert "srv/page" not in kept(tmp_path)
    asked = build("--entrypoint", '["road", "--page", "/srv/page"]', "--probe", "GET /", "--probe", "/file/srv/first")
    assert [(answer["path"], answer["status"]) for answer in asked["requests"]] == [
        ("/", 200),
        ("/file/srv/first", 200),
    ]
    assert {"srv/page", "srv/first"} <= kept(tmp_path)
    config = engine.api.inspect_image(SLIM)["Config"]
    assert (config["Entrypoint"], config["Cmd"]) == (["/bin/road"], None)
    assert build("--cmd", "--silent", "--until", "1", "--ready-timeout", "1")["exit_code"] is None
    assert build("--no-http")["requests"] == []


def kept(folder: Path) -> set[str]:
    """Paths of the build's manifest, without the leading slash."""
    lines = [json.loads(line) for line in (folder / "out/manifest.jsonl").read_text().splitlines()[1:]]
    return {line["path"].strip("/") for line in lines if "path" in line}


def test_an_app_that_no_signal_reaches_is_not_waited_for(road: str, tmp_path: Path) -> None:
    """`docker stop` waits its 10 seconds for a PID 1 without a handler, though nothing can come of it."""
    built(road, "--tag", SLIM, "--out", tmp_path / "out", "--cmd", "--deaf")
    stages = json.loads((tmp_path / "out/report.json").read_text())["stages"]
    assert next(stage["seconds"] for stage in stages if stage["name"] == "observe") < STOP_TIMEOUT


def test_until_a_signal_the_user_exercises_the_app(road: str, tmp_path: Path) -> None:
    """The host command stands for the user: it asks for one more path, then gives the signal to slimmer, its parent.

    It does so again when it is run on the slim image: a signal that nobody waits for does no harm.
    """
    heard = tmp_path / "heard"
    command = f"{fetching(heard, '/file/srv/second')}; kill -USR1 $PPID"
    built(road, "--tag", SLIM, "--out", tmp_path / "out", "--until", "signal", "--exercise", command)
    assert "srv/second" in kept(tmp_path)


def test_a_tool_that_is_mounted_needs_nothing_of_the_image(road: str, tmp_path: Path) -> None:
    """An empty result is an error, not a triumph."""
    compile_road(tmp_path / "tool")
    result = slimmer(
        "build", road, "--tag", SLIM, "--out", tmp_path / "out", "--volume", f"{tmp_path}:/tools:ro",
        "--entrypoint", "/tools/tool", "--cmd", "--exit 0", "--until", "exit",
    )  # fmt: skip
    assert result.returncode == 7, result.stderr
    assert "no access to any file of the image" in result.stderr
