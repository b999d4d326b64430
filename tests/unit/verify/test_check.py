"""Configurations held against each other: what is told of each part that differs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from slimmer.image.config import DEFAULT_PATH, Healthcheck, ImageConfig
from slimmer.verify.check import compare_configs

CONFIG = ImageConfig("sha256:1", "amd64", "linux", env=("A=1", "PATH=/bin"), cmd=("/app", "-x"))


def told(before: ImageConfig, after: ImageConfig) -> list[str]:
    return [str(difference).removeprefix("the configuration: ") for difference in compare_configs(before, after)]


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"user": "7"}, "USER was not set, is 7"),
        ({"cmd": None}, 'CMD was ["/app", "-x"], is not set'),
        ({"entrypoint": ()}, "ENTRYPOINT was not set, is empty"),
        ({"exposed_ports": ("80/tcp",)}, 'EXPOSE was empty, is ["80/tcp"]'),
        ({"labels": (("a", "b"),)}, 'LABEL was empty, is [["a", "b"]]'),
        ({"stop_timeout": 3}, "StopTimeout was not set, is 3"),
        (
            {"healthcheck": Healthcheck(("CMD", "ä"), interval=5)},
            'HEALTHCHECK was not set, is {"test": ["CMD", "ä"], "interval": 5}',
        ),
        ({"env": ("A=2", "PATH=/bin")}, "ENV A was one value, is a different one"),
        ({"env": ("PATH=/bin",)}, "ENV A was one value, is not set"),
        ({"env": ("A=1", "PATH=/bin", "B=")}, "ENV B was not set, is set"),
        ({"env": ("A=0", "A=1", "PATH=/bin")}, "ENV A was one value, is a different one"),
    ],
)
def test_each_part_that_differs_is_told_once(changed: dict[str, Any], text: str) -> None:
    assert told(CONFIG, replace(CONFIG, **changed)) == [text]


def test_what_is_the_same() -> None:
    assert (
        told(CONFIG, replace(CONFIG, env=("PATH=/bin", "A=1"), image_id="sha256:2", created="now", engine_size=9)) == []
    )


def test_the_path_that_a_builder_adds_is_no_difference() -> None:
    without, added = replace(CONFIG, env=()), replace(CONFIG, env=(f"PATH={DEFAULT_PATH}",))
    assert told(without, added) == []
    assert told(added, without) == ["ENV PATH was one value, is not set"]
    assert told(without, replace(CONFIG, env=("PATH=/x",))) == ["ENV PATH was not set, is set"]
