"""Containers of a run: described, made, talked to, and gone afterwards; all in a real engine."""

from __future__ import annotations

import io
import json
import os
import signal
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from slimmer.engine import description, images
from slimmer.engine.connection import Engine, connect
from slimmer.engine.containers import Container
from slimmer.engine.options import RunOptions
from slimmer.engine.session import RunScope
from slimmer.errors import AppFailed, EngineError, UsageError
from slimmer.image.config import ImageConfig
from tests.engine.left import left

BASE = "debian:bookworm-slim"
IMAGE = "slimmer-test-containers:app"
DOCKERFILE = f"""FROM {BASE}
RUN mkdir -p /srv/data/deep && echo seed > /srv/data/deep/file && chmod 2751 /srv/data && chown 7:8 /srv/data
ENV FROM_IMAGE=yes
USER 12:34
WORKDIR /srv
VOLUME /srv/data
HEALTHCHECK --interval=30s --timeout=3s CMD test -e /srv/data/deep/file
CMD ["sleep", "600"]
"""
READY = ("sh", "-c", "echo ready; exec sleep 600")


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = connect()
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def config(engine: Engine) -> Iterator[ImageConfig]:
    dockerfile = io.BytesIO(DOCKERFILE.encode())
    for answer in engine.api.build(fileobj=dockerfile, tag=IMAGE, rm=True, forcerm=True, decode=True):
        assert "error" not in answer, answer
    yield images.resolve(engine, IMAGE)
    engine.api.remove_image(IMAGE)


def volumes(engine: Engine) -> set[str]:
    return {entry["Name"] for entry in engine.api.volumes()["Volumes"] or []}


def started(scope: RunScope, config: ImageConfig, options: RunOptions, purpose: str = "native") -> Container:
    container = scope.create(description.native(config, options, IMAGE), purpose)
    container.start()
    return container


def output_of(scope: RunScope, config: ImageConfig, script: str, options: RunOptions | None = None) -> str:
    """What a shell script prints in a container with these options."""
    options = options or RunOptions()
    fields = {name: getattr(options, name) for name in options.__dataclass_fields__}
    container = started(scope, config, RunOptions(**{**fields, "cmd": ("sh", "-c", script)}))
    assert container.wait(30) == 0, container.last_log_lines()
    scope.remove(container)
    return container.last_log_lines()


# ---------------------------------------------------------------------- running


def test_the_output_and_the_exit_code_are_known(scope: RunScope, config: ImageConfig) -> None:
    container = started(scope, config, RunOptions(cmd=("sh", "-c", "echo out; echo err >&2; exit 7")))
    assert container.wait(30) == 7
    assert container.exit_code() == 7
    assert sorted(container.last_log_lines().split()) == ["err", "out"]


def test_of_a_lot_of_output_the_last_is_kept(scope: RunScope, config: ImageConfig) -> None:
    text = output_of(scope, config, "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done")
    assert text.endswith("line 19999\n")
    assert len(text) <= 4096


def test_lines_that_look_like_errors_are_kept_however_much_comes_after_them(
    scope: RunScope, config: ImageConfig
) -> None:
    script = (
        "echo 1 ERROR: no font >&2; i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done; printf 'fatal: out'"
    )
    container = started(scope, config, RunOptions(cmd=("sh", "-c", script)))
    assert container.wait(30) == 0
    assert container.error_lines() == ("# ERROR: no font", "fatal: out")


def test_a_running_container_has_no_exit_code(scope: RunScope, config: ImageConfig) -> None:
    container = started(scope, config, RunOptions())
    assert container.exit_code() is None
    assert container.wait(0.01) is None
    assert container.address().count(".") == 3
    container.kill("SIGKILL")
    assert container.wait(30) == 137
    container.kill("SIGTERM")


def test_a_signal_that_does_not_exist_is_a_usage_error(scope: RunScope, config: ImageConfig) -> None:
    container = started(scope, config, RunOptions())
    with pytest.raises(UsageError, match="SIGNONSENSE"):
        container.kill("SIGNONSENSE")


