"""What wears a system out goes on under the probe as it does natively, and is seen; or the run fails honestly.

Small numbers here; benchmarks/hostile.py has the large ones (hundreds of thousands of calls, all process numbers).
"""

from __future__ import annotations

import dataclasses

import pytest

from slimmer.engine.options import RunOptions
from slimmer.engine.resources import EngineResources
from slimmer.errors import AppFailed, ObservationIncomplete
from slimmer.image.config import ImageConfig
from tests.engine.watching import OUTPUT_LIMIT, RECORDERS, Bench, looked_at

ENOUGH = OUTPUT_LIMIT // (1 << 20) * 2
"""Megabytes of output: more than is kept."""

recorders = pytest.mark.parametrize("recorder", RECORDERS)


def hostile(*words: str) -> RunOptions:
    """Options of a run that lives so (images/probe/hostile.c)."""
    return RunOptions(cmd=("/bin/hostile", *words))


@recorders
def test_what_wears_a_system_out_goes_on_as_natively(
    probes: Bench, scope: EngineResources, image: ImageConfig, recorder: str
) -> None:
    """Forks, zombies, process numbers, a program without a file, large arguments, no descriptors left, a pipe, paths that change, calls without a pause."""
    native, watched = (
        probes.natively(scope, image, hostile("all")),
        probes.watch(scope, image, hostile("all"), recorder),
    )
    assert native.output.count("status 0\n") == 9
    assert watched.output.splitlines() == native.output.splitlines()
    assert (watched.code, native.code) == (0, 0)
    assert {"/etc/passwd", "/etc/group", "/tmp"} <= looked_at(watched)


@recorders
def test_namespaces_mounts_and_another_root_work_where_the_user_allows_them(
    probes: Bench, scope: EngineResources, image: ImageConfig, recorder: str
) -> None:
    allowed = RunOptions(cap_add=("SYS_ADMIN",), security_opt=("seccomp=unconfined",))
    options = dataclasses.replace(allowed, cmd=("/bin/hostile", "all", "privileged"))
    native, watched = probes.natively(scope, image, options), probes.watch(scope, image, options, recorder)
    assert "mounts: 50\n" in native.output
    assert "pivot: works\n" in native.output
    assert watched.output.splitlines() == native.output.splitlines()
    assert (watched.code, native.code) == (0, 0)
    assert {"/etc/passwd", "/etc/group"} <= looked_at(watched)


def test_more_output_than_is_kept_is_no_obstacle(probes: Bench, scope: EngineResources, image: ImageConfig) -> None:
    ended = probes.watch(scope, image, hostile("output", str(ENOUGH)), "notify")
    assert ended.code == 0
    assert "/etc/passwd" in looked_at(ended)
    assert len(ended.output) <= OUTPUT_LIMIT


@pytest.mark.parametrize(
    ("resource", "recorder"), [("descriptors", "notify"), ("memory", "ptrace"), ("time", "notify"), ("stack", "ptrace")]
)
def test_a_supervisor_that_is_starved_by_the_app_makes_no_half_a_log(
    probes: Bench, scope: EngineResources, image: ImageConfig, resource: str, recorder: str
) -> None:
    """A root app may lower the limits of any process of its user: everything is seen all the same, or the run fails."""
    try:
        ended = probes.watch(scope, image, hostile("limit", resource), recorder)
    except (ObservationIncomplete, AppFailed):
        return
    assert ended.log is not None
    missing = {access.asked for access in ended.log.accesses if access.asked.startswith("/etc/not-there-")}
    assert len(missing) == 3000
