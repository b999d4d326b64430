"""The probe beside a container that runs already: what it finds, what it sees, what it lets alone, and how it ends."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from slimmer.engine import description, running
from slimmer.engine.connection import Engine
from slimmer.engine.containers import Container
from slimmer.engine.labels import name_of
from slimmer.engine.resources import EngineResources
from slimmer.errors import ObservationIncomplete, UnsupportedEngine
from slimmer.image.config import ImageConfig
from slimmer.observe import probe_stream
from slimmer.observe.log import AccessLog, Operation
from slimmer.runs.attached import AttachedRun
from slimmer.runs.start import attached_run
from tests.engine.probe.cases import CASES, Case
from tests.engine.probe.image import BUILDS
from tests.engine.probe.test_recorders import (
    COMMAND,
    OPENS,
    operation_and_path,
    seen_below,
    without_programs_as_files,
)
from tests.engine.watching import Bench

DEBIAN = "debian:bookworm-slim"
DEADLINE = 60.0
HOLDER = """$| = 1;
open my $closed, "<", "/etc/host.conf" or die; close $closed;
chdir "/var/lib/dpkg" or die;
open my $kept, "<", "/etc/issue" or die;
open my $removed, "<", "/etc/debian_version" or die; unlink "/etc/debian_version" or die;
open my $made, ">", "/etc/name (deleted)" or die;
open my $bytes, ">", "/etc/caf\\xe9\\n" or die;
unless (fork) { $) = $( = 65534; $< = $> = 65534; open my $other, "<", "/etc/shells" or die; print "ready\\n"; sleep 600 }
open my $own, "<", "/etc/profile" or die; print "ready\\n"; sleep 600"""
"""A program of Perl that holds files in all ways, in two processes. Each also holds one of its own; the second one's user is another."""

MANY = """$| = 1; $n = "n" x 240; for (1 .. 15) { mkdir $n; chdir $n or die }
for (1 .. 5000) { open my $file, ">", $_ or die; push @held, $file }
print "ready\n"; sleep 600"""
"""A program of Perl that holds as many files as it can say in 18 MB of names."""

RING = 2 * 65536
"""The kilobytes of the kernel's buffer, which the probe sees twice."""

UNCERTAIN = {"create! new": "create new"}
NAMED = "/etc/caf" + os.fsdecode(b"\xe9") + "\n"


@contextmanager
def user_container(engine: Engine, image: str, *command: str, **host: Any) -> Iterator[Container]:
    """A container that slimmer knows nothing of, and that runs."""
    wanted = {"Image": image, "Cmd": list(command), "HostConfig": host}
    created = engine.api.create_container_from_config(wanted)["Id"]
    container = Container(engine, created, created[:12])
    try:
        container.start()
        yield container
    finally:
        engine.api.remove_container(created, force=True, v=True)


@contextmanager
def attached(
    scope: EngineResources, container: Container, probes: Bench, purpose: str = "attached"
) -> Iterator[AttachedRun]:
    """Watches the container, from here to the end of the block."""
    with attached_run(scope, running.find(scope.engine, container.id), probes.probe, purpose) as run:
        yield run


def await_(happened: Callable[[], bool], container: Container) -> None:
    end = time.monotonic() + DEADLINE
    while not happened():
        assert container.exit_code() is None, container.last_log_lines()
        assert time.monotonic() < end, container.last_log_lines()
        container.wait(0.02)


def found(log: AccessLog) -> set[tuple[str, str]]:
    return {(access.operation.value, access.asked) for access in log.accesses if access.found}


def runs(container: Container) -> bool:
    return (
        container.exit_code() is None and container.exec_run(("/bin/touch", "/etc/passwd"), DEADLINE, user="")[0] == 0
    )


# ---------------------------------------------------------------------- the table


@dataclass(frozen=True, slots=True)
class Everything:
    """All cases, run beside a container's app."""

    log: AccessLog
    output: str


