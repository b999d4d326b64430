"""Beginnings and ends under the probe: exit codes, signals, children, filters, and what happens when somebody is killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from slimmer.engine import images
from slimmer.engine.connection import Engine
from slimmer.engine.labels import RUN_LABEL
from slimmer.engine.options import RunOptions
from slimmer.engine.session import RunScope, remove_everything
from slimmer.errors import AppFailed, ObservationIncomplete
from slimmer.image.config import ImageConfig
from slimmer.observe.log import Recorder
from tests.engine.probe.conftest import left
from tests.engine.watching import DEADLINE, RECORDERS, Bench, Ended

SHORT_RUNS = 20
DEATH_DEADLINE = 20.0
recorders = pytest.mark.parametrize("recorder", RECORDERS)


def life(*way: str) -> RunOptions:
    """Options of a run that lives this way (images/probe/life.c)."""
    return RunOptions(cmd=("/bin/life", *way))


def looked_at(ended: Ended) -> set[str]:
    assert ended.log is not None
    return {access.asked for access in ended.log.accesses if access.found}


# ---------------------------------------------------------------------- ends


@recorders
def test_every_short_run_has_its_trailer(probes: Bench, scope: RunScope, image: ImageConfig, recorder: str) -> None:
    probes.identity(scope, image, life())
    with ThreadPoolExecutor(4) as pool:
        options = RunOptions(cmd=("/bin/touch", "/etc/passwd", "/etc/group"))
        runs = [pool.submit(probes.watch, scope, image, options, recorder) for _ in range(SHORT_RUNS)]
        ended = [run.result() for run in runs]
    assert [run.code for run in ended] == SHORT_RUNS * [0]
    assert [run.log.complete for run in ended if run.log] == SHORT_RUNS * [True]
    assert all({"/bin/touch", "/etc/passwd", "/etc/group"} <= looked_at(run) for run in ended)


ENDS = {
    ("exit", "7"): 7,
    ("exit-of-thread",): 8,
    ("exit-in-thread",): 9,
    ("last-thread",): 0,
    ("chain", "20", "5"): 5,
}


@recorders
@pytest.mark.parametrize("way", ENDS, ids=" ".join)
def test_the_app_s_exit_code_is_its_own(
    probes: Bench, scope: RunScope, image: ImageConfig, way: tuple[str, ...], recorder: str
) -> None:
    ended = probes.watch(scope, image, life(*way), recorder)
    assert ended.code == ENDS[way]
    assert ended.log is not None
    assert ended.log.complete
    if way[0] == "last-thread":
        assert "/etc/passwd" in looked_at(ended)


@recorders
@pytest.mark.parametrize(("way", "code"), [("crash", 139), ("abort", 139)])
def test_an_app_that_crashes_ends_as_natively(
    probes: Bench, scope: RunScope, image: ImageConfig, way: str, code: int, recorder: str
) -> None:
    """PID 1 does not die of abort()'s signal, but of what abort() does next."""
    with probes.watched(scope, image, life(way), recorder) as watched:
        assert watched.wait_for_end() == code


def test_the_expected_ends_are_the_native_ones(probes: Bench, scope: RunScope, image: ImageConfig) -> None:
    for way, code in {**ENDS, ("crash",): 139, ("abort",): 139}.items():
        assert probes.natively(scope, image, life(*way)).code == code, way


@recorders
def test_a_signal_is_handled(probes: Bench, scope: RunScope, image: ImageConfig, recorder: str) -> None:
    with probes.watched(scope, image, life("term"), recorder) as watched:
        watched.wait_for_output("ready")
        log = watched.run.finish(image.image_id, "SIGTERM", 10.0)
        assert watched.container.wait(10.0) == 41
    assert log.complete


@recorders
def test_an_app_that_does_not_hear_is_killed_in_time(
    probes: Bench, scope: RunScope, image: ImageConfig, recorder: str
) -> None:
    with probes.watched(scope, image, life("stay"), recorder) as watched:
        watched.wait_for_output("ready")
        log = watched.run.finish(image.image_id, "SIGTERM", 0.5)
        assert watched.container.wait(10.0) == 137
    assert log.complete


@recorders
def test_a_command_that_cannot_be_run_fails_as_natively(
    probes: Bench, scope: RunScope, image: ImageConfig, recorder: str
) -> None:
    for command, words in {"/bin/nothing": "code 127", "/etc/passwd": "code 126", "nothing": "code 127"}.items():
        with (
            pytest.raises(AppFailed, match=words),
            probes.watched(scope, image, RunOptions(cmd=(command,)), recorder),
        ):
            pass


