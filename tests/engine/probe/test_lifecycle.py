"""Beginnings and ends under the probe: exit codes, signals, children, commands beside the app, filters, sockets."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from slimmer.engine import images
from slimmer.engine.connection import Engine
from slimmer.engine.options import RunOptions
from slimmer.engine.resources import EngineResources
from slimmer.errors import AppFailed
from slimmer.image.config import ImageConfig
from tests.engine.watching import DEADLINE, RECORDERS, Bench, looked_at

SHORT_RUNS = 8
ENDLESS = 3600.0
recorders = pytest.mark.parametrize("recorder", RECORDERS)


def life(*way: str) -> RunOptions:
    """Options of a run that lives this way (images/probe/life.c)."""
    return RunOptions(cmd=("/bin/life", *way))


# ---------------------------------------------------------------------- ends


@recorders
def test_every_short_run_has_its_trailer(
    probes: Bench, scope: EngineResources, image: ImageConfig, recorder: str
) -> None:
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
    probes: Bench, scope: EngineResources, image: ImageConfig, way: tuple[str, ...], recorder: str
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
    probes: Bench, scope: EngineResources, image: ImageConfig, way: str, code: int, recorder: str
) -> None:
    """PID 1 does not die of abort()'s signal, but of what abort() does next."""
    with probes.watched(scope, image, life(way), recorder) as watched:
        assert watched.wait_for_end() == code


def test_the_expected_ends_are_the_native_ones(probes: Bench, scope: EngineResources, image: ImageConfig) -> None:
    for way, code in {**ENDS, ("crash",): 139, ("abort",): 139}.items():
        assert probes.natively(scope, image, life(*way)).code == code, way


@recorders
def test_a_signal_is_handled(probes: Bench, scope: EngineResources, image: ImageConfig, recorder: str) -> None:
    with probes.watched(scope, image, life("term"), recorder) as watched:
        watched.wait_for_output("ready")
        log = watched.run.finish(image.image_id, "SIGTERM", 10.0)
        assert watched.container.wait(10.0) == 41
    assert log.complete


@recorders
def test_an_app_that_does_not_hear_is_killed_in_time(
    probes: Bench, scope: EngineResources, image: ImageConfig, recorder: str
) -> None:
    with probes.watched(scope, image, life("stay"), recorder) as watched:
        watched.wait_for_output("ready")
        log = watched.run.finish(image.image_id, "SIGTERM", 0.5)
        assert watched.container.wait(10.0) == 137
    assert log.complete


@pytest.mark.parametrize("recorder", ["notify", "ptrace"])
def test_an_app_that_ignores_its_signal_is_not_waited_for(
    probes: Bench, scope: EngineResources, image: ImageConfig, recorder: str
) -> None:
    """Its handler resets itself and raises the signal again, as that of Node.js does. PID 1 does not get this one."""
    with probes.watched(scope, image, life("reset"), recorder) as watched:
        watched.wait_for_output("ready")
        log = watched.run.finish(image.image_id, "SIGTERM", ENDLESS)
        assert watched.container.wait(10.0) == 137
    assert log.complete


@pytest.mark.parametrize("recorder", ["notify", "ptrace"])
@pytest.mark.parametrize("how", ["close", "work"])
def test_an_app_that_shuts_down_slowly_has_its_time(
    probes: Bench, scope: EngineResources, image: ImageConfig, how: str, recorder: str
) -> None:
    """It resets its handler, so that a second signal would end it at once. Then it shuts down for some seconds."""
    with probes.watched(scope, image, life("reset", how), recorder) as watched:
        watched.wait_for_output("ready")
        log = watched.run.finish(image.image_id, "SIGTERM", DEADLINE)
        assert watched.container.wait(10.0) == 43
    assert "/etc/passwd" in {access.asked for access in log.accesses if access.found}


@recorders
def test_a_command_that_cannot_be_run_fails_as_natively(
    probes: Bench, scope: EngineResources, image: ImageConfig, recorder: str
) -> None:
    for command, words in {"/bin/nothing": "code 127", "/etc/passwd": "code 126", "nothing": "code 127"}.items():
        with (
            pytest.raises(AppFailed, match=words),
            probes.watched(scope, image, RunOptions(cmd=(command,)), recorder),
        ):
            pass


# ---------------------------------------------------------------------- children


