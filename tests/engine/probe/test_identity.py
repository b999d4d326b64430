"""The app is the same under the probe as without it: everything that a process can find out about itself, line by line."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from slimmer.engine.options import RunOptions
from slimmer.engine.resources import EngineResources
from slimmer.image.config import ImageConfig
from tests.engine.watching import RECORDERS, Bench

PLAIN = RunOptions(cmd=("/bin/who", "a word"), hostname="same", env=("GREETING=hello world", "EMPTY="))

WAYS: dict[str, dict[str, Any]] = {
    "root": {},
    "user by name, with groups": {"user": "worker"},
    "user by name, other group": {"user": "worker:other"},
    "user by number": {"user": "1234"},
    "user and group by number": {"user": "77:4321"},
    "user without an entry": {"user": "9999:9999"},
    "root with another group": {"user": "0:50"},
    "groups added": {"user": "worker", "group_add": ("999", "other")},
    "no capabilities": {"cap_drop": ("ALL",)},
    "no capabilities, user": {"cap_drop": ("ALL",), "user": "worker"},
    "one capability": {"cap_drop": ("ALL",), "cap_add": ("CHOWN",)},
    "more capabilities": {"cap_add": ("NET_ADMIN", "SYS_TIME"), "user": "worker"},
    "the probe's own capabilities": {"cap_add": ("SYS_ADMIN", "SYS_PTRACE")},
    "no new privileges": {"security_opt": ("no-new-privileges",), "user": "worker"},
    "no new privileges, root": {"security_opt": ("no-new-privileges",)},
    "no seccomp profile": {"security_opt": ("seccomp=unconfined",)},
    "nothing masked": {"security_opt": ("systempaths=unconfined",)},
    "limits": {"ulimits": ("nofile=123:456", "core=0", "stack=4194304:8388608", "nproc=500:600")},
    "few descriptors": {"ulimits": ("nofile=16:16",), "user": "worker"},
    "init": {"init": True},
    "init, user": {"init": True, "user": "worker"},
    "read-only": {"read_only": True, "tmpfs": ("/tmp:size=1m,mode=1777",)},
    "folder": {"workdir": "/home/worker", "user": "worker"},
    "home": {"env": ("HOME=/elsewhere", "PATH=/bin")},
    "no network": {"network": "none"},
    "the host's network": {"network": "host", "hostname": ""},
    "the host's processes": {"pid_mode": "host"},
    "shared memory": {"ipc_mode": "private", "shm_size": 1 << 20},
    "program of i386": {"cmd": ("/bin/who-i386",), "user": "worker"},
}
"""Options of a run by what they are about."""


def both(
    probes: Bench, scope: EngineResources, image: ImageConfig, way: str, recorder: str
) -> tuple[list[str], list[str]]:
    """What the program says natively and under the probe."""
    options = dataclasses.replace(PLAIN, **WAYS[way])
    native, watched = probes.natively(scope, image, options), probes.watch(scope, image, options, recorder)
    assert (native.code, watched.code) == (0, 0), native.output + watched.output
    return in_order(native.output), in_order(watched.output)


def in_order(output: str) -> list[str]:
    """The engine mounts volumes in any order, and so does it make folders for them; everything else keeps its place."""
    lines = output.splitlines()
    listed = [line for line in lines if line.startswith(("mount ", "/"))]
    return [line for line in lines if line not in listed] + sorted(listed)


@pytest.mark.parametrize("way", WAYS)
def test_the_app_is_who_it_would_be(probes: Bench, scope: EngineResources, image: ImageConfig, way: str) -> None:
    native, watched = both(probes, scope, image, way, "auto")
    assert len(native) > 80
    assert watched == native


@pytest.mark.parametrize("way", ["root", "user by name, with groups", "no new privileges", "init", "few descriptors"])
@pytest.mark.parametrize("recorder", [name for name in RECORDERS if name != "notify"])
def test_other_recorders_change_nothing(
    probes: Bench, scope: EngineResources, image: ImageConfig, way: str, recorder: str
) -> None:
    native, watched = both(probes, scope, image, way, recorder)
    assert watched == native


def test_a_command_beside_the_app_is_the_image_s_user(
    probes: Bench, scope: EngineResources, image: ImageConfig
) -> None:
    """As `docker exec` would run it; there is no native way to compare with, but the app itself."""
    options = dataclasses.replace(PLAIN, user="worker", cmd=("/bin/look", "/native"))
    with probes.watched(scope, image, options, "auto") as watched:
        watched.wait_for_output("done\n")
        code, beside = watched.run.execute(("/bin/who", "--status"), 30.0)
        watched.run.finish(image.image_id, "", 10.0)
    app = probes.watch(scope, image, dataclasses.replace(options, cmd=("/bin/who", "--status")), "auto").output
    assert code == 0
    assert beside == app
    assert "Uid:\t1234\t1234\t1234\t1234" in app
