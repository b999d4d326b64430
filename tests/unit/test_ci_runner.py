"""What `slimmer doctor --ci` finds out about a job without an engine."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path

import pytest

from slimmer.runs import ci_runner
from slimmer.runs.check import Check
from slimmer.runs.ci_runner import container_of, runner_checks


def checks(environ: Mapping[str, str], root: Path, docker_host: str = "") -> dict[str, Check]:
    return {check.name: check for check in runner_checks(environ, docker_host, root)}


def put_socket(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    os.mknod(path, stat.S_IFSOCK | 0o600)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the tester's docker settings counts."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def put_context(folder: Path, host: str, *, current: bool, tls: bool = False) -> None:
    """A docker context named far, as the docker client stores it."""
    key = hashlib.sha256(b"far").hexdigest()
    (folder / "contexts/meta" / key).mkdir(parents=True)
    endpoint = {"Host": host, "SkipTLSVerify": tls}
    (folder / "contexts/meta" / key / "meta.json").write_text(json.dumps({"Endpoints": {"docker": endpoint}}))
    if current:
        (folder / "config.json").write_text(json.dumps({"currentContext": "far"}))


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
    put_socket(tmp_path / "run/podman/podman.sock")
    assert checks({}, tmp_path)["address"] == Check("address", True, "the socket /run/podman/podman.sock")
    missing = checks({"DOCKER_HOST": "unix:///var/run/docker.sock"}, tmp_path)["address"]
    assert (missing.ok, missing.detail) == (False, "there is no socket /var/run/docker.sock")


def test_the_socket_of_a_rootless_engine_is_found(tmp_path: Path) -> None:
    put_socket(tmp_path / "run/user/1234/docker.sock")
    found = checks({"XDG_RUNTIME_DIR": "/run/user/1234"}, tmp_path)["address"]
    assert found == Check("address", True, "the socket /run/user/1234/docker.sock")


@pytest.mark.parametrize(
    ("host", "tls", "ok", "words"),
    [
        ("tcp://far:2376", True, True, "tcp://far:2376 of the docker context with TLS"),
        ("tcp://u:secret@far:2375", False, False, "tcp://far:2375 of the docker context without TLS"),
        ("ssh://me@far", False, True, "ssh://me@far of the docker context"),
        ("unix:///far.sock", False, False, "there is no socket /far.sock"),
    ],
)
@pytest.mark.parametrize("current", [True, False])
def test_a_context_is_told(tmp_path: Path, host: str, tls: bool, ok: bool, words: str, current: bool) -> None:
    put_context(tmp_path / "config", host, current=current, tls=tls)
    given = {"DOCKER_CONFIG": str(tmp_path / "config"), **({} if current else {"DOCKER_CONTEXT": "far"})}
    found = checks(given, tmp_path)["address"]
    assert (found.ok, found.detail) == (ok, words)


def test_a_context_that_is_not_there_is_named(tmp_path: Path) -> None:
    found = checks({"DOCKER_CONFIG": str(tmp_path), "DOCKER_CONTEXT": "gone"}, tmp_path)["address"]
    assert (found.ok, found.detail) == (False, "there is no docker context 'gone'")
    assert "docker context ls" in found.hint


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
        ("ssh://ci@host", {}, True, "ssh://ci@host"),
        ("https://u:secret@docker:2376", {}, True, "https://docker:2376 with TLS, without a certificate"),
        ("http://docker:2375", {"DOCKER_TLS_VERIFY": "1"}, False, "http://docker:2375 without TLS"),
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
