"""The recipes for pipelines fit ci/slim.sh: each input that they declare is used, and each variable that they set is a setting of it."""

from __future__ import annotations

import os
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SCRIPT = (ROOT / "ci/slim.sh").read_text(encoding="utf-8")
OUTPUTS = ["image", "digest", "size-before", "size-after", "ratio", "report"]
OF_RECIPES = {"SLIM_PUSH"}
"""A variable that only the recipes' own commands read."""

GIVEN = {"SLIM_IMAGE", "SLIM_DIGEST", "SLIM_SIZE_BEFORE", "SLIM_SIZE_AFTER", "SLIM_RATIO", "SLIM_REPORT"}
"""The outputs in the dotenv file."""

OF_SLIMMER = {"SLIMMER_CONFIG"}
"""A setting of slimmer's own that the script also looks at."""


def documents(path: str) -> list[Any]:
    return list(yaml.safe_load_all((ROOT / path).read_text(encoding="utf-8")))


def text(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


@cache
def settings() -> set[str]:
    """The variables that the script reads."""
    return set(re.findall(r"\$\{((?:SLIM|SLIMMER)_[A-Z_]+)", SCRIPT)) - GIVEN - OF_SLIMMER


def test_the_script_explains_its_settings() -> None:
    head = SCRIPT.partition("\nset -eu\n")[0]
    assert set(re.findall(r"\b(?:SLIM|SLIMMER)_[A-Z_]*[A-Z]\b", head)) == settings()
    assert {f"`{name}`" for name in (*settings(), *GIVEN, *OUTPUTS)} <= set(re.findall(r"`[\w-]+`", text("docs/ci.md")))


def uses(document: Any, pattern: str) -> set[str]:
    """The names that a pattern finds in a document's texts."""
    return set(re.findall(pattern, yaml.safe_dump(document, width=10_000)))


@pytest.mark.parametrize("path", ["action.yml", "ci/comment/action.yml"])
def test_an_actions_inputs_are_declared_and_used(path: str) -> None:
    (action,) = documents(path)
    assert uses(action["runs"], r"inputs\.([a-z-]+)") == set(action["inputs"])
    assert all(given.get("description") for given in (*action["inputs"].values(), *action.get("outputs", {}).values()))
    assert action["runs"]["using"] == "composite"
    assert all(step.keys() & {"shell", "uses"} for step in action["runs"]["steps"])
    for file in uses(action["runs"], r"GITHUB_ACTION_PATH/([\w./-]+)"):
        assert (ROOT / path).parent.joinpath(file).exists()


def test_the_action_gives_the_scripts_outputs_and_sets_its_settings() -> None:
    (action,) = documents("action.yml")
    assert {name: given["value"] for name, given in action["outputs"].items()} == {
        name: f"${{{{ steps.slim.outputs.{name} }}}}" for name in OUTPUTS
    }
    (step,) = [step for step in action["runs"]["steps"] if step.get("id") == "slim"]
    assert set(step["env"]) == settings() - {"SLIM_ENGINE_SOCKET"}


def test_no_command_of_an_action_holds_an_expression() -> None:
    """The runner puts the text of an expression into the script before the shell reads it."""
    for path in ("action.yml", "ci/comment/action.yml"):
        (action,) = documents(path)
        assert not [step["run"] for step in action["runs"]["steps"] if "${{" in step.get("run", "")]


def test_what_a_pull_request_committed_is_not_uploaded_in_place_of_results() -> None:
    """The script sets the output when it has removed old files. A step that was skipped or refused its settings sets none."""
    (action,) = documents("action.yml")
    uploads = [step for step in action["runs"]["steps"] if "upload-artifact" in step.get("uses", "")]
    assert len(uploads) == 2
    for step in uploads:
        assert "steps.slim.outputs.out != ''" in step["if"]
        assert "inputs.out" not in step["with"]["path"]
    _, jobs = documents("templates/slim.yml")
    assert jobs["$[[ inputs.job ]]"]["script"][0].startswith("rm -f -- slimmer.env ")
    assert "sh 'rm -rf -- slimmer.env slimmer-out'" in text("ci/Jenkinsfile").partition("docker run")[0]


def test_the_action_adds_a_folder_with_nothing_but_slimmer_to_path(tmp_path: Path) -> None:
    (action,) = documents("action.yml")
    (step,) = [step for step in action["runs"]["steps"] if step["name"] == "Install slimmer"]
    (tmp_path / "ci").mkdir()
    (tmp_path / "ci/install.sh").write_text('#!/bin/sh\nmkdir -p "$1/bin"\ntouch "$1/bin/python" "$1/bin/slimmer"\n')
    (tmp_path / "ci/install.sh").chmod(0o755)
    env = {"PATH": os.environ["PATH"], "GITHUB_ACTION_PATH": str(tmp_path), "RUNNER_TEMP": str(tmp_path / "temp")}
    (tmp_path / "temp").mkdir()
    for _ in range(2):  # a job may use the action twice
        subprocess.run(
            ["bash", "-e", "-c", step["run"]], env={**env, "GITHUB_PATH": str(tmp_path / "path")}, check=True
        )
    (folder,) = set((tmp_path / "path").read_text().splitlines())
    assert [path.name for path in Path(folder).iterdir()] == ["slimmer"]
    assert (Path(folder) / "slimmer").exists()


def test_the_gitlab_components_inputs_are_declared_and_used() -> None:
    head, jobs = documents("templates/slim.yml")
    inputs = head["spec"]["inputs"]
    assert uses(jobs, r"\$\[\[ inputs\.([a-z-]+) \]\]") == set(inputs)
    assert all(given["description"] for given in inputs.values())
    assert [name for name, given in inputs.items() if "default" not in given] == ["image", "slimmer-image"]
    (job,) = [jobs[name] for name in jobs if not name.startswith(".")]
    assert set(job["variables"]) == settings() | OF_RECIPES
    # Several jobs of one pipeline may include the component, each with its own engine.
    assert {f".slimmer-{engine}-$[[ inputs.job ]]" for engine in inputs["engine"]["options"]} <= set(jobs)
    assert job["variables"]["SLIM_OPTIONS"]["expand"] is False  # ${NAME} in a request is slimmer's
    assert "$[[" not in "".join(job["script"])  # a text of an input is data, not a part of a command
    assert job["artifacts"]["reports"]["dotenv"] == job["variables"]["SLIM_ENV_FILE"]
    assert job["artifacts"]["when"] == "always"


def test_docker_in_docker_uses_tls_in_gitlab_and_tekton() -> None:
    _, jobs = documents("templates/slim.yml")
    (task,) = documents("ci/tekton-task.yaml")
    gitlab = jobs[".slimmer-dind-$[[ inputs.job ]]"]["variables"]
    tekton = {entry["name"]: entry.get("value") for entry in task["spec"]["steps"][0]["env"]}
    for variables in (gitlab, tekton):
        assert re.fullmatch(r"tcp://[a-z]+:2376", variables["DOCKER_HOST"])
        assert (variables["DOCKER_TLS_VERIFY"], variables["DOCKER_CERT_PATH"]) == ("1", "/certs/client")


def test_the_tekton_tasks_params_and_results_are_declared_and_used() -> None:
    (task,) = documents("ci/tekton-task.yaml")
    spec = task["spec"]
    params = {param["name"]: param for param in spec["params"]}
    (step,) = spec["steps"]
    assert uses(step["env"], r"\$\(params\.([a-z-]+)\)") == set(params)
    assert "$(params" not in step["script"]
    assert [name for name, param in params.items() if "default" not in param] == ["image", "slimmer-image"]
    assert {entry["name"] for entry in step["env"] if entry["name"].startswith("SLIM")} == settings() | OF_RECIPES
    assert [result["name"] for result in spec["results"]] == OUTPUTS
    assert re.findall(r"\$\(results\.([a-z-]+)\.path\)", step["script"]) == OUTPUTS
    assert {f"SLIM_{name}" for name in re.findall(r"^result ([A-Z_]+)", step["script"], re.MULTILINE)} == GIVEN
    volumes = {volume["name"] for volume in spec["volumes"]}
    mounts = [mount["name"] for part in (step, *spec["sidecars"]) for mount in part["volumeMounts"]]
    assert set(mounts) == volumes


def test_the_jenkinsfile_sets_settings_of_the_script() -> None:
    set_there = set(re.findall(r"^ +(SLIM\w+) = ", text("ci/Jenkinsfile"), re.MULTILINE))
    assert set_there <= settings() and "SLIM_TARGET" in set_there
    assert 'sh "' not in text("ci/Jenkinsfile")  # Groovy would put texts into the command


@pytest.mark.parametrize("path", ["templates/slim.yml", "ci/tekton-task.yaml", "ci/Jenkinsfile"])
def test_the_recipes_take_the_script_from_slimmers_image(path: str) -> None:
    (place,) = re.findall(r"^COPY ci/slim\.sh (\S+)$", text("Dockerfile"), re.MULTILINE)
    assert f'docker run --rm --entrypoint cat -- "$SLIMMER_IMAGE" {place} >' in text(path)


def test_the_image_holds_what_its_installation_needs() -> None:
    """.dockerignore leaves out everything but these."""
    chosen = {line[1:] for line in text(".dockerignore").splitlines() if line.startswith("!")}
    for name in (
        "ci/install.sh",
        "ci/slim.sh",
        "hatch_build.py",
        "pyproject.toml",
        "requirements*.lock",
        "slimmer",
        "README.md",
        "LICENSE",
    ):
        assert name in chosen and list(ROOT.glob(name))
    locked = set(re.findall(r"^([a-z0-9-]+)==", text("requirements-dev.lock"), re.MULTILINE))
    (tools,) = re.findall(r"\^\(([a-z|-]+)\)==", text("ci/install.sh"))
    assert set(tools.split("|")) <= locked
