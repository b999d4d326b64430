"""Where no profile can be made or verified: the reason is told before anything is built."""

from __future__ import annotations

from typing import cast

import pytest

from slimmer.engine.connection import Engine
from slimmer.errors import UnsupportedEngine
from slimmer.observe.log import AccessLog, Recorder
from slimmer.pipeline.profiles import check_calls, check_engine

CALLS = {"x86_64": ("read",)}


class Podman:
    """As much of an engine as is looked at."""

    is_podman = True


@pytest.mark.parametrize(
    ("recorders", "calls", "words"),
    [
        ((Recorder("bpf", False, "the reason"),), {}, "the reason"),
        ((Recorder("bpf", False, "attached"),), CALLS, "attached"),
        ((Recorder("notify", True, ""),), {}, "earlier version"),
    ],
)
def test_without_the_calls_of_all_runs_there_is_no_profile(
    recorders: tuple[Recorder, ...], calls: dict[str, tuple[str, ...]], words: str
) -> None:
    log = AccessLog("sha256:1", (), recorders, system_calls=calls)
    with pytest.raises(UnsupportedEngine, match=words):
        check_calls(log)


def test_with_the_calls_there_is_one() -> None:
    check_calls(AccessLog("sha256:1", (), (Recorder("bpf", True, "counts"),), system_calls=CALLS))


def test_podman_cannot_verify_one() -> None:
    with pytest.raises(UnsupportedEngine, match="Podman"):
        check_engine(cast(Engine, Podman()))
