"""An engine over TCP with TLS: a dockerd of the tests' own, with certificates of its own authority, by DOCKER_HOST and by docker contexts."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import certifi
import docker
import pytest

from tests.engine import leftovers
from tests.engine.far_engine import Authority, TlsEngine, tls_engine
from tests.engine.integration_app import road_image
from tests.engine.own_engine import POSSIBLE

pytestmark = pytest.mark.skipif(
    not POSSIBLE or not all(map(shutil.which, ("openssl", "nsenter", "ip"))), reason="needs root, dockerd and openssl"
)
CONTEXT = "far"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls") / "ours")


@pytest.fixture(scope="module")
def engine_with_tls(authority: Authority) -> Iterator[TlsEngine]:
    with tls_engine(authority.certify(authority.folder / "engine", "serverAuth")) as far:
        yield far


@pytest.fixture(scope="module")
def good(authority: Authority) -> Path:
    """Certificates of a client that the engine knows."""
    return authority.certify(authority.folder / "client", "clientAuth")


def slimmer(far: TlsEngine, *words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run slimmer in the engine's network. Nothing of the tester's docker settings counts."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("DOCKER_")}
    command = [*far.inside, sys.executable, "-m", "slimmer", *map(str, words)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=300, env={**own, **environment}, cwd=Path(__file__).parents[2]
    )


def test_an_image_is_built_and_verified(engine_with_tls: TlsEngine, good: Path, tmp_path: Path) -> None:
    client = docker.DockerClient(base_url=engine_with_tls.socket)
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    with road_image(client, tmp_path) as road, leftovers.nothing_left(client, scratch):
        environment = {"DOCKER_HOST": engine_with_tls.url, "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(good)}
        environment["REQUESTS_CA_BUNDLE"] = certifi.where()  # a company's authorities do not count for the engine
        result = slimmer(engine_with_tls, "build", road, "--out", tmp_path / "out", TMPDIR=str(scratch), **environment)
        assert result.returncode == 0, result.stderr
        client.images.remove(result.stdout.strip(), force=True)
    client.close()


def test_each_certificate_that_is_wrong_is_told(
    engine_with_tls: TlsEngine, authority: Authority, good: Path, tmp_path: Path
) -> None:
    others = Authority(tmp_path / "others")
    mixed = Path(shutil.copytree(good, tmp_path / "mixed"))
    shutil.copy(others.folder / "ca.pem", mixed)
    stranger = others.certify(tmp_path / "stranger", "clientAuth")
    shutil.copy(good / "ca.pem", stranger)
    expired = authority.certify(tmp_path / "expired", "clientAuth", days=-1)
    partial = Path(shutil.copytree(good, tmp_path / "partial"))
    (partial / "key.pem").unlink()
    cases = {
        mixed: ("certificate verify failed", "not from the authority that signed the engine's certificate"),
        stranger: ("TLS:", "The engine refuses cert.pem"),
        expired: ("TLS:", "cert.pem"),
        partial: ("must be provided", "ca.pem, cert.pem and key.pem"),
        tmp_path / "none": ("must be provided", "ca.pem, cert.pem and key.pem"),
    }
    for folder, words in cases.items():
        environment = {"DOCKER_HOST": engine_with_tls.url, "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(folder)}
        result = slimmer(engine_with_tls, "clean", **environment)
        assert result.returncode == 4, folder
        assert all(word in result.stderr for word in words), (folder.name, result.stderr)


def test_who_leaves_out_tls_is_told_to_use_it(engine_with_tls: TlsEngine) -> None:
    result = slimmer(engine_with_tls, "clean", DOCKER_HOST=engine_with_tls.url)
    assert result.returncode == 4
    assert "DOCKER_TLS_VERIFY=1" in result.stderr, result.stderr


def docker_client(far: TlsEngine, config: Path, *words: str | Path) -> str:
    """Run the docker client as a user does who keeps contexts; returns what it prints."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("DOCKER_")}
    command = [*far.inside, "docker", *map(str, words)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env={**own, "DOCKER_CONFIG": str(config)}
    )
    return done.stdout


@pytest.mark.skipif(not shutil.which("docker"), reason="the docker client makes the contexts")
def test_a_context_leads_there_by_name_and_as_the_current_one(
    engine_with_tls: TlsEngine, good: Path, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    files = ",".join(
        f"{name}={good / file}" for name, file in (("ca", "ca.pem"), ("cert", "cert.pem"), ("key", "key.pem"))
    )
    docker_client(
        engine_with_tls, config, "context", "create", CONTEXT, "--docker", f"host={engine_with_tls.url},{files}"
    )
    named = slimmer(engine_with_tls, "doctor", DOCKER_CONFIG=str(config), DOCKER_CONTEXT=CONTEXT)
    assert named.returncode == 0, named.stdout + named.stderr
    assert engine_with_tls.url in named.stdout
    docker_client(engine_with_tls, config, "context", "use", CONTEXT)
    current = slimmer(engine_with_tls, "doctor", DOCKER_CONFIG=str(config))
    assert engine_with_tls.url in current.stdout
    other = slimmer(engine_with_tls, "doctor", DOCKER_CONFIG=str(config), DOCKER_CONTEXT="default")
    assert engine_with_tls.url not in other.stdout


def test_a_context_that_is_not_there_is_no_reason_to_take_another_engine(
    engine_with_tls: TlsEngine, tmp_path: Path
) -> None:
    result = slimmer(engine_with_tls, "clean", DOCKER_CONFIG=str(tmp_path), DOCKER_CONTEXT="nobody")
    assert result.returncode == 4
    assert "no docker context 'nobody'" in result.stderr and "docker context ls" in result.stderr


@pytest.mark.skipif(not shutil.which("docker"), reason="the docker client makes the contexts")
def test_a_context_with_an_authority_alone_is_not_used_without_tls(
    engine_with_tls: TlsEngine, good: Path, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    endpoint = f"host={engine_with_tls.url},ca={good / 'ca.pem'}"
    docker_client(engine_with_tls, config, "context", "create", CONTEXT, "--docker", endpoint)
    result = slimmer(engine_with_tls, "clean", DOCKER_CONFIG=str(config), DOCKER_CONTEXT=CONTEXT)
    assert result.returncode == 4
    assert "The engine refuses cert.pem" in result.stderr, result.stderr
