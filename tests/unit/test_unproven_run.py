"""The user learns if a run used nothing of the image."""

from __future__ import annotations

import pytest

from slimmer.engine.options import RunOptions
from slimmer.exercise.result import ExerciseResult
from slimmer.image.config import ImageConfig
from slimmer.pipeline.unproven import of_run


@pytest.mark.parametrize(
    ("entrypoint", "cmd", "given", "output", "said"),
    [
        ((), ("/bin/bash",), None, "", "bash: it ended, because it had no input"),
        (("python3",), (), None, "", "python3: it ended, because it had no input"),
        ((), ("/bin/bash",), ("ls",), "", ""),
        (("bash",), ("-c", "make"), None, "done", ""),
        (("ansible",), ("--help",), None, "usage: ansible [-h] pattern", "ansible: it only printed"),
        (("tool",), (), None, "Tool 1.2\n\nUsage:\n  tool COMMAND", "tool: it only printed"),
        (("tool",), (), None, "disk usage: 3 %", ""),
    ],
)
def test_a_run_that_did_nothing_is_named(
    entrypoint: tuple[str, ...], cmd: tuple[str, ...], given: tuple[str, ...] | None, output: str, said: str
) -> None:
    config = ImageConfig("sha256:1", "amd64", "linux", entrypoint=entrypoint, cmd=cmd)
    options = RunOptions(cmd=given)
    items = list(of_run(config, options, ExerciseResult(exit_code=0, output=output)))
    assert [
        f"{item.name}: {item.what}" for item in items if not f"{item.name}: {item.what}".startswith(said or "?")
    ] == []
    assert bool(items) is bool(said)
    assert not list(of_run(config, options, ExerciseResult(exit_code=None, output=output))), "it still runs"
