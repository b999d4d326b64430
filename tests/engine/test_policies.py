"""What no probe has called works under `balanced`; under `observed` some of it fails, which shows that the rules do it."""

from __future__ import annotations

from pathlib import Path

import docker
import pytest

from tests.engine import case, case_answers, case_images
from tests.engine.case import Case

BEYOND = 2
"""How many routes of an app may need what no rule can find; or 5 %, where that is more."""


@pytest.fixture(scope="module", params=case.APP_NAMES)
def app(request: pytest.FixtureRequest) -> Case:
    """Each app in turn, with its image."""
    loaded = case.load_app(request.param)
    case_images.build_image(loaded)
    return loaded


def test_routes_that_no_probe_called(app: Case, engine: docker.DockerClient, leftovers: None, tmp_path: Path) -> None:
    original = case_answers.answers(engine, app, app.image)
    assert case_answers.unexpected(app, original) == {}, "the original itself fails"
    working = {}
    for policy in ("observed", "balanced"):
        with case_images.slim_image(engine, app, policy, tmp_path) as tag:
            working[policy] = case_answers.passing(app, original, case_answers.answers(engine, app, tag))
    assert app.within_reach - working["balanced"] == set()
    assert app.within_reach - working["observed"] != set(), "nothing needs the rules: the control is none"


@pytest.mark.parametrize("name", case.APP_NAMES)
def test_an_app_has_a_control(name: str) -> None:
    app = case.load_app(name)
    asked = [check.request for run in app.runs for check in run.checks if check.request]
    paths = [request["path"] for request in (*app.probed, *asked)]
    assert len(paths) == len(set(paths))
    beyond = len(app.checks) - len(app.within_reach)
    assert beyond <= max(BEYOND, 0.05 * len(app.checks)), "what is beyond reach is the exception"
    for request in (*app.probed, *asked):
        assert request.keys() <= {"method", "path", "headers", "json", "form", "body", "expect", "beyond"}
        assert "status" in request["expect"]