def test_a_container_that_is_removed_has_ended(scope: RunScope, config: ImageConfig) -> None:
    container = started(scope, config, RunOptions())
    scope.remove(container)
    assert container.wait(30) == 137


@pytest.mark.parametrize("command", [("no-such-program",), ("/etc/passwd",)])
def test_a_command_that_cannot_run_is_the_apps_failure(
    scope: RunScope, config: ImageConfig, command: tuple[str, ...]
) -> None:
    with pytest.raises(AppFailed, match="cannot be run"):
        started(scope, config, RunOptions(cmd=command))


def test_commands_run_in_the_container(scope: RunScope, config: ImageConfig) -> None:
    container = started(scope, config, RunOptions())
    assert container.exec_run(("sh", "-c", "id -u; pwd; exit 3"), 30, user="") == (3, "12\n/srv\n")
    assert container.exec_run(("id", "-u"), 30, user="0:0") == (0, "0\n")
    code, output = container.exec_run(("sh", "-c", "echo begun; sleep 600"), 0.5, user="")
    assert code == 124
    assert output.startswith("begun\n")


def test_a_fast_commands_output_is_never_lost(scope: RunScope, config: ImageConfig) -> None:
    container = started(scope, config, RunOptions())
    assert {container.exec_run(("echo", "here"), 30, user="") for _ in range(40)} == {(0, "here\n")}


def test_a_command_can_be_talked_to(scope: RunScope, config: ImageConfig) -> None:
    container = started(scope, config, RunOptions())
    stream = container.exec_stream(("sh", "-c", "echo oops >&2; exec cat"), user="0:0")
    data = os.urandom(1 << 20)
    stream.sendall(data[:1000])
    assert stream.recv_exactly(1000) == data[:1000]
    stream.sendall(data[1000:60_000])
    stream.close_write()
    assert stream.recv_exactly(59_000) == data[1000:60_000]
    assert stream.recv() == b""
    assert stream.stderr == "oops\n"
    stream.close()


def test_an_attached_container_can_be_talked_to(scope: RunScope, config: ImageConfig) -> None:
    asked = description.native(config, RunOptions(cmd=("cat",)), IMAGE)
    container = scope.create({**asked, "OpenStdin": True, "StdinOnce": True, "AttachStdin": True}, "attached")
    stream = container.attach()
    container.start(collect_output=False)
    stream.sendall(b"hello")
    assert stream.recv_exactly(5) == b"hello"
    stream.close_write()
    assert stream.recv() == b""
    assert container.wait(30) == 0
    stream.close()


def test_health_is_known_soon(scope: RunScope, config: ImageConfig) -> None:
    """The image checks every 30 seconds; what is waited for here is a verdict, not a time."""
    container = started(scope, config, RunOptions())
    assert config.healthcheck is not None
    made = scope.engine.api.inspect_container(container.id)["Config"]["Healthcheck"]
    assert made["Test"] == list(config.healthcheck.test)
    assert made["Timeout"] == config.healthcheck.timeout
    assert made["Interval"] < 1_000_000_000
    while container.health() == "starting":
        assert container.wait(0.05) is None
    assert container.health() == "healthy"


# ---------------------------------------------------------------------- options


def test_without_options_the_image_decides(scope: RunScope, config: ImageConfig) -> None:
    text = output_of(scope, config, "id -u; id -g; pwd; echo $FROM_IMAGE; stat -c '%a %u:%g' data; cat data/deep/file")
    assert text.split("\n") == ["12", "34", "/srv", "yes", "2751 7:8", "seed", ""]


