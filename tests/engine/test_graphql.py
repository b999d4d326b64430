"""Queries of a real GraphQL API by its introspection: what they open is in the slim image, which answers like the original.

The server is graphql-core, which is copied from this environment. Only the field `poem` opens a file, and only a mutation
imports a module (images/graphed).
"""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest

from tests.engine.cli_runner import address, ask, running
from tests.engine.names import LABEL, OWN
from tests.engine.observed_build import observed_build

APP = Path(__file__).with_name("images") / "graphed"
POEM = {"method": "POST", "path": "/graphql", "json": {"query": "{ poem(line: 1) }"}}

pytestmark = pytest.mark.usefixtures("leftovers")


@pytest.fixture
def app(engine: docker.DockerClient, sample: Callable[[str], str], tmp_path: Path, leftovers: None) -> Iterator[str]:
    """The image of images/graphed, under its tag. It goes again, with its slim image."""
    sample("flask")
    spec = importlib.util.find_spec("graphql")
    assert spec is not None and spec.origin is not None
    context = tmp_path / "context"
    shutil.copytree(APP, context)
    shutil.copytree(Path(spec.origin).parent, context / "graphql", ignore=shutil.ignore_patterns("__pycache__"))
    engine.images.build(path=str(context), tag=f"{OWN}-graphed:latest", rm=True, forcerm=True, labels={LABEL: OWN})
    yield f"{OWN}-graphed:latest"
    for entry in engine.api.images(f"{OWN}-graphed"):
        for tag in entry["RepoTags"]:
            engine.images.remove(tag, force=True)


def test_fields_are_queried_with_no_options(app: str, engine: docker.DockerClient, tmp_path: Path) -> None:
    said, report, kept = observed_build(app, app.replace(":latest", ":slim"), tmp_path / "out")
    assert "asked for 3 of 4 fields of GraphQL at /graphql: 3 answered without errors" in said
    assert report["verification"]["verified"]
    assert {"/srv/books.json", "/srv/poems.txt"} <= kept
    assert "/usr/lib/python3.11/decimal.py" not in kept
    with running(engine, app.replace(":latest", ":slim")) as container:
        answer = ask(container, address(container), POEM)
        assert json.loads(answer.text) == {"data": {"poem": "But I have promises to keep."}}


def test_mutations_are_called_if_asked_for(app: str, tmp_path: Path) -> None:
    said, _, kept = observed_build(
        app,
        app.replace(":latest", ":slim"),
        tmp_path / "out",
        "--graphql-mutations",
        "--no-verify",
        "--builder",
        "load",
    )
    assert "asked for 4 of 4 fields" in said
    assert "/usr/lib/python3.11/decimal.py" in kept
