"""The system calls that the probe counts: exactly those of the app, and none of its own or of strangers."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from slimmer.engine.options import RunOptions
from slimmer.engine.resources import EngineResources
from slimmer.image.config import ImageConfig
from tests.engine.probe.image import BUILDS
from tests.engine.probe.test_surroundings import profile
from tests.engine.watching import RECORDERS, Bench, Ended

ALWAYS = {"getppid", "clone", "sched_yield", "wait4", "exit_group"}
IN_NAMESPACES = {"getrusage", "unshare"}
NATIVE = {"x86_64": "x86_64", "aarch64": "aarch64"}.get(platform.machine(), "")
COMPAT = {"x86": {"getpgrp"}} if NATIVE == "x86_64" else {}

pytestmark = pytest.mark.skipif(not NATIVE, reason="the probe does not support this machine")


def calls(ended: Ended) -> dict[str, set[str]]:
    """The calls that were counted, by architecture."""
    assert ended.log is not None
    return {architecture: set(names) for architecture, names in ended.log.system_calls.items()}


@pytest.mark.parametrize("recorder", RECORDERS)
def test_exactly_the_calls_of_the_app_are_counted(
    probes: Bench, scope: EngineResources, image: ImageConfig, recorder: str
) -> None:
    """The machine is busy with others meanwhile. What the engine's profile refuses (unshare) was not called."""
    ended = probes.watch(scope, image, RunOptions(cmd=("/bin/calls",)), recorder)
    assert calls(ended) == {NATIVE: ALWAYS} | COMPAT


def test_the_app_s_own_namespaces_belong_to_it(probes: Bench, scope: EngineResources, image: ImageConfig) -> None:
    ended = probes.watch(scope, image, RunOptions(cmd=("/bin/calls",), cap_add=("SYS_ADMIN",)), "auto")
    assert calls(ended) == {NATIVE: ALWAYS | IN_NAMESPACES} | COMPAT


def test_the_processes_of_the_machine_do_not_belong_to_it(
    probes: Bench, scope: EngineResources, image: ImageConfig
) -> None:
    ended = probes.watch(scope, image, RunOptions(cmd=("/bin/calls",), pid_mode="host"), "auto")
    assert calls(ended) == {NATIVE: ALWAYS} | COMPAT


@pytest.mark.skipif("i386" not in BUILDS, reason="needs i386 programs")
def test_programs_of_32_bits_have_their_own_numbers(probes: Bench, scope: EngineResources, image: ImageConfig) -> None:
    ended = probes.watch(scope, image, RunOptions(cmd=("/bin/calls-i386",)), "auto")
    assert calls(ended) == {"x86": ALWAYS}


def test_commands_beside_the_app_count_and_the_probe_that_starts_them_does_not(
    probes: Bench, scope: EngineResources, image: ImageConfig
) -> None:
    with probes.watched(scope, image, RunOptions(cmd=("/bin/calls", "stay")), "auto") as watched:
        assert watched.run.execute(("/bin/calls",), 30.0) == (0, "")
        log = watched.run.finish(image.image_id, "SIGTERM", 0.1)
    assert {name: set(found) for name, found in log.system_calls.items()} == {NATIVE: ALWAYS | {"ppoll"}} | COMPAT


@pytest.mark.parametrize(("call", "error", "reason"), [("bpf", 1, "CAP_SYS_ADMIN"), ("bpf", 38, "not implemented")])
def test_without_bpf_the_run_goes_on_and_says_why(
    probes: Bench, scope: EngineResources, image: ImageConfig, tmp_path: Path, call: str, error: int, reason: str
) -> None:
    """As in rootless engines, and on old kernels."""
    options = RunOptions(cmd=("/bin/touch", "/etc/passwd"), security_opt=(profile(tmp_path, call, error=error),))
    ended = probes.watch(scope, image, options, "auto")
    assert ended.log is not None
    counter = ended.log.recorders[-1]
    assert (counter.name, counter.active) == ("bpf", False)
    assert reason in counter.reason
    assert not ended.log.system_calls
    assert ended.log.complete