@recorders
def test_children_end_and_stop_as_natively(
    probes: Bench, scope: EngineResources, image: ImageConfig, recorder: str
) -> None:
    native, watched = probes.natively(scope, image, life("all")), probes.watch(scope, image, life("all"), recorder)
    assert native.output.count("ended") == 10
    assert "stopped by 19\ncontinued\nstopped by 20\ncontinued\nended with 7\n" in native.output
    assert watched.output.splitlines() == native.output.splitlines()
    assert watched.code == native.code == 0


@recorders
def test_orphans_are_the_app_s_and_nobody_else_is(
    probes: Bench, scope: EngineResources, image: ImageConfig, recorder: str
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
def test_a_shell_with_job_control_works(probes: Bench, scope: EngineResources, engine: Engine, recorder: str) -> None:
    debian = images.resolve(engine, "debian:bookworm-slim")
    options = RunOptions(cmd=("bash", "-c", JOBS))
    assert probes.natively(scope, debian, options).output == JOBS_OUTPUT
    assert probes.watch(scope, debian, options, recorder).output == JOBS_OUTPUT


@recorders
def test_an_app_that_traces_its_children(
    probes: Bench, scope: EngineResources, image: ImageConfig, recorder: str
) -> None:
    """With ptrace for the recorder the child has its tracer already: EPERM (1)."""
    traced = "stopped by 5\nended with 0\n"
    assert probes.natively(scope, image, life("trace")).output == traced
    assert probes.watch(scope, image, life("trace"), recorder).output == (
        "ended with 1\n" if recorder == "ptrace" else traced
    )


# ---------------------------------------------------------------------- commands beside the app


@recorders
def test_commands_beside_the_app_are_seen_also_at_once(
    probes: Bench, scope: EngineResources, image: ImageConfig, recorder: str
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
def test_an_app_s_own_filter_works(probes: Bench, scope: EngineResources, image: ImageConfig, recorder: str) -> None:
    ended = probes.watch(scope, image, life("filter-errno"), recorder)
    assert ended.output == "filter: works\ngetppid: EDOM\n"
    assert ended.counters["own_filters"] == 0


@recorders
@pytest.mark.parametrize("way", ["filter-trace", "filter-listener"])
def test_a_filter_that_clashes_is_counted(
    probes: Bench, scope: EngineResources, image: ImageConfig, way: str, recorder: str
) -> None:
    ended = probes.watch(scope, image, life(way), recorder)
    refused = way == "filter-listener" and recorder != "ptrace"
    assert ended.output == f"filter: {'EBUSY' if refused else 'works'}\n"
    assert ended.counters["own_filters"] == 1


@recorders
def test_calls_that_a_signal_takes_back_are_counted(
    probes: Bench, scope: EngineResources, image: ImageConfig, recorder: str
) -> None:
    ended = probes.watch(scope, image, life("timer"), recorder)
    alarms, _, interrupted = ended.output.strip().partition(", interrupted ")
    assert alarms == "alarms many"
    if recorder == "notify":
        assert ended.counters["interrupted"] >= int(interrupted)
    else:
        assert (int(interrupted), ended.counters["interrupted"]) == (0, 0)


@recorders
def test_listening_sockets_are_told(probes: Bench, scope: EngineResources, image: ImageConfig, recorder: str) -> None:
    with probes.watched(scope, image, life("listen"), recorder) as watched:
        watched.wait_for_output("ready")
        deadline = time.monotonic() + 10
        while len(watched.run.listening_sockets()) < 2 and time.monotonic() < deadline:
            watched.run.wait(0.1)
        log = watched.run.finish(image.image_id, "SIGTERM", 10.0)
    assert {(listener.address, listener.port, listener.protocol) for listener in log.listeners} == {
        ("0.0.0.0", 8080, "tcp"), ("::", 8081, "tcp"), ("/life and limb.sock", 0, "unix"), ("@life", 0, "unix"),
    }  # fmt: skip


def test_an_app_with_countless_unix_sockets_costs_no_record_for_each(
    probes: Bench, scope: EngineResources, image: ImageConfig
) -> None:
    with probes.watched(scope, image, life("listen", "300"), "auto") as watched:
        watched.wait_for_output("ready")
        deadline = time.monotonic() + 10
        while len(watched.run.listening_sockets()) < 256 and time.monotonic() < deadline:
            watched.run.wait(0.1)
        log = watched.run.finish(image.image_id, "SIGTERM", 10.0)
    assert (len(log.unix_sockets), log.tcp_ports) == (256, (8080, 8081))
