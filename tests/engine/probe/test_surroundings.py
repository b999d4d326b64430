"""Other containers and other kernels: read-only roots, init processes, missing system calls."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from slimmer.engine.options import RunOptions
from slimmer.engine.resources import EngineResources
from slimmer.errors import AppFailed, ObservationIncomplete, UnsupportedEngine
from slimmer.image.config import ImageConfig
from slimmer.observe.log import Recorder
from tests.engine.watching import RECORDERS, Bench, looked_at

recorders = pytest.mark.parametrize("recorder", RECORDERS)


# ---------------------------------------------------------------------- other containers


@recorders
def test_a_read_only_root_is_no_obstacle(
    probes: Bench, scope: EngineResources, image: ImageConfig, recorder: str
) -> None:
    options = RunOptions(cmd=("/bin/touch", "/etc/passwd"), read_only=True, user="worker")
    assert {"/bin/touch", "/etc/passwd"} <= looked_at(probes.watch(scope, image, options, recorder))


@recorders
def test_an_init_process_is_no_obstacle(
    probes: Bench, scope: EngineResources, image: ImageConfig, recorder: str
) -> None:
    options = RunOptions(cmd=("/bin/touch", "/etc/passwd", "/etc/nothing"), init=True)
    ended = probes.watch(scope, image, options, recorder)
    assert ended.code == 1
    assert {"/bin/touch", "/etc/passwd"} <= looked_at(ended)


# ---------------------------------------------------------------------- other kernels


def profile(folder: Path, *calls: str, error: int) -> str:
    """A seccomp profile that refuses some calls and allows all others; as an option of the run."""
    refuse = {"names": list(calls), "action": "SCMP_ACT_ERRNO", "errnoRet": error}
    path = folder / "profile.json"
    path.write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [refuse]}))
    return f"seccomp={path}"


def test_without_user_notification_ptrace_steps_in(
    probes: Bench, scope: EngineResources, image: ImageConfig, tmp_path: Path
) -> None:
    """As on kernels before 5.6, which have no pidfd_getfd."""
    option = profile(tmp_path, "pidfd_getfd", error=38)
    ended = probes.watch(scope, image, RunOptions(cmd=("/bin/touch", "/etc/passwd"), security_opt=(option,)), "auto")
    assert "/etc/passwd" in looked_at(ended)
    assert ended.log is not None
    notify, ptrace, *_ = ended.log.recorders
    assert notify == Recorder("notify", False, "the kernel gives no listener: Function not implemented")
    assert ptrace == Recorder("ptrace", True, "user notification does not run")


def test_without_fanotify_the_others_run(
    probes: Bench, scope: EngineResources, image: ImageConfig, tmp_path: Path
) -> None:
    options = RunOptions(cmd=("/bin/touch", "/etc/passwd"), security_opt=(profile(tmp_path, "fanotify_init", error=1),))
    ended = probes.watch(scope, image, options, "auto")
    assert "/etc/passwd" in looked_at(ended)
    assert ended.log is not None
    assert [(recorder.name, recorder.active) for recorder in ended.log.recorders] == [
        ("notify", True),
        ("ptrace", False),
        ("fanotify", False),
        ("bpf", True),
    ]
    assert "Operation not permitted" in ended.log.recorders[2].reason


@pytest.mark.parametrize(
    ("recorder", "call", "error"), [("notify", "pidfd_getfd", 38), ("fanotify", "fanotify_init", 1)]
)
def test_a_recorder_that_was_asked_for_and_cannot_run_is_an_error(
    probes: Bench, scope: EngineResources, image: ImageConfig, tmp_path: Path, recorder: str, call: str, error: int
) -> None:
    options = RunOptions(cmd=("/bin/life", "stay"), security_opt=(profile(tmp_path, call, error=error),))
    with (
        pytest.raises((AppFailed, ObservationIncomplete, UnsupportedEngine), match=r"notification|fanotify"),
        probes.watched(scope, image, options, recorder),
    ):
        pass


@recorders
def test_memory_is_read_another_way_where_a_profile_forbids(
    probes: Bench, scope: EngineResources, image: ImageConfig, tmp_path: Path, recorder: str
) -> None:
    options = RunOptions(
        cmd=("/bin/touch", "/etc/passwd"), security_opt=(profile(tmp_path, "process_vm_readv", error=1),)
    )
    ended = probes.watch(scope, image, options, recorder)
    assert {"/bin/touch", "/etc/passwd"} <= looked_at(ended)
    assert ended.counters["unreadable"] == 0
