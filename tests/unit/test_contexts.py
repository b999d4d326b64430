"""Docker contexts as the docker client stores them, and files that are none."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from slimmer.engine import contexts
from slimmer.engine.endpoints import USUAL, endpoints
from slimmer.errors import EngineUnreachable

URL = "tcp://far:2376"


@pytest.fixture(autouse=True)
def config(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder for DOCKER_CONFIG; nothing of the tester's settings counts."""
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "config"))
    return tmp_path / "config"


def write(folder: Path, name: str, text: str) -> None:
    place = folder / "contexts/meta" / hashlib.sha256(name.encode()).hexdigest()
    place.mkdir(parents=True)
    (place / "meta.json").write_text(text)


def meta(**endpoint: object) -> str:
    return json.dumps({"Name": "far", "Metadata": {}, "Endpoints": {"docker": endpoint}})


def test_docker_context_decides_alone(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(config, "far", meta(Host=URL))
    monkeypatch.setenv("DOCKER_CONTEXT", "far")
    [found] = endpoints("")
    assert found["base_url"] == URL
    monkeypatch.setenv("DOCKER_CONTEXT", "default")
    assert endpoints("") == [{"base_url": USUAL}]


def test_docker_host_comes_before_a_context(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(config, "far", meta(Host=URL))
    monkeypatch.setenv("DOCKER_CONTEXT", "far")
    monkeypatch.setenv("DOCKER_HOST", "unix:///other.sock")
    assert [found["base_url"] for found in endpoints("")] == ["unix:///other.sock"]


def test_the_current_context_comes_before_the_usual_sockets(config: Path) -> None:
    write(config, "far", meta(Host=URL))
    (config / "config.json").write_text(json.dumps({"currentContext": "far"}))
    assert endpoints("")[0]["base_url"] == URL


def test_a_folder_named_contexts_where_slimmer_is_started_is_not_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "project", "far", meta(Host=URL))
    monkeypatch.chdir(tmp_path / "project")
    with pytest.raises(EngineUnreachable, match="no docker context 'far'"):
        contexts.settings("far")


def test_certificates_of_a_context_are_used(config: Path) -> None:
    write(config, "far", meta(Host=URL, SkipTLSVerify=False))
    place = config / "contexts/tls" / hashlib.sha256(b"far").hexdigest() / "docker"
    place.mkdir(parents=True)
    (place / "ca.pem").write_text("")
    tls = contexts.settings("far")["tls"]
    assert (tls.ca_cert, tls.cert, tls.verify) == (str(place / "ca.pem"), None, True)
    (place / "cert.pem").write_text("")
    with pytest.raises(EngineUnreachable, match="cannot be read"):
        contexts.settings("far")  # a certificate without its key


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"Endpoints": []}', '{"Endpoints": {"docker": 1}}', meta(Port=1)])
def test_a_broken_file_is_told(text: str, config: Path) -> None:
    write(config, "far", text)
    with pytest.raises(EngineUnreachable) as caught:
        contexts.settings("far")
    assert "docker context ls" in caught.value.hint


@pytest.mark.parametrize("text", ["", "[]", '"far"', '{"currentContext": null}'])
def test_a_broken_config_file_names_no_context(text: str, config: Path) -> None:
    config.mkdir()
    (config / "config.json").write_text(text)
    assert contexts.chosen() == "default"
