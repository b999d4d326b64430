"""Calls of a real gRPC server without options: what its methods open is in the slim image, and each method works there (images/weather)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import docker
import grpc
import pytest

from tests.engine import case_images
from tests.engine.cli_runner import address, running
from tests.engine.names import OWN
from tests.engine.observed_build import ObservedBuild, observed_build

APP = Path(__file__).with_name("images") / "weather"
FOLDER = "/srv/weather"
TAG = f"{OWN}-weather:slim"


@pytest.fixture(scope="module")
def built(engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObservedBuild]:
    """The slim image of images/weather, which goes again. The original stays for the next run, as those of cases do."""
    image, out = "slimmer-sample-weather:latest", tmp_path_factory.mktemp("weather") / "out"
    case_images.build(image, APP, case_images.make_base())
    yield observed_build(image, TAG, out)
    engine.images.remove(TAG, force=True)


def test_the_methods_are_found_and_called(built: ObservedBuild) -> None:
    assert "called 3 of 5 methods of gRPC on 50051: 3 answered OK; 4 requests cover what they opened" in built.said
    assert "grpc: left out 1 method that takes a stream: Weather/Upload" in built.said
    assert "grpc: left out 1 method that would end the app: Weather/Shutdown" in built.said
    assert "only the start of the app was observed" not in built.said


def test_the_calls_are_verified_and_reported(built: ObservedBuild) -> None:
    assert built.report["verification"]["verified"] and not built.report["verification"]["missed"]
    calls = {row["path"]: row["status"] for row in built.report["exercise"]["requests"] if row["source"] == "grpc"}
    assert calls == {
        "/grpc.health.v1.Health/Check": 0,
        "/weather.v1.Weather/GetForecast": 0,
        "/weather.v1.Weather/ListStations": 0,
        "/weather.v1.Weather/ReportStorm": 0,
    }
    [told] = built.report["exercise"]["generated"]
    assert (told["source"], told["found"], told["requested"], told["answered"]) == ("grpc", 5, 3, 3)
    [port] = built.report["exercised"]["ports"]
    assert (port["port"], port["use"]) == (50051, "spoken")


def test_what_only_methods_open_is_kept(built: ObservedBuild) -> None:
    files = ("forecast.txt", "stations.csv", "storm.py", "siren.txt")
    assert built.kept >= {f"{FOLDER}/{name}" for name in files}


def test_the_slim_image_answers_a_client(built: ObservedBuild, engine: docker.DockerClient) -> None:
    with running(engine, TAG) as container:
        target = address(container).removeprefix("http://")
        with grpc.insecure_channel(target) as channel:
            grpc.channel_ready_future(channel).result(timeout=60)
            forecast = channel.unary_unary("/weather.v1.Weather/GetForecast")(b"", timeout=60)
            stations = list(channel.unary_stream("/weather.v1.Weather/ListStations")(b"", timeout=60))
    assert b"Rain, later sun." in forecast
    assert len(stations) == 2
