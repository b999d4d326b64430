"""Calls of a real API by its description: what they open is in the slim image, which answers like the original.

The app gives each thing that it makes a random ID, and only one operation needs two files (images/described).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from tests.engine.names import LABEL, OWN
from tests.engine.observed_build import observed_build

APP = Path(__file__).with_name("images") / "described"
OF_PRINTING = {"/srv/Printer.pm", "/srv/print.txt"}

pytestmark = pytest.mark.usefixtures("leftovers")


@pytest.fixture
def app(engine: docker.DockerClient, leftovers: None) -> Iterator[str]:
    """The image of images/described, under its tag. It goes again, with its slim image."""
    name = f"{OWN}-described-{uuid.uuid4().hex[:12]}"
    engine.images.build(path=str(APP), tag=f"{name}:latest", rm=True, forcerm=True, labels={LABEL: OWN})
    yield f"{name}:latest"
    for tag in (f"{name}:latest", f"{name}:slim"):
        if engine.images.list(tag):
            engine.images.remove(tag, force=True)


def test_the_slim_image_has_what_the_operations_open(app: str, tmp_path: Path) -> None:
    said, report, kept = observed_build(app, app.replace(":latest", ":slim"), tmp_path / "out", "--openapi", "auto")
    assert "called 4 of 4 operations of /openapi.yaml: 4 answered 2xx; " in said
    assert kept >= OF_PRINTING
    assert report["verification"]["verified"] and not report["verification"]["missed"]
    calls = [(one["method"], one["path"]) for one in report["exercise"]["requests"] if one["source"] == "openapi"]
    assert ("POST", "/v1/notes") in calls and ("GET", "/v1/notes/${v1_notes_noteId}/print") in calls
    [told] = report["exercise"]["generated"]
    assert (told["found"], told["requested"], told["answered"], told["limits"]) == (4, 4, 4, [])
