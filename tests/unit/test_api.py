"""The Python API: what is public, how its arguments become requests, and that it costs nothing until it is used."""

from __future__ import annotations

import ast
import inspect
import logging
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import slimmer
import slimmer.keep.keeper
import slimmer.observe.log
from slimmer.api import functions, requests
from slimmer.api.options import BuildKeywords, KeepKeywords, RunKeywords
from slimmer.cli import build, keep, observe, verify
from slimmer.cli.main import app
from slimmer.engine.options import RunOptions
from slimmer.errors import UsageError
from slimmer.pipeline.progress import Progress, StageEnded, StageStarted

HEAVY = ("docker", "rich", "typer", "tree_sitter", "msgspec", "httpcore", "jinja2", "logging", "slimmer.pipeline")
SHOWN = {"output_format", "quiet", "config"}
"""Parameters of commands that say what to show, or where options come from."""


def python(program: str) -> str:
    command = [sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


def test_the_import_loads_nothing_heavy() -> None:
    loaded = python("import sys, slimmer; print(*sys.modules)").split()
    assert "slimmer" in loaded
    assert not set(HEAVY) & set(loaded)


def test_every_public_name_is_there_and_known_to_type_checkers() -> None:
    tree = ast.parse(Path(slimmer.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    typed = [alias.name for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert sorted([*typed, "__version__"]) == sorted(slimmer.__all__)
    assert set(slimmer.__all__) <= set(dir(slimmer))
    for name in slimmer.__all__:
        assert getattr(slimmer, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        slimmer.nonsense  # noqa: B018


@pytest.mark.parametrize("name", ["keep", "observe", "rebuild", "verify"])
def test_a_function_is_not_hidden_by_the_package_of_its_name(name: str) -> None:
    for first in ("", f"import slimmer.{name}; ", f"import slimmer; slimmer.{name}; import slimmer.{name}; "):
        assert python(f"{first}import slimmer; print(type(slimmer.{name}).__name__)") == "function\n"
    assert python(f"from slimmer import {name}; print({name}.__module__)") == "slimmer.api.functions\n"


@pytest.mark.parametrize(
    ("command", "keywords", "own"),
    [
        (build.build, BuildKeywords, {"target"}),
        (observe.observe, RunKeywords, {"target", "attach", "out", "context"}),
        (verify.verify, RunKeywords, {"before", "after"}),
        (keep.keep, KeepKeywords, {"logs", "out", "rebase"}),
    ],
)
def test_a_function_takes_what_its_command_takes(command: Callable[..., None], keywords: Any, own: set[str]) -> None:
    assert set(inspect.signature(command).parameters) - SHOWN - own == set(keywords.__annotations__)


@pytest.mark.parametrize(
    ("arguments", "request_made"),
    [
        (("build", "image"), lambda: requests.build_request("image", {})),
        (("observe", "image"), lambda: requests.observe_request("image", "access.json", {})),
        (("verify", "a", "b"), lambda: requests.verify_request("a", "b", {})),
        (
            ("build", "image", "--env", "A=b", "--memory", "64m", "--until", "2", "--cmd", "sh -c x", "--port", "80"),
            lambda: requests.build_request(
                "image", {"env": {"A": "b"}, "memory": 64 << 20, "until": 2, "cmd": "sh -c x", "port": 80}
            ),
        ),
    ],
)
def test_a_command_asks_for_what_its_function_asks_for(
    arguments: tuple[str, ...], request_made: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Defaults are the same, too."""
    asked: list[Any] = []

    def run(request: Any, **others: Any) -> None:
        asked.append(request)
        raise UsageError("enough")

    monkeypatch.setattr(functions, "run", run)
    assert isinstance(CliRunner().invoke(app, list(arguments)).exception, UsageError)
    assert asked == [request_made()]


def test_one_value_is_as_good_as_a_list_of_one() -> None:
    one = requests.build_request("x", {"probe": "/a", "exec": "ls /", "env": "A=b", "include": "/etc"})
    assert one == requests.build_request("x", {"probe": ["/a"], "exec": ["ls /"], "env": ["A=b"], "include": ["/etc"]})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"policy": "nice"}, "--policy: unknown value 'nice'"),
        ({"memory": "much"}, "--memory: not a size: 'much'"),
        ({"runs": 0}, "--runs must be a number from 1 to 100, not 0"),
        ({"repair": 11}, "--repair must be a number"),
        ({"port": 70_000}, "--port: not a port"),
        ({"port": "8080"}, "--port: not a port: '8080'"),
        ({"env": {"A B": "c"}}, "--env: a variable needs a name without spaces"),
        ({"access": "no-such.json"}, "no-such.json"),
    ],
)
def test_a_wrong_value_is_a_usage_error(options: BuildKeywords, words: str) -> None:
    with pytest.raises(slimmer.UsageError, match=words):
        slimmer.build("image", **options)


def test_an_unknown_keyword_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'polcy'; did you mean 'policy'"):
        slimmer.build("image", polcy="balanced")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="not a request: RunOptions"):
        slimmer.run(RunOptions())  # type: ignore[call-overload]


def test_an_engine_that_is_not_there_is_told_apart() -> None:
    with pytest.raises(slimmer.EngineUnreachable, match="/nowhere") as caught:
        slimmer.compare("a", "b", docker_host="unix:///nowhere/docker.sock")
    assert "docker_host" in caught.value.hint


def test_progress_tells_of_stages_that_fail_and_remembers_warnings() -> None:
    events: list[slimmer.Event] = []
    progress = Progress(events.append)
    progress.warn("careful")
    with pytest.raises(ValueError, match="no"), progress.stage("keep"):
        raise ValueError("no")
    assert events[:2] == [slimmer.Warned("careful"), StageStarted("keep")]
    ended = events[2]
    assert isinstance(ended, StageEnded)
    assert (ended.name, ended.failed) == ("keep", True)
    assert progress.warnings == ("careful",)


def test_the_times_of_the_stages_add_up_to_the_time_of_the_command() -> None:
    begun = time.monotonic()
    progress = Progress()
    for name in ("start", "observe"):
        time.sleep(0.05)  # what is done between two stages
        with progress.stage(name):
            time.sleep(0.01)
    total = time.monotonic() - begun
    assert total - 0.05 < sum(seconds for _, seconds in progress.stages) <= total


def test_nobody_listening_is_fine() -> None:
    progress = Progress()
    with progress.stage("keep"):
        progress.note("something")
    assert [name for name, _ in progress.stages] == ["keep"]


def test_diagnostics_are_silent_until_somebody_asks(capfd: pytest.CaptureFixture[str]) -> None:
    python("import slimmer, logging; slimmer.build; logging.getLogger('slimmer.engine').error('words')")
    assert any(isinstance(handler, logging.NullHandler) for handler in logging.getLogger("slimmer").handlers)
    assert capfd.readouterr().err == ""