def test_every_option_of_a_run_arrives(scope: RunScope, config: ImageConfig) -> None:
    options = RunOptions(
        env=("A=b c", "FROM_IMAGE=no"),
        user="5:6",
        workdir="/usr",
        tmpfs=("/scratch:size=1m",),
        group_add=("77",),
        cap_drop=("ALL",),
        cap_add=("CAP_NET_ADMIN",),
        security_opt=("no-new-privileges",),
        shm_size=3 << 20,
        ulimits=("nofile=99:100",),
        init=True,
        read_only=True,
        hostname="its-name",
        add_hosts=("elsewhere:192.0.2.7",),
        sysctls=("net.ipv4.ip_unprivileged_port_start=79",),
        network="none",
        memory=64 << 20,
        devices=("/dev/null:/dev/nothing:r",),
    )
    script = """
        echo "$A/$FROM_IMAGE"; id -u; id -G; pwd; hostname
        df -k /scratch /dev/shm | awk 'NR > 1 {print $2}'
        grep -E 'CapBnd|NoNewPrivs' /proc/self/status
        ulimit -n; ulimit -Hn; tr '\\0' '\\n' < /proc/1/cmdline | head -n 1
        touch /usr/x 2>/dev/null || echo read-only
        awk '$2 == "elsewhere" {print $1}' /etc/hosts
        cat /proc/sys/net/ipv4/ip_unprivileged_port_start; ls /sys/class/net; test -c /dev/nothing && echo device
    """
    lines = output_of(scope, config, script, options).splitlines()
    assert lines[:5] == ["b c/no", "5", "6 77", "/usr", "its-name"]
    assert lines[5:7] == ["1024", "3072"]
    assert lines[7:9] == ["CapBnd:\t0000000000001000", "NoNewPrivs:\t1"]
    assert lines[9:11] == ["99", "100"]
    assert "init" in lines[11]
    assert lines[12:] == ["read-only", "192.0.2.7", "79", "lo", "device"]


def test_an_entrypoint_clears_the_images_command(config: ImageConfig) -> None:
    assert description.command(config, RunOptions()) == ("sleep", "600")
    assert description.command(config, RunOptions(entrypoint=("x",))) == ("x",)
    assert description.command(config, RunOptions(entrypoint=("x",), cmd=("y",))) == ("x", "y")


def test_a_seccomp_profile_is_a_file_here(scope: RunScope, config: ImageConfig, tmp_path: Path) -> None:
    rules = [{"names": ["symlink", "symlinkat"], "action": "SCMP_ACT_ERRNO"}]
    (tmp_path / "profile.json").write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": rules}))
    options = RunOptions(security_opt=(f"seccomp={tmp_path}/profile.json",))
    assert "refused" in output_of(scope, config, "ln -s a /tmp/b || echo refused", options)


@pytest.mark.parametrize(
    "options",
    [
        RunOptions(volumes=("data",)),
        RunOptions(volumes=("a:b:c:d",)),
        RunOptions(tmpfs=("relative",)),
        RunOptions(ulimits=("nofile=many",)),
        RunOptions(gpus="some"),
        RunOptions(sysctls=("net.core.somaxconn",)),
        RunOptions(security_opt=("seccomp=/no/such/file",)),
        RunOptions(volumes=("/srv:/srv",)),
        RunOptions(volumes=("./here:/srv:rw",)),
    ],
)
def test_options_that_make_no_sense_or_are_refused(options: RunOptions) -> None:
    with pytest.raises(UsageError) as caught:
        description.check(options)
    assert caught.value.hint