# ---------------------------------------------------------------------- children


@recorders
def test_children_end_and_stop_as_natively(probes: Bench, scope: RunScope, image: ImageConfig, recorder: str) -> None:
    native, watched = probes.natively(scope, image, life("all")), probes.watch(scope, image, life("all"), recorder)
    assert native.output.count("ended") == 10
    assert "stopped by 19\ncontinued\nstopped by 20\ncontinued\nended with 7\n" in native.output
    assert watched.output.splitlines() == native.output.splitlines()
    assert watched.code == native.code == 0


@recorders
def test_orphans_are_the_app_s_and_nobody_else_is(
    probes: Bench, scope: RunScope, image: ImageConfig, recorder: str
) -> None:
    assert probes.watch(scope, image, life("orphans"), recorder).output == "reaped 20, sum 45, then ECHILD\n"


JOBS = """exec 2>/dev/null; set -m
sleep 100 & kill -STOP %1; while [ "$(jobs -s)" = "" ]; do :; done; kill -CONT %1; kill %1; wait %1; echo slept $?
(exit 3) & wait $!; echo ended $?
{ kill -STOP $BASHPID; exit 4; } & while [ "$(jobs -s)" = "" ]; do :; done; fg >/dev/null; echo came back $?
true | (read nothing; exit 5); echo piped $?
trap 'echo heard' USR1; kill -USR1 $$; echo done"""
JOBS_OUTPUT = "slept 143\nended 3\ncame back 4\npiped 5\nheard\ndone\n"


@recorders
def test_a_shell_with_job_control_works(probes: Bench, scope: RunScope, engine: Engine, recorder: str) -> None:
    debian = images.resolve(engine, "debian:bookworm-slim")
    options = RunOptions(cmd=("bash", "-c", JOBS))
    assert probes.natively(scope, debian, options).output == JOBS_OUTPUT
    assert probes.watch(scope, debian, options, recorder).output == JOBS_OUTPUT


@recorders
def test_an_app_that_traces_its_children(probes: Bench, scope: RunScope, image: ImageConfig, recorder: str) -> None:
    """With ptrace for the recorder the child has its tracer already: EPERM (1)."""
    traced = "stopped by 5\nended with 0\n"
    assert probes.natively(scope, image, life("trace")).output == traced
    assert probes.watch(scope, image, life("trace"), recorder).output == (
        "ended with 1\n" if recorder == "ptrace" else traced
    )


# ---------------------------------------------------------------------- commands beside the app


@recorders
def test_commands_beside_the_app_are_seen_also_at_once(
    probes: Bench, scope: RunScope, image: ImageConfig, recorder: str
) -> None:
    """And one that cannot be run does no harm to those after it."""
    with probes.watched(scope, image, life("term"), recorder) as watched:
        watched.wait_for_output("ready")
        assert watched.run.execute(("/bin/nothing",), DEADLINE)[0] == 127
        with ThreadPoolExecutor(3) as pool:
            files = ("/etc/passwd", "/etc/group", "/native/open/file")
            codes = list(pool.map(lambda path: watched.run.execute(("/bin/touch", path), DEADLINE)[0], files))
        log = watched.run.finish(image.image_id, "SIGTERM", 10.0)
        assert watched.container.wait(10.0) == 41
    assert codes == [0, 0, 0]
    assert set(files) <= {access.asked for access in log.accesses if access.executable == "/bin/touch"}


# ---------------------------------------------------------------------- filters, signals


@recorders
def test_an_app_s_own_filter_works(probes: Bench, scope: RunScope, image: ImageConfig, recorder: str) -> None:
    ended = probes.watch(scope, image, life("filter-errno"), recorder)
    assert ended.output == "filter: works\ngetppid: EDOM\n"
    assert ended.counters["own_filters"] == 0


@recorders
@pytest.mark.parametrize("way", ["filter-trace", "filter-listener"])
def test_a_filter_that_clashes_is_counted(
    probes: Bench, scope: RunScope, image: ImageConfig, way: str, recorder: str
) -> None:
    ended = probes.watch(scope, image, life(way), recorder)
    refused = way == "filter-listener" and recorder != "ptrace"
    assert ended.output == f"filter: {'EBUSY' if refused else 'works'}\n"
    assert ended.counters["own_filters"] == 1


