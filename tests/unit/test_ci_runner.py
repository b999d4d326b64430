"""What `slimmer doctor --ci` finds out about a job without an engine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from slimmer.runs import ci_runner
from slimmer.runs.check import Check
from slimmer.runs.ci_runner import container_of, runner_checks


def checks(environ: Mapping[str, str], root: Path, docker_host: str = "") -> dict[str, Check]:
    return {check.name: check for check in runner_checks(environ, docker_host, root)}


@pytest.mark.parametrize(
    ("variable", "name", "advice"),
    [
        ("GITHUB_ACTIONS", "GitHub Actions", "Ubuntu have an engine"),
        ("GITLAB_CI", "GitLab CI", "DOCKER_HOST=tcp://docker:2376"),
        ("JENKINS_URL", "Jenkins", "group docker"),
        ("CIRCLECI", "CircleCI", "setup_remote_docker"),
        ("CI", "a CI that slimmer does not know", "DOCKER_HOST"),
        ("HOME", "none that slimmer knows", "DOCKER_HOST"),
    ],
)
def test_a_ci_is_known_by_its_variable_and_gets_one_hint(tmp_path: Path, variable: str, name: str, advice: str) -> None:
    found = checks({variable: "true"}, tmp_path)["ci"]
    assert found.ok
    assert found.detail.startswith(f"{name}. ")
    assert advice in found.detail


def test_tekton_is_known_by_its_folder(tmp_path: Path) -> None:
    (tmp_path / "tekton/steps").mkdir(parents=True)
    assert checks({}, tmp_path)["ci"].detail.startswith("Tekton. Add a sidecar `docker:dind`")


def test_without_a_socket_and_an_address_there_is_no_engine(tmp_path: Path) -> None:
    found = checks({}, tmp_path)["address"]
    assert (found.ok, found.needed) == (False, False)
    assert found.hint == "Set DOCKER_HOST, or mount the socket of the engine."


def test_the_usual_sockets_are_looked_for(tmp_path: Path) -> None:
    (tmp_path / "run/podman").mkdir(parents=True)
    (tmp_path / "run/podman/podman.sock").touch()
    assert checks({}, tmp_path)["address"] == Check("address", True, "the socket /run/podman/podman.sock")
    missing = checks({"DOCKER_HOST": "unix:///var/run/docker.sock"}, tmp_path)["address"]
    assert (missing.ok, missing.detail) == (False, "there is no socket /var/run/docker.sock")


def test_a_socket_that_the_user_may_not_use_has_a_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "docker.sock").touch()
    os.chown(tmp_path / "docker.sock", -1, os.getgid())
    monkeypatch.setattr("os.access", lambda path, mode: False)  # root may use everything
    found = checks({"DOCKER_HOST": "unix:///docker.sock"}, tmp_path)["address"]
    assert (found.ok, found.hint) == (False, f"Add the job's user to that group: its group has the ID {os.getgid()}.")


@pytest.mark.parametrize(
    ("host", "environ", "ok", "words"),
    [
        ("tcp://docker:2375", {}, False, "tcp://docker:2375 without TLS"),
        ("tcp://docker:2376", {}, False, "tcp://docker:2376 speaks TLS, but DOCKER_TLS_VERIFY is not set"),
        ("tcp://docker:2376", {"DOCKER_TLS_VERIFY": "1"}, False, "with TLS, but {certs} has no cert.pem, key.pem"),
        ("tcp://u:secret@docker:1/p", {}, False, "tcp://docker:1/p without TLS"),
        ("tcp://docker:port", {}, False, "tcp://docker:port is not an address"),
        ("ssh://ci@host", {}, True, "ssh://host"),
    ],
)
def test_an_address_is_told_with_what_it_lacks(
    tmp_path: Path, host: str, environ: dict[str, str], ok: bool, words: str
) -> None:
    certificates = tmp_path / "certs"
    certificates.mkdir()
    (certificates / "ca.pem").touch()
    given = {"DOCKER_HOST": host, "DOCKER_CERT_PATH": str(certificates), **environ}
    found = checks(given, tmp_path)["address"]
    assert found.ok is ok
    assert words.format(certs=certificates) in found.detail
    assert "secret" not in found.detail + found.hint
    assert bool(found.hint) is not ok


def test_all_certificates_make_an_address_complete(tmp_path: Path) -> None:
    for name in ("ca.pem", "cert.pem", "key.pem"):
        (tmp_path / name).touch()
    given = {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(tmp_path)}
    found = checks(given, tmp_path, "tcp://docker:2376")["address"]
    assert found == Check("address", True, f"tcp://docker:2376 with TLS (certificates in {tmp_path})")


@pytest.mark.parametrize(
    ("environ", "file", "kind"),
    [
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "", "a pod of Kubernetes"),
        ({}, ".dockerenv", "a container of Docker"),
        ({}, "run/.containerenv", "a container of Podman"),
        ({"container": "lxc"}, "", "a container"),
        ({}, "", ""),
    ],
)
def test_a_container_is_known_by_its_marks(tmp_path: Path, environ: dict[str, str], file: str, kind: str) -> None:
    if file:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).touch()
    assert container_of(environ, tmp_path) == kind
    assert (kind or "no container") in checks(environ, tmp_path)["container"].detail


def test_colour_is_told_as_the_variables_set_it(tmp_path: Path) -> None:
    assert "without colour (NO_COLOR)" in checks({"NO_COLOR": "1"}, tmp_path)["output"].detail
    assert "with colour (FORCE_COLOR)" in checks({"FORCE_COLOR": "1"}, tmp_path)["output"].detail


def test_little_space_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ci_runner, "LEAST_SPACE", 1 << 62)
    found = checks({}, tmp_path)["disk"]
    assert (found.ok, found.needed) == (False, False)
    assert "free in" in found.detail