@pytest.fixture(scope="module")
def everything(engine: Engine, probes: Bench, image: ImageConfig) -> Iterator[Everything]:
    with (
        EngineResources(engine) as scope,
        user_container(engine, image.image_id, "/bin/life", "stay", SecurityOpt=["seccomp=unconfined"]) as container,
        attached(scope, container, probes) as run,
    ):
        stream = container.exec_stream(COMMAND, user="")
        stream.set_timeout(DEADLINE)
        output = b""
        while not output.endswith(b"done\n"):
            data = stream.recv()
            assert data, output + stream.stderr.encode()
            output += data
        yield Everything(run.finish(image.image_id), output.decode())
        stream.close()


@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_bpf_sees_by_the_table_is_seen(everything: Everything, case: Case, build: str) -> None:
    """Nobody is held: whether a rename has replaced something cannot be told."""
    if case.only and case.only != build:
        return
    folder = f"/{build}/{case.name}"
    seen = seen_below(everything.log, folder)
    calls = {line.replace("{folder}", folder) for line in (() if case.alone else case.calls)}
    if case.name == "rename":
        calls = {UNCERTAIN.get(line, line) for line in calls}
    opened = {path for operation, path in map(operation_and_path, calls) if operation in OPENS}
    events = {line for line in case.events if operation_and_path(line)[1] not in opened}
    assert without_programs_as_files(seen) == without_programs_as_files(calls | events)


def test_nothing_is_lost_and_the_app_noticed_nothing(everything: Everything) -> None:
    assert everything.output == "done\n"
    assert everything.log.complete
    assert everything.log.lost == 0
    assert everything.log.counters["records"] == len(everything.log.accesses)


def test_only_files_of_the_container_are_told(everything: Everything) -> None:
    for access in everything.log.accesses:
        paths = {access.asked, access.resolved} - {""}
        assert all(path.startswith("/") for path in paths), access
        assert not all(path.startswith(("/proc/", "/sys/", "/.slimmer")) for path in paths), access
        assert not any(path.startswith(("/memfd:", "/var/lib/docker")) for path in paths), access
        assert not any(path.endswith(" (deleted)") for path in paths), access


def test_a_program_that_is_started_beside_the_app_is_told(everything: Everything) -> None:
    assert ("exec", "/bin/look") in found(everything.log)


# ---------------------------------------------------------------------- what it finds


def test_what_the_processes_hold_is_told(engine: Engine, scope: EngineResources, probes: Bench) -> None:
    with user_container(engine, DEBIAN, "perl", "-e", HOLDER) as container:
        await_(lambda: container.last_log_lines().count("ready") == 2, container)
        with attached(scope, container, probes) as run:
            log = run.finish("")
    told = found(log)
    assert {("exec", "/usr/bin/perl"), ("look-up", "/var/lib/dpkg")} <= told
    files = ("issue", "debian_version", "name (deleted)", "shells", "profile")
    assert {("open", f"/etc/{name}") for name in files} <= told
    assert ("open", NAMED) in told
    assert any(operation == "open" and path.endswith("/libc.so.6") for operation, path in told)
    assert ("open", "/etc/host.conf") not in told
    assert {access.executable for access in log.accesses} == {"/usr/bin/perl"}
    assert len({access.pid for access in log.accesses}) == 2


def test_a_container_that_is_silent_for_long_is_watched_on(
    engine: Engine, scope: EngineResources, probes: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe_stream, "QUIET", 0.2)
    with user_container(engine, DEBIAN, "sleep", "600") as container, attached(scope, container, probes) as run:
        for _ in range(20):  # the probe is asked for a sign of life several times meanwhile
            run.wait(0.1)
        log = run.finish("")
    assert log.complete and ("exec", "/usr/bin/sleep") in found(log)


def test_however_much_they_hold_the_probe_stays_small(engine: Engine, scope: EngineResources, probes: Bench) -> None:
    limit = {"Name": "nofile", "Soft": 6000, "Hard": 6000}
    with user_container(engine, DEBIAN, "perl", "-e", MANY, Ulimits=[limit]) as container:
        await_(lambda: "ready" in container.last_log_lines(), container)
        with attached(scope, container, probes) as run:
            log = run.finish("")
            watcher = engine.api.inspect_container(name_of(scope.run, "attached"))["State"]["Pid"]
            status = Path(f"/proc/{watcher}/status").read_text()
    assert len([path for operation, path in found(log) if len(path) > 3500 and operation == "open"]) == 5000
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    assert int(peak.split()[1]) < 8000 + RING, peak


