"""What type checkers see of the API. `make check` runs mypy --strict over this file; that is the test."""

from __future__ import annotations

from typing import assert_type

import slimmer


def show(event: slimmer.Event) -> None:
    """A callback."""
    if isinstance(event, slimmer.StageEnded):
        assert_type(event.seconds, float)


def use() -> None:
    """Every function, with arguments as the documentation has them; it is never called."""
    built = slimmer.build("myapp", policy="balanced", env={"A": "b"}, probe="/", until=2.5, on_event=show)
    assert_type(built, slimmer.BuildResult)
    assert_type(built.ratio, float)
    observed = slimmer.observe("myapp", out=None, cmd=["web", "worker"], docker_host="unix:///run/docker.sock")
    assert_type(observed, slimmer.ObserveResult)
    assert_type(observed.log, slimmer.AccessLog)
    assert_type(slimmer.attach("web", until=600, stop=lambda: True), slimmer.ObserveResult)
    assert_type(slimmer.keep([observed.log, "access.json"], out="packed", licences=False), slimmer.KeepResult)
    assert_type(slimmer.rebuild("packed", tag="myapp:slim"), slimmer.RebuildResult)
    assert_type(slimmer.verify("myapp", "myapp:slim", port=80).differences, tuple[slimmer.Difference, ...])
    assert_type(slimmer.compare("myapp", "myapp:slim"), slimmer.Comparison)
    assert_type(slimmer.explain("myapp", "/etc"), slimmer.Explanation)
    assert_type(slimmer.sizes("myapp").total.size, int)
    assert_type(slimmer.clean(dry_run=True), slimmer.CleanResult)
    assert_type(slimmer.doctor(), tuple[slimmer.Check, ...])
    assert_type(slimmer.run(slimmer.BuildRequest("myapp")), slimmer.BuildResult)
    assert_type(slimmer.run(slimmer.VerifyRequest("a", after="b")), slimmer.VerifyResult)
    slimmer.build("myapp", polcy="balanced")  # type: ignore[call-arg]
    slimmer.build("myapp", repair="many")  # type: ignore[arg-type]


def test_it_is_there() -> None:
    assert callable(use)