def test_bind_mounts_are_read_only_unless_shared(scope: RunScope, config: ImageConfig, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("from here")
    tmp_path.chmod(0o777)
    script = "cat /mnt/file; touch /mnt/new 2>/dev/null || echo read-only"
    fixed = RunOptions(volumes=(f"{tmp_path}:/mnt:ro",))
    description.check(fixed)
    assert output_of(scope, config, script, fixed) == "from hereread-only\n"
    assert not (tmp_path / "new").exists()
    description.check(RunOptions(volumes=(f"{tmp_path}:/mnt",), share_mounts=True))


# ---------------------------------------------------------------------- volumes


def fill(engine: Engine, volume: str) -> None:
    """A volume as an app may have left it: owners, modes, links, times, names that are no text."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, kind, mode, extra in (
            ("v", tarfile.DIRTYPE, 0o2750, {}),
            ("v/file", tarfile.REGTYPE, 0o640, {"size": 4}),
            ("v/hard", tarfile.LNKTYPE, 0o640, {"linkname": "v/file"}),
            ("v/soft", tarfile.SYMTYPE, 0o777, {"linkname": "nowhere"}),
            ("v/pipe", tarfile.FIFOTYPE, 0o600, {}),
            ("v/setuid", tarfile.REGTYPE, 0o4755, {"size": 4}),
            ("v/caf\udce9", tarfile.DIRTYPE, 0o1777, {}),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.mode, member.uid, member.gid, member.mtime = kind, mode, 12, 34, 1_000_000_000
            for field, value in extra.items():
                setattr(member, field, value)
            tar.addfile(member, io.BytesIO(b"data") if kind == tarfile.REGTYPE else None)
    engine.api.create_volume(volume)
    made = {"Image": BASE, "Cmd": ["x"], "HostConfig": {"Binds": [f"{volume}:/v:nocopy"]}}
    container = engine.api.create_container_from_config(made)
    engine.api.put_archive(container["Id"], "/", archive.getvalue())
    engine.api.remove_container(container["Id"])


@pytest.fixture
def users_volume(engine: Engine) -> Iterator[str]:
    fill(engine, "slimmer-test-containers-data")
    yield "slimmer-test-containers-data"
    engine.api.remove_volume("slimmer-test-containers-data")


LOOK = "cd /v; stat -c '%n %F %a %u:%g %h %Y' . * | sed 's/ 1[0-9]*$//' | LC_ALL=C sort; readlink soft; cat file"


def test_every_run_has_a_copy_of_a_named_volume(scope: RunScope, config: ImageConfig, users_volume: str) -> None:
    options = RunOptions(volumes=(f"{users_volume}:/v",))
    theirs = output_of(scope, config, LOOK, options)
    for line in (". directory 2750 12:34", "file regular file 640 12:34 2", "setuid regular file 4755 12:34 1"):
        assert line in theirs
    own = scope.own_volumes(options, "first")
    assert users_volume not in own.volumes[0]
    assert output_of(scope, config, LOOK, own) == theirs
    output_of(scope, config, "rm /v/file; echo more > /v/soft2", own)
    assert output_of(scope, config, LOOK, scope.own_volumes(options, "second")) == theirs


def test_a_volume_that_is_not_there_yet_is_not_made(scope: RunScope, config: ImageConfig) -> None:
    """As in `docker run` it begins with what the image has there; but the user's own stays unmade."""
    own = scope.own_volumes(RunOptions(volumes=("slimmer-test-containers-none:/srv/data:rw",)), "x")
    assert output_of(scope, config, "stat -c %a /srv/data; cat /srv/data/deep/file", own) == "2751\nseed\n"
    assert "slimmer-test-containers-none" not in volumes(scope.engine)


# ---------------------------------------------------------------------- the probe's containers


def inspected(scope: RunScope, container: Container) -> dict[str, Any]:
    made: dict[str, Any] = scope.engine.api.inspect_container(container.id)
    return made


SECRET = RunOptions(
    env=("PASSWORD=hunter2",), user="5", cap_drop=("ALL",), cap_add=("chown",), security_opt=("no-new-privileges",)
)


def test_the_watched_container_gets_what_the_probe_needs_and_no_more(
    scope: RunScope, config: ImageConfig, probe: Path
) -> None:
    helper = scope.probe_helper(probe)
    asked = description.observed(config, SECRET, IMAGE, helper, "v=1 uid=5", "auto")
    made = inspected(scope, scope.create(asked, "observed"))
    host = made["HostConfig"]
    assert sorted(host["CapAdd"]) == ["CHOWN", "SYS_ADMIN", "SYS_PTRACE"]
    assert not host["Privileged"] and not host["CapDrop"] and not host["SecurityOpt"]
    assert made["Config"]["User"] == "0:0"
    assert made["Config"]["Healthcheck"]["Test"] == ["NONE"]
    assert [made["Path"], *made["Args"]][-3:] == ["--", "sleep", "600"]
    assert "hunter2" not in json.dumps([made["Path"], made["Args"], made["Config"]["Labels"]])
    folder = next(mount for mount in made["Mounts"] if mount["Destination"] == "/.slimmer")
    assert not folder["RW"]


def test_the_asking_container_is_made_as_the_app_would_be(scope: RunScope, config: ImageConfig, probe: Path) -> None:
    made = inspected(scope, scope.create(description.asking(config, SECRET, IMAGE, scope.probe_helper(probe)), "ask"))
    assert made["Config"]["User"] == "5"
    assert made["HostConfig"]["CapDrop"] == ["ALL"]
    assert made["HostConfig"]["SecurityOpt"] == ["no-new-privileges"]
    assert made["Config"]["Healthcheck"]["Test"] == ["NONE"]


def test_the_probe_is_in_a_folder_that_cannot_be_written(scope: RunScope, config: ImageConfig, probe: Path) -> None:
    helper = scope.probe_helper(probe)
    assert scope.probe_helper(probe) == helper
    asked = description.native(config, RunOptions(user="0", cmd=("/.slimmer/slimmer-probe", "version")), IMAGE)
    asked["HostConfig"]["VolumesFrom"] = [f"{helper}:ro"]
    container = scope.create(asked, "version")
    container.start()
    assert container.wait(30) == 0
    assert container.last_log_lines().startswith("slimmer-probe ")
    asked = description.native(config, RunOptions(user="0", cmd=("rm", "/.slimmer/slimmer-probe")), IMAGE)
    asked["HostConfig"]["VolumesFrom"] = [f"{helper}:ro"]
    container = scope.create(asked, "remove")
    container.start()
    assert container.wait(30) == 1
    assert "Read-only file system" in container.last_log_lines()


def test_the_pristine_container_copies_no_volume(scope: RunScope, config: ImageConfig, probe: Path) -> None:
    helper, before = scope.probe_helper(probe), volumes(scope.engine)
    made = inspected(scope, scope.create(description.pristine(config, IMAGE, helper), "pristine"))
    assert volumes(scope.engine) == before
    assert made["HostConfig"]["NetworkMode"] == "none"
    assert made["Config"]["User"] == "0:0"


# ---------------------------------------------------------------------- the end


def test_nothing_is_left_after_a_failure(engine: Engine, config: ImageConfig, probe: Path, users_volume: str) -> None:
    before = volumes(engine)
    with pytest.raises(ZeroDivisionError), RunScope(engine) as scope:
        scope.probe_helper(probe)
        own = scope.own_volumes(RunOptions(volumes=(f"{users_volume}:/v",)), "x")
        started(scope, config, own)
        scope.create(description.native(config, RunOptions(), IMAGE), "never-started")
        images.tag(engine, IMAGE, scope.temporary_tag("candidate"))
        assert len(left(engine, scope.run)) == 7
        raise ZeroDivisionError
    assert left(engine, scope.run) == []
    assert volumes(engine) == before
    assert images.identifier_of(engine, IMAGE) == config.image_id
    with pytest.raises(EngineError, match="over"):
        scope.create(description.native(config, RunOptions(), IMAGE), "late")


def test_an_impatient_second_interrupt_does_not_stop_the_removal(engine: Engine, config: ImageConfig) -> None:
    class Impatient:
        """The real engine; the user presses Ctrl-C at the first removal."""

        pressed = False

        def __getattr__(self, name: str) -> Any:
            if name == "remove_container" and not self.pressed:
                self.pressed = True
                os.kill(os.getpid(), signal.SIGINT)
            return getattr(engine.api, name)

    fields = {name: getattr(engine, name) for name in Engine.__dataclass_fields__}
    impatient = Engine(**{**fields, "api": Impatient()})
    with pytest.raises(KeyboardInterrupt), RunScope(impatient) as scope:
        for number in range(3):
            started(scope, config, RunOptions(), f"app-{number}")
        raise KeyboardInterrupt
    assert impatient.api.pressed
    assert left(engine, scope.run) == []
