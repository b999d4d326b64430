"""Descriptions of containers, from the user's options or for the probe, and what a real engine makes of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from slimmer.engine import description
from slimmer.engine.connection import Engine, connect
from slimmer.engine.containers import Container
from slimmer.engine.options import RunOptions
from slimmer.engine.resources import EngineResources
from slimmer.errors import UsageError
from slimmer.image.config import ImageConfig
from tests.engine.small_app import IMAGE, output_of, volumes


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = connect()
    yield engine
    engine.close()


def test_without_options_the_image_decides(scope: EngineResources, config: ImageConfig) -> None:
    text = output_of(scope, config, "id -u; id -g; pwd; echo $FROM_IMAGE; stat -c '%a %u:%g' data; cat data/deep/file")
    assert text.split("\n") == ["12", "34", "/srv", "yes", "2751 7:8", "seed", ""]


def test_every_option_of_a_run_arrives(scope: EngineResources, config: ImageConfig) -> None:
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


def test_a_seccomp_profile_is_a_file_here(scope: EngineResources, config: ImageConfig, tmp_path: Path) -> None:
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


def test_bind_mounts_are_read_only_unless_shared(scope: EngineResources, config: ImageConfig, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("from here")
    tmp_path.chmod(0o777)
    script = "cat /mnt/file; touch /mnt/new 2>/dev/null || echo read-only"
    fixed = RunOptions(volumes=(f"{tmp_path}:/mnt:ro",))
    description.check(fixed)
    assert output_of(scope, config, script, fixed) == "from hereread-only\n"
    assert not (tmp_path / "new").exists()
    description.check(RunOptions(volumes=(f"{tmp_path}:/mnt",), share_mounts=True))


def inspected(scope: EngineResources, container: Container) -> dict[str, Any]:
    made: dict[str, Any] = scope.engine.api.inspect_container(container.id)
    return made


SECRET = RunOptions(
    env=("PASSWORD=hunter2",), user="5", cap_drop=("ALL",), cap_add=("chown",), security_opt=("no-new-privileges",)
)


def test_the_watched_container_gets_what_the_probe_needs_and_no_more(
    scope: EngineResources, config: ImageConfig, probe: Path
) -> None:
    lent = scope.lender.lend(probe, config)
    asked = description.observed(config, SECRET, IMAGE, lent, "v=1 uid=5", "auto")
    made = inspected(scope, scope.create(asked, "observed"))
    host = made["HostConfig"]
    assert sorted(host["CapAdd"]) == ["CHOWN", "SYS_ADMIN", "SYS_PTRACE"]
    assert not host["Privileged"] and not host["CapDrop"] and not host["SecurityOpt"]
    assert made["Config"]["User"] == "0:0"
    assert made["Config"]["Healthcheck"]["Test"] == ["NONE"]
    assert [made["Path"], *made["Args"]][-3:] == ["--", "sleep", "600"]
    assert "hunter2" not in json.dumps([made["Path"], made["Args"], made["Config"]["Labels"]])
    folder = next(mount for mount in made["Mounts"] if mount["Destination"] == lent.folder)
    assert not folder["RW"]


def test_the_asking_container_is_made_as_the_app_would_be(
    scope: EngineResources, config: ImageConfig, probe: Path
) -> None:
    made = inspected(scope, scope.create(description.asking(SECRET, IMAGE, scope.lender.lend(probe, config)), "ask"))
    assert made["Config"]["User"] == "5"
    assert made["HostConfig"]["CapDrop"] == ["ALL"]
    assert made["HostConfig"]["SecurityOpt"] == ["no-new-privileges"]
    assert made["Config"]["Healthcheck"]["Test"] == ["NONE"]


def test_the_probe_is_in_a_folder_that_cannot_be_written(
    scope: EngineResources, config: ImageConfig, probe: Path
) -> None:
    lent = scope.lender.lend(probe, config)
    assert scope.lender.own(probe) == lent
    asked = description.native(config, RunOptions(user="5", cmd=(lent.program, "version")), IMAGE)
    asked["HostConfig"]["VolumesFrom"] = [f"{lent.helper}:ro"]
    container = scope.create(asked, "version")
    container.start()
    assert container.wait(30) == 0
    assert container.last_log_lines().startswith("slimmer-probe ")
    asked = description.native(config, RunOptions(user="0", cmd=("rm", lent.program)), IMAGE)
    asked["HostConfig"]["VolumesFrom"] = [f"{lent.helper}:ro"]
    container = scope.create(asked, "remove")
    container.start()
    assert container.wait(30) == 1
    assert "Read-only file system" in container.last_log_lines()


def test_the_pristine_container_copies_no_volume(scope: EngineResources, config: ImageConfig, probe: Path) -> None:
    mount, before = scope.lender.lend(probe, config), volumes(scope.engine)
    made = inspected(scope, scope.create(description.pristine(config, IMAGE, mount), "pristine"))
    assert volumes(scope.engine) == before
    assert made["HostConfig"]["NetworkMode"] == "none"
    assert made["Config"]["User"] == "0:0"
