"""The options of compose, together with the user's own, and compose as a program."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, cast

import pytest

from slimmer.api.requests import build_request, observe_request, verify_request
from slimmer.compose import project
from slimmer.errors import UsageError
from slimmer.pipeline.request import BuildRequest

SAMPLE = Path(__file__).parent / "version_2.json"


@pytest.fixture
def compose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A compose file, and a program in place of compose that prints what compose would."""
    _program(tmp_path, monkeypatch, f'[ "$2" = version ] && exit; echo "$@" >{tmp_path}/asked; cat {SAMPLE}', "docker")
    file = tmp_path / "compose.yaml"
    file.write_text("services: {}")
    return file


def _program(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str, *names: str) -> None:
    monkeypatch.setenv("PATH", f"{folder}/bin:/usr/bin:/bin")
    (folder / "bin").mkdir()
    for name in names:
        (folder / "bin" / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / "bin" / name).chmod(0o755)


def request(file: Path, target: str = "", **given: Any) -> BuildRequest:
    return build_request(target, cast(Any, {"compose_file": file, "compose_service": "web", **given}))


def test_a_service_is_the_target_of_every_command_that_runs_an_image(compose: Path) -> None:
    given: Any = {"compose_file": compose, "compose_service": "web"}
    assert build_request("", given).target == observe_request("", None, given).target == "shop-web"
    assert build_request("other:1", given).target == "other:1"
    verified = verify_request("a", "b", given)
    assert (verified.target, verified.after, verified.options.user) == ("a", "b", "1000")
    assert (compose.parent / "asked").read_text().split() == [
        "compose", "-f", str(compose), "--profile", "*", "config", "--format", "json",
    ]  # fmt: skip


def test_the_users_own_options_win(compose: Path) -> None:
    own = request(compose, env={"MONEY": "1", "MORE": "2"}, user="0", cap_add="SYS_TIME", tmpfs="/x", cmd="flask run")
    options = own.options
    assert sorted(options.env) == ["MONEY=1", "MORE=2", "REDIS=redis://store:6379"]
    assert (options.user, options.cap_add, options.read_only) == ("0", ("NET_ADMIN", "SYS_TIME"), True)
    assert own.commands == (("flask", "run"),)
    assert request(compose, entrypoint="tini").options.cmd is None


def test_the_exercise_is_the_health_check_and_the_other_service(compose: Path) -> None:
    plan = request(compose, compose_exercise="tests", exec="ls /", exercise_image="other:1 run").plan
    assert plan.exec_commands == (("/bin/sh", "-c", "curl -f localhost:8000"), ("ls", "/"))
    assert [(each.image, each.option) for each in plan.image_commands] == [
        ("other:1", "--exercise-image"),
        ("shop-tests", "--compose-exercise"),
    ]


def test_the_images_of_all_services_are_looked_up_first(compose: Path) -> None:
    others = request(compose, compose_exercise="tests").other_images
    assert others == {"shop-tests": "--compose-exercise", "redis:7": "--compose-service"}


def test_services_of_the_file_are_the_apps_own(compose: Path) -> None:
    """The app's variables name them, and slimmer may change what is in them."""
    assert request(compose).plan.api.unchanging == ""


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "nothing to build: give TARGET or --compose-service"),
        ({"compose_file": "x"}, "--compose-file needs --compose-service"),
        ({"compose_exercise": "x"}, "--compose-exercise needs --compose-service"),
        ({"compose_file": "none.yaml", "compose_service": "web"}, "--compose-file: no such file: none.yaml"),
    ],
)
def test_options_that_do_not_go_together_are_told(given: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        build_request("", cast(Any, given))


def test_without_compose_an_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="neither `docker compose` nor `docker-compose`") as told:
        build_request("", {"compose_service": "web"})
    assert "docker-compose-plugin" in told.value.hint


def test_what_compose_says_of_a_bad_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _program(tmp_path, monkeypatch, '[ "$2" = version ] && exit; echo "yaml: line 3: no" >&2; exit 15', "docker")
    with pytest.raises(UsageError, match="compose refuses the file:\nyaml: line 3: no"):
        build_request("", {"compose_service": "web"})


@pytest.mark.skipif(not shutil.which("docker-compose"), reason="it needs docker-compose")
def test_the_real_program_resolves_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAG", "7")
    monkeypatch.delenv("COMPOSE_PROJECT_NAME", raising=False)
    folder = tmp_path / "My Shop"
    folder.mkdir()
    (folder / "common.yaml").write_text("services: {base: {image: 'redis:${TAG}', environment: {A: '1$$2'}}}")
    (folder / "compose.yaml").write_text(
        "services: {db: {extends: {file: common.yaml, service: base}}, web: {build: .}}"
    )
    found = project.read_project([folder / "compose.yaml"])
    database = found.services["db"]
    assert (found.name, database["image"], database["environment"]) == ("myshop", "redis:7", {"A": "1$2"})
