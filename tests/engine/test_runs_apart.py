"""Runs that would meet outside of their containers come one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.engine.command import built
from tests.engine.integration_app import SLIM


@pytest.fixture(autouse=True)
def nothing_stays(road: str, leftovers: None) -> None:
    """Nothing may be left."""


@pytest.mark.parametrize("options", [(), ("--network", "host", "--cmd", "--port 18431")], ids=["commands", "network"])
def test_the_users_commands_never_run_at_the_same_time(
    options: Sequence[str], road: str, engine: object, tmp_path: Path
) -> None:
    """They may write to one file, or come to the same port of this machine."""
    lock, met, count = tmp_path / "lock", tmp_path / "met", tmp_path / "count"
    command = f"mkdir {lock} || touch {met}; echo run >> {count}; sleep 0.5; rmdir {lock}"
    tag = built(road, "--tag", SLIM, "--out", tmp_path / "out", "--exercise", command, *options)
    engine.images.remove(tag)  # type: ignore[attr-defined]
    assert count.read_text().splitlines() == ["run"] * 3
    assert not met.exists()


def test_the_port_of_this_machine_is_the_slim_images_alone(road: str, engine: object, tmp_path: Path) -> None:
    """The second of two servers would not get it: it must be there for the original, the slim image, the original again
    (each answer counts the visits, so that they differ), and for the slim image that is watched."""
    shared = tmp_path / "shared"
    shared.mkdir()
    options = ("--network", "host", "--cmd", "--port 18432", "--share-mounts", "-v", f"{shared}:/shared")
    tag = built(road, "--tag", SLIM, "--out", tmp_path / "out", "--probe", "/append/shared/visits", *options)
    engine.images.remove(tag)  # type: ignore[attr-defined]
    assert len((shared / "visits").read_text().splitlines()) == 4