def test_ports_are_told_though_they_were_opened_before(engine: Engine, scope: EngineResources, probes: Bench) -> None:
    listener = (
        'use IO::Socket::INET; my $s = IO::Socket::INET->new(Listen => 1, LocalPort => 8123); $| = 1; print "ready\n"; '
        "sleep 600"
    )
    with user_container(engine, DEBIAN, "perl", "-e", listener) as container:
        await_(lambda: "ready" in container.last_log_lines(), container)
        with attached(scope, container, probes) as run:
            end = time.monotonic() + DEADLINE
            while not (log := run.finish("")).listeners and time.monotonic() < end:
                run.wait(0.1)
    assert [listener.port for listener in log.listeners] == [8123]


def test_a_volume_s_files_are_told(engine: Engine, scope: EngineResources, probes: Bench, image: ImageConfig) -> None:
    with (
        user_container(engine, image.image_id, "/bin/life", "stay", ReadonlyRootfs=True) as container,
        attached(scope, container, probes) as run,
    ):
        container.exec_run(("/bin/touch", "/native/volume/file"), DEADLINE, user="worker")
        assert (Operation.OPEN.value, "/native/volume/file") in found(run.finish(""))


# ---------------------------------------------------------------------- whom it watches


def test_only_its_own_processes_are_told_among_the_host_s(
    engine: Engine, scope: EngineResources, probes: Bench, image: ImageConfig
) -> None:
    with (
        user_container(engine, image.image_id, "/bin/life", "stay", PidMode="host") as container,
        user_container(engine, image.image_id, "/bin/life", "stay") as stranger,
        attached(scope, container, probes) as run,
    ):
        container.exec_run(("/bin/touch", "/native/plain/file"), DEADLINE, user="")
        stranger.exec_run(("/bin/touch", "/native/adopted/file"), DEADLINE, user="")
        log = run.finish("")
    assert ("open", "/native/plain/file") in found(log)
    assert ("open", "/native/adopted/file") not in found(log)
    assert {access.executable for access in log.accesses} <= {"/bin/life", "/bin/touch", ""}


def test_a_neighbour_in_its_pid_namespace_is_not_told(
    engine: Engine, scope: EngineResources, probes: Bench, image: ImageConfig
) -> None:
    with user_container(engine, image.image_id, "/bin/life", "stay") as container:
        mode = f"container:{container.id}"
        with user_container(engine, DEBIAN, "sleep", "600", PidMode=mode), attached(scope, container, probes) as run:
            log = run.finish("")
    assert ("exec", "/bin/life") in found(log)
    assert ("exec", "/usr/bin/sleep") not in found(log)


def test_a_process_with_mounts_of_its_own_is_told(engine: Engine, scope: EngineResources, probes: Bench) -> None:
    command = "unshare -m sh -c 'echo ready; read line </etc/issue; exec sleep 600' & wait"
    host = {"CapAdd": ["SYS_ADMIN"], "SecurityOpt": ["seccomp=unconfined", "apparmor=unconfined"]}
    with user_container(engine, DEBIAN, "sh", "-c", command, **host) as container:
        await_(lambda: "ready" in container.last_log_lines(), container)
        with attached(scope, container, probes) as run:
            container.exec_run(("unshare", "-m", "cat", "/etc/shells"), DEADLINE, user="")
            log = run.finish("")
    assert {("exec", "/usr/bin/sleep"), ("open", "/etc/shells")} <= found(log)


