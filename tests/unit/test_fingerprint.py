"""The fingerprint of an observation: the same for the same, another for whatever changes it, and of no use to a guesser."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from slimmer.engine.options import Companion, RunOptions
from slimmer.exercise.origin import FileDigest
from slimmer.exercise.plan import ExercisePlan, ImageCommand
from slimmer.exercise.request import Request
from slimmer.image.layer_border import LayerChoice
from slimmer.observe.log import AccessLog
from slimmer.pipeline.fingerprint import fingerprint
from slimmer.pipeline.request import BuildRequest

REQUEST = BuildRequest(
    "app",
    options=RunOptions(env=("TOKEN=1234",)),
    plan=ExercisePlan(requests=(Request("POST", "/", (("X-Key", "a"),), b"\xff body"),)),
)
OTHERS = {
    "a variable": {"options": RunOptions(env=("TOKEN=1235",))},
    "a body": {"plan": ExercisePlan(requests=(Request("POST", "/", (("X-Key", "a"),), b"\xfe body"),))},
    "a header": {"plan": ExercisePlan(requests=(Request("POST", "/", (("X-Key", "b"),), b"\xff body"),))},
    "a companion": {"options": RunOptions(env=("TOKEN=1234",), companions=(Companion("db", "postgres"),))},
    "another image that exercises": {"plan": ExercisePlan(image_commands=(ImageCommand("tests:1"),))},
    "a command": {"commands": (("web",), ("worker",))},
    "runs": {"runs": 2},
    "the recorder": {"recorder": "ptrace"},
    "a log from elsewhere": {"access": (AccessLog("sha256:1", (), complete=True),)},
}
SAME = {
    "the tag": {"tag": "app:slim"},
    "the policy": {"policy": "generous"},
    "the builder": {"builder": "load"},
    "the layers that stay whole": {"layers": LayerChoice(base="debian")},
    "comments in the probe file": {"plan": dataclasses.replace(REQUEST.plan, probe_files=(FileDigest("a", "b"),))},
    "labels and a statement": {"labels": False, "attest": Path("statement.json")},
    "where to verify": {"verify_as": ("1000",), "verify_read_only": True},
}


@pytest.fixture
def probe(tmp_path: Path) -> Path:
    path = tmp_path / "probe"
    path.write_bytes(b"a probe")
    return path


@pytest.mark.parametrize("name", OTHERS)
def test_what_changes_an_observation_changes_its_fingerprint(name: str, probe: Path) -> None:
    other = dataclasses.replace(REQUEST, **OTHERS[name])  # type: ignore[arg-type]
    assert fingerprint(other, "sha256:1", probe) != fingerprint(REQUEST, "sha256:1", probe)


@pytest.mark.parametrize("name", SAME)
def test_what_comes_after_the_observation_does_not(name: str, probe: Path) -> None:
    other = dataclasses.replace(REQUEST, **SAME[name])  # type: ignore[arg-type]
    assert fingerprint(other, "sha256:1", probe) == fingerprint(REQUEST, "sha256:1", probe)


def test_another_image_or_probe_has_another_fingerprint(probe: Path) -> None:
    before = fingerprint(REQUEST, "sha256:1", probe)
    assert fingerprint(REQUEST, "sha256:2", probe) != before
    probe.write_bytes(b"another probe")
    assert fingerprint(REQUEST, "sha256:1", probe) != before
    assert "1234" not in before