@recorders
def test_calls_that_a_signal_takes_back_are_counted(
    probes: Bench, scope: RunScope, image: ImageConfig, recorder: str
) -> None:
    ended = probes.watch(scope, image, life("timer"), recorder)
    alarms, _, interrupted = ended.output.strip().partition(", interrupted ")
    assert alarms == "alarms many"
    if recorder == "notify":
        assert ended.counters["interrupted"] >= int(interrupted)
    else:
        assert (int(interrupted), ended.counters["interrupted"]) == (0, 0)


# ---------------------------------------------------------------------- somebody is killed


@pytest.mark.parametrize(
    ("way", "recorder"), [("kill-supervisor", "notify"), ("kill-supervisor", "ptrace"), ("kill-everyone", "notify")]
)
def test_a_run_without_its_supervisor_ends_and_is_no_success(
    probes: Bench, scope: RunScope, image: ImageConfig, way: str, recorder: str
) -> None:
    with probes.watched(scope, image, life(way), recorder) as watched, pytest.raises(ObservationIncomplete):
        watched.wait_for_end()
        watched.run.finish(image.image_id, "SIGTERM", 1.0)


@recorders
def test_the_supervisor_outlives_a_signal_to_everyone(
    probes: Bench, scope: RunScope, image: ImageConfig, recorder: str
) -> None:
    ended = probes.watch(scope, image, life("terminate-everyone"), recorder)
    assert ended.code == 0
    assert "/etc/passwd" in looked_at(ended)


@recorders
def test_the_container_ends_with_a_slimmer_that_is_killed(engine: Engine, image: ImageConfig, recorder: str) -> None:
    command = (sys.executable, "-m", "tests.engine.probe.driver", image.image_id, recorder)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]) as driver:
        assert driver.stdout is not None
        run, _, container = driver.stdout.readline().strip().partition(" ")
        driver.send_signal(signal.SIGKILL)
    try:
        assert container
        assert ends(engine, container)
    finally:
        remove_run(engine, run)
    assert left(engine, run) == []


def ends(engine: Engine, container: str) -> bool:
    """Whether a container ends by itself in time."""
    deadline = time.monotonic() + DEATH_DEADLINE
    while time.monotonic() < deadline:
        if not engine.api.inspect_container(container)["State"]["Running"]:
            return True
        time.sleep(0.05)
    return False


def remove_run(engine: Engine, run: str) -> None:
    """Remove what a killed run left."""
    mine = engine.api.containers(all=True, filters={"label": f"{RUN_LABEL}={run}"})
    tags = [tag for entry in engine.api.images() for tag in entry["RepoTags"] or () if run in tag]
    remove_everything(engine, [entry["Id"] for entry in mine], (), tags)


# ---------------------------------------------------------------------- losses


def test_a_flood_of_opens_is_recorded_or_the_run_fails(probes: Bench, scope: RunScope, image: ImageConfig) -> None:
    """fanotify's queue fills while the supervisor is stopped (16,384 events are the kernel's default)."""
    count = 17_000
    with probes.watched(scope, image, life("flood", str(count)), "fanotify") as watched:
        assert watched.wait_for_end() == 0
        try:
            log = watched.run.finish(image.image_id, "", 10.0)
        except ObservationIncomplete as error:
            assert "lost" in str(error)
        else:
            assert len({a.asked for a in log.accesses if a.asked.startswith("/tmp/flood-")}) == count


@pytest.mark.parametrize("recorder", ["notify", "ptrace"])
def test_of_much_at_once_nothing_is_lost(probes: Bench, scope: RunScope, image: ImageConfig, recorder: str) -> None:
    """Four processes of four threads, each of which looks for 250 different files."""
    log = probes.watch(scope, image, life("storm"), recorder).log
    assert log is not None
    looked_for = [access.asked for access in log.accesses if access.asked.startswith("/storm/")]
    assert len(looked_for) == len(set(looked_for)) == 4000


@pytest.mark.parametrize("recorder", ["notify", "ptrace"])
def test_looks_below_another_root_survive_renames(
    probes: Bench, scope: RunScope, image: ImageConfig, recorder: str
) -> None:
    """openat2(2): EAGAIN where the kernel cannot tell that ".." stays below a root."""
    log = probes.watch(scope, image, life("other-root"), recorder).log
    assert log is not None
    missing = {access.asked for access in log.accesses if "/folder/../folder/../missing-" in access.asked}
    assert len(missing) == 3000
    assert all(path.startswith("/native/chroot/root/") for path in missing)