def test_a_sandbox_that_the_app_made_is_told(engine: Engine, scope: EngineResources, probes: Bench) -> None:
    """Mounts and process numbers of its own, as sandboxes have them, and the same root."""
    inside = "echo ready; read line </etc/issue; while :; do read line </etc/shells; sleep 0.05; done"
    command = f"unshare -m -p -f unshare -p -f sh -c '{inside}' & wait"
    host = {"CapAdd": ["SYS_ADMIN"], "SecurityOpt": ["seccomp=unconfined", "apparmor=unconfined"]}
    with user_container(engine, DEBIAN, "sh", "-c", command, **host) as container:
        await_(lambda: "ready" in container.last_log_lines(), container)
        with attached(scope, container, probes) as run:
            end = time.monotonic() + DEADLINE
            while ("open", "/etc/shells") not in found(log := run.finish("")) and time.monotonic() < end:
                run.wait(0.1)
    assert {access.executable for access in log.accesses if access.asked == "/etc/shells"} == {"/usr/bin/dash"}


def test_who_looks_in_from_outside_is_not_told(
    engine: Engine, scope: EngineResources, probes: Bench, image: ImageConfig
) -> None:
    with (
        user_container(engine, image.image_id, "/bin/life", "stay") as container,
        attached(scope, container, probes) as run,
    ):
        pid = running.find(engine, container.id).pid
        with Path(f"/proc/{pid}/root/native/plain/file").open("rb"):
            list(engine.api.get_archive(container.id, "/native/adopted")[0])
            log = run.finish("")
    assert not {path for _, path in found(log)} & {"/native/plain/file", "/native/adopted/file"}
    assert not {path for _, path in found(log) if "overlay" in path}


# ---------------------------------------------------------------------- how it ends


def test_when_the_container_ends_all_is_told(
    engine: Engine, scope: EngineResources, probes: Bench, image: ImageConfig
) -> None:
    with (
        user_container(engine, image.image_id, "/bin/life", "stay") as container,
        attached(scope, container, probes) as run,
    ):
        container.exec_run(("/bin/touch", "/native/plain/file"), DEADLINE, user="")
        container.kill("SIGKILL")
        end = time.monotonic() + DEADLINE
        while not run.over:
            assert time.monotonic() < end
            run.wait(1.0)
        assert run.has_ended
        log = run.finish("")
    assert log.complete
    assert ("open", "/native/plain/file") in found(log)


def test_a_probe_that_gives_up_spares_the_container(
    engine: Engine, scope: EngineResources, probes: Bench, image: ImageConfig
) -> None:
    with user_container(engine, image.image_id, "/bin/life", "stay") as container:
        watcher = create(scope, container, probes, [])
        stream = watcher.attach()
        watcher.start(collect_output=False)
        stream.sendall(b"nonsense\n")
        assert watcher.wait(DEADLINE) == 125
        stream.close()
        assert runs(container)


def create(scope: EngineResources, container: Container, probes: Bench, security: list[str]) -> Container:
    """The container from which that one would be watched."""
    mount, pid = scope.lender.own(probes.probe), running.find(scope.engine, container.id).pid
    wanted = description.attached(scope.lender.image(probes.probe), mount, pid)
    wanted["HostConfig"]["SecurityOpt"] += security
    return scope.create(wanted, "watcher")


def test_without_fanotify_nothing_can_be_watched(
    engine: Engine, scope: EngineResources, probes: Bench, image: ImageConfig
) -> None:
    refuse = '{"names": ["fanotify_init"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}'
    profile = f'seccomp={{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{refuse}]}}'
    with user_container(engine, image.image_id, "/bin/life", "stay") as container:
        watcher = create(scope, container, probes, [profile])
        with (
            pytest.raises(UnsupportedEngine, match="fanotify"),
            AttachedRun(watcher, scope.lender.own(probes.probe), lambda: None),
        ):
            pass
        assert runs(container)


def test_a_container_that_was_started_anew_is_another_one(
    engine: Engine, scope: EngineResources, probes: Bench, image: ImageConfig
) -> None:
    with user_container(engine, image.image_id, "/bin/life", "stay") as container:
        before = running.find(engine, container.id)
        engine.api.restart(container.id, timeout=0)
        with pytest.raises(ObservationIncomplete, match="ended"), attached_run(scope, before, probes.probe, "late"):
            pass
