"""What no probe has called works under `balanced`; under `observed` some of it fails, which shows that the rules do it."""

from __future__ import annotations

from pathlib import Path

import docker
import pytest

from tests.engine import routes

BEYOND = 2
"""How many routes of an app may need what no rule can find; or 5 %, where that is more."""


@pytest.fixture(scope="module", params=routes.NAMES)
def app(request: pytest.FixtureRequest) -> routes.App:
    """Each app in turn, with its image."""
    loaded = routes.load(request.param)
    routes.build_image(loaded)
    return loaded


def test_routes_that_no_probe_called(
    app: routes.App, engine: docker.DockerClient, leftovers: None, tmp_path: Path
) -> None:
    """The control is made from the same observation."""
    original = routes.answers(engine, app.image, app.unprobed)
    assert routes.unexpected(app, original) == {}, "the original itself fails"
    log = routes.artifacts(app, "balanced", tmp_path) / "access.json"
    control = ("--access", log, "--no-observe", "--no-verify", "--builder", "load")
    working = {}
    for policy, options in (("balanced", ()), ("observed", control)):
        with routes.slim_image(engine, app, policy, tmp_path, *options) as tag:
            working[policy] = routes.working(original, routes.answers(engine, tag, app.unprobed))
    assert app.within_reach - working["balanced"] == set()
    assert app.within_reach - working["observed"] != set(), "nothing needs the rules: the control is none"


@pytest.mark.parametrize("name", routes.NAMES)
def test_an_app_has_a_control(name: str) -> None:
    app = routes.load(name)
    paths = [request["path"] for request in (*app.probed, *app.unprobed)]
    assert len(paths) == len(set(paths))
    beyond = len(app.unprobed) - len(app.within_reach)
    assert beyond <= max(BEYOND, 0.05 * len(app.unprobed)), "what is beyond reach is the exception"
    for request in (*app.probed, *app.unprobed):
        assert request.keys() <= {"method", "path", "headers", "json", "form", "body", "expect", "beyond"}
        assert "status" in request["expect"]
