"""What `slimmer observe` is asked for: an image or a running container, and which options go with the latter."""

from __future__ import annotations

import docker
import pytest
from typer.testing import CliRunner

from slimmer.cli.main import app
from slimmer.engine.connection import Engine
from slimmer.errors import UnsupportedEngine, UsageError
from slimmer.pipeline import session


def refusal(*arguments: str) -> str:
    """The message of the usage error that comes of these arguments."""
    error = CliRunner().invoke(app, ["observe", *arguments]).exception
    assert isinstance(error, UsageError), error
    assert error.exit_code == 2
    assert "--attach" in error.hint
    return error.message


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--cmd", "x"), "--cmd"),
        (("-e", "A=b"), "--env"),
        (("-v", "a:/b"), "--volume"),
        (("--probe", "/"), "--probe"),
        (("--recorder", "auto"), "--recorder"),
        (("--read-only",), "--read-only"),
        (("--runs", "1"), "--runs"),
        (("--until", "probes"), "--until probes"),
        (("image",), "TARGET"),
    ],
)
def test_options_for_running_an_image_do_not_go_with_a_running_container(options: tuple[str, ...], words: str) -> None:
    assert f"{words} cannot be used with --attach" in refusal("--attach", "web", *options)


@pytest.mark.parametrize("arguments", [(), ("--attach", "")])
def test_something_must_be_named(arguments: tuple[str, ...]) -> None:
    assert "nothing to observe" in refusal(*arguments)


def test_a_rootless_engine_is_told_apart_before_anything_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its address leads nowhere: it is asked nothing."""
    api = docker.APIClient("unix:///nowhere", version="1.41")
    rootless = Engine(api, "unix:///nowhere", "24", "amd64", "Linux", False, True, ("name=rootless",))
    monkeypatch.setattr(session, "connect", lambda docker_host: rootless)
    error = CliRunner().invoke(app, ["observe", "--attach", "web"]).exception
    assert isinstance(error, UnsupportedEngine), error
    assert (error.exit_code, "rootless" in error.message) == (4, True)