# ---------------------------------------------------------------------- other containers


@recorders
def test_a_read_only_root_is_no_obstacle(probes: Bench, scope: RunScope, image: ImageConfig, recorder: str) -> None:
    options = RunOptions(cmd=("/bin/touch", "/etc/passwd"), read_only=True, user="worker")
    assert {"/bin/touch", "/etc/passwd"} <= looked_at(probes.watch(scope, image, options, recorder))


@recorders
def test_an_init_process_is_no_obstacle(probes: Bench, scope: RunScope, image: ImageConfig, recorder: str) -> None:
    options = RunOptions(cmd=("/bin/touch", "/etc/passwd", "/etc/nothing"), init=True)
    ended = probes.watch(scope, image, options, recorder)
    assert ended.code == 1
    assert {"/bin/touch", "/etc/passwd"} <= looked_at(ended)


@recorders
def test_listening_sockets_are_told(probes: Bench, scope: RunScope, image: ImageConfig, recorder: str) -> None:
    with probes.watched(scope, image, life("listen"), recorder) as watched:
        watched.wait_for_output("ready")
        deadline = time.monotonic() + 10
        while len(watched.run.listening_ports()) < 2 and time.monotonic() < deadline:
            watched.run.wait(0.1)
        log = watched.run.finish(image.image_id, "SIGTERM", 10.0)
    assert {(listener.address, listener.port) for listener in log.listeners} == {("0.0.0.0", 8080), ("::", 8081)}


# ---------------------------------------------------------------------- other kernels


def profile(folder: Path, *calls: str, error: int) -> str:
    """A seccomp profile that refuses some calls and allows all others; as an option of the run."""
    refuse = {"names": list(calls), "action": "SCMP_ACT_ERRNO", "errnoRet": error}
    path = folder / "profile.json"
    path.write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [refuse]}))
    return f"seccomp={path}"


def test_without_user_notification_ptrace_steps_in(
    probes: Bench, scope: RunScope, image: ImageConfig, tmp_path: Path
) -> None:
    """As on kernels before 5.6, which have no pidfd_getfd."""
    option = profile(tmp_path, "pidfd_getfd", error=38)
    ended = probes.watch(scope, image, RunOptions(cmd=("/bin/touch", "/etc/passwd"), security_opt=(option,)), "auto")
    assert "/etc/passwd" in looked_at(ended)
    assert ended.log is not None
    notify, ptrace, _ = ended.log.recorders
    assert notify == Recorder("notify", False, "the kernel gives no listener: Function not implemented")
    assert ptrace == Recorder("ptrace", True, "user notification does not run")


def test_without_fanotify_the_others_run(probes: Bench, scope: RunScope, image: ImageConfig, tmp_path: Path) -> None:
    options = RunOptions(cmd=("/bin/touch", "/etc/passwd"), security_opt=(profile(tmp_path, "fanotify_init", error=1),))
    ended = probes.watch(scope, image, options, "auto")
    assert "/etc/passwd" in looked_at(ended)
    assert ended.log is not None
    assert [(recorder.name, recorder.active) for recorder in ended.log.recorders] == [
        ("notify", True),
        ("ptrace", False),
        ("fanotify", False),
    ]
    assert "Operation not permitted" in ended.log.recorders[2].reason


@pytest.mark.parametrize(
    ("recorder", "call", "error"), [("notify", "pidfd_getfd", 38), ("fanotify", "fanotify_init", 1)]
)
def test_a_recorder_that_was_asked_for_and_cannot_run_is_an_error(
    probes: Bench, scope: RunScope, image: ImageConfig, tmp_path: Path, recorder: str, call: str, error: int
) -> None:
    options = RunOptions(cmd=("/bin/life", "stay"), security_opt=(profile(tmp_path, call, error=error),))
    with (
        pytest.raises((AppFailed, ObservationIncomplete), match=r"notification|fanotify"),
        probes.watched(scope, image, options, recorder),
    ):
        pass


@recorders
def test_memory_is_read_another_way_where_a_profile_forbids(
    probes: Bench, scope: RunScope, image: ImageConfig, tmp_path: Path, recorder: str
) -> None:
    options = RunOptions(
        cmd=("/bin/touch", "/etc/passwd"), security_opt=(profile(tmp_path, "process_vm_readv", error=1),)
    )
    ended = probes.watch(scope, image, options, recorder)
    assert {"/bin/touch", "/etc/passwd"} <= looked_at(ended)
    assert ended.counters["unreadable"] == 0
