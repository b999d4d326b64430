"""Requests that the build has not seen work under `balanced`. Some fail under `observed`, which shows that the rules matter.
A scanner finds the packages of the slim images.

Here, `observed` is the control of a few images only. `make cases` has it for each case and app that it is given.
"""

from __future__ import annotations

from pathlib import Path

import docker
import pytest

from tests.engine import case, case_answers, case_images, syft
from tests.engine.case import Case

BEYOND = 2
"""How many routes of an app may need what no rule can find; or 5 %, where that is more."""


CONTROLLED = ("go", "lua", "openresty")


@pytest.fixture(scope="module", params=[*case.APP_NAMES, *case_images.QUICK])
def subject(request: pytest.FixtureRequest) -> Case:
    """Each app and each quick case in turn, with its image."""
    loaded = case.load_any(request.param)
    case_images.build_image(loaded)
    return loaded


def test_requests_that_the_build_has_not_seen(
    subject: Case, engine: docker.DockerClient, leftovers: None, tmp_path: Path
) -> None:
    original = case_answers.answers(engine, subject, subject.image)
    assert case_answers.unexpected(subject, original) == {}, "the original itself fails"
    with case_images.slim_image(engine, subject, "balanced", tmp_path) as tag:
        balanced = case_answers.passing(subject, original, case_answers.answers(engine, subject, tag))
        syft.check_packages(tag, tmp_path / f"{subject.name}-balanced")
    assert subject.within_reach - balanced == set()
    if subject.name not in CONTROLLED:
        return
    options = case_images.reuse(subject, "balanced", tmp_path)
    with case_images.slim_image(engine, subject, "observed", tmp_path, options) as tag:
        observed = case_answers.passing(subject, original, case_answers.answers(engine, subject, tag))
    assert subject.within_reach - observed != set(), "nothing needs the rules: the control is none"


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
