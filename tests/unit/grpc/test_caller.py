"""Calls of a real gRPC server: which methods are called, what is kept and called again, and servers that are hostile."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from slimmer.errors import AppFailed
from slimmer.exercise.drive import exercise
from slimmer.exercise.expectations import replay_expectations
from slimmer.exercise.plan import Api, Crawl, ExercisePlan, GraphQl, Grpc
from slimmer.exercise.result import ExerciseResult
from slimmer.exercise.rpc import Rpc
from slimmer.exercise.verdict import failure
from tests.unit.grpc.server import SERVER
from tests.unit.local_app import CERTIFICATE, LocalApp
from tests.unit.protocols.test_exercise import free_port_below

HEALTH = "/grpc.health.v1.Health/Check"
SHOP = "/shop.v1.Shop"


class Result:
    """What came of the calls: the whole exercise, which methods were called, in order, and what was said."""

    def __init__(self, exercised: ExerciseResult, log: list[str], said: list[str], opened: set[str]) -> None:
        self.exercised, self.log, self.said, self.opened = exercised, log, said, opened
        self.kept = {one.request.path: one for one in exercised.answers if isinstance(one.request, Rpc)}
        self.told = next((one for one in exercised.generated if one.source == "grpc"), None)

    @property
    def numbers(self) -> tuple[int, int, int | None]:
        assert self.told
        return self.told.found, self.told.asked, self.told.answered

    def body(self, path: str) -> str:
        return (self.kept[path].body or b"").decode()


def call(
    folder: Path,
    source: str = "",
    start: str = "serve_grpc(PORT)",
    bounds: Grpc = Grpc(),
    *,
    again: ExerciseResult | None = None,
    protocols: bool = True,
) -> Result:
    """Call the methods of an app; with `again`, call again what that run kept."""
    log, said, port = folder / "called", list[str](), again.ports[0] if again else free_port_below()
    log.write_text("")
    setup = f"LOG, PORT = {str(log)!r}, {port}\n{textwrap.dedent(source)}\n{SERVER}\n{start}\nforever()\n"
    with LocalApp(folder, setup, watched=True) as app:
        expected = replay_expectations(again) if again else None
        plan = ExercisePlan(
            ports=(), api=Api(on=False), crawl=Crawl(on=False), graphql=GraphQl(on=False), grpc=bounds, protocols=protocols
        )
        exercised = exercise(app, plan, expected, say=said.append)
    lines = (folder / "app.log").read_text().splitlines()
    return Result(exercised, log.read_text().splitlines(), said, {line[5:] for line in lines if line[:5] == "open "})


def test_each_method_is_called_once(tmp_path: Path) -> None:
    result = call(tmp_path)
    print(result.said, result.log, result.exercised)
    assert result.numbers == (12, 8, 5), result.said
