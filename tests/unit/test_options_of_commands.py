"""What `asks` makes of a command: the shared options in their place, as one value."""

from __future__ import annotations

import inspect

import pytest

from slimmer.cli import build, observe, parse, verify
from slimmer.errors import UsageError


def test_every_command_that_runs_an_image_has_the_same_options() -> None:
    asked = [set(inspect.signature(command).parameters) for command in (build.build, observe.observe, verify.verify)]
    shared = set.intersection(*asked)
    assert {"cmd", "env", "probe", "exercise", "until", "runs", "read_only", "config", "recorder"} <= shared
    assert not any("asked" in names for names in asked)
    assert {"access", "verify_as"} <= asked[0] - asked[1]


@pytest.mark.parametrize("text", ["0", "1000", "1000680000:0", "4294967294"])
def test_a_user_is_a_number_with_or_without_a_group(text: str) -> None:
    assert parse.user("--verify-as", text) == text


@pytest.mark.parametrize("text", ["", "nobody", "1000:", "-1", "4294967295", "1:4294967295", "1:2:3", "１"])
def test_anything_else_is_none(text: str) -> None:
    with pytest.raises(UsageError, match="not UID or UID:GID"):
        parse.user("--verify-as", text)
