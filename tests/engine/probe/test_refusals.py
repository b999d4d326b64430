"""The capabilities that the probe needs are not the app's, and the app cannot get at the probe."""

from __future__ import annotations

from typing import Any

import pytest

from slimmer.engine.options import RunOptions
from slimmer.engine.resources import EngineResources
from slimmer.image.config import ImageConfig
from tests.engine.probe.image import BUILDS
from tests.engine.watching import RECORDERS, Bench

ROOT: dict[str, Any] = {"hostname": "same"}
WAYS: dict[str, dict[str, Any]] = {
    "root": ROOT,
    "user": ROOT | {"user": "worker"},
    "no capabilities": ROOT | {"cap_drop": ("ALL",)},
    "SYS_ADMIN": ROOT | {"cap_add": ("SYS_ADMIN",)},
    "SYS_PTRACE": ROOT | {"cap_add": ("SYS_PTRACE",)},
    "both": ROOT | {"cap_add": ("SYS_ADMIN", "SYS_PTRACE")},
    "other capabilities": ROOT | {"cap_add": ("SYS_TIME", "SYSLOG", "DAC_READ_SEARCH")},
    "no seccomp profile": ROOT | {"security_opt": ("seccomp=unconfined",)},
    "no seccomp profile, user": ROOT | {"security_opt": ("seccomp=unconfined",), "user": "worker"},
    "no new privileges": ROOT | {"security_opt": ("no-new-privileges",)},
}
COMMAND = ("/bin/attempts", "/bin/attempts-i386") if "i386" in BUILDS else ("/bin/attempts",)
"""Tries all ways into the kernel from a program of this machine, and then becomes an i386 program that does the same."""


def attempts(
    probes: Bench, scope: EngineResources, image: ImageConfig, options: RunOptions, recorder: str
) -> tuple[str, str]:
    """What came of the calls natively and under the probe."""
    native, watched = probes.natively(scope, image, options), probes.watch(scope, image, options, recorder)
    assert (native.code, watched.code) == (0, 0), native.output + watched.output
    return native.output, watched.output


@pytest.mark.parametrize("way", WAYS)
def test_calls_are_refused_as_natively(probes: Bench, scope: EngineResources, image: ImageConfig, way: str) -> None:
    native, watched = attempts(probes, scope, image, RunOptions(cmd=COMMAND, **WAYS[way]), "auto")
    assert len(native.splitlines()) > 45 * (1 if len(COMMAND) == 1 else 4)
    assert watched.splitlines() == native.splitlines()


@pytest.mark.parametrize("recorder", [name for name in RECORDERS if name != "notify"])
def test_other_recorders_refuse_the_same(
    probes: Bench, scope: EngineResources, image: ImageConfig, recorder: str
) -> None:
    native, watched = attempts(probes, scope, image, RunOptions(cmd=COMMAND, **ROOT), recorder)
    assert watched.splitlines() == native.splitlines()


READ_ONLY = {"EROFS", "ETXTBSY", "EPERM", "EACCES"}
OUT_OF_REACH = {"EACCES", "EPERM"}
ATTACKS = {
    "write to the probe": READ_ONLY,
    "truncate the probe": READ_ONLY,
    "remove the probe": READ_ONLY,
    "replace the probe": READ_ONLY | {"EXDEV"},
    "make a file beside the probe": READ_ONLY,
    "move the folder": {"EBUSY", "EACCES"},
    "remove the folder": {"EBUSY", "EACCES"},
    "put another folder in its place": {"EBUSY", "EACCES", "ENOENT"},
    "exchange the folder": {"EBUSY", "EACCES", "ENOENT"},
    "put a link in its place": {"EEXIST", "EACCES"},
    "change the probe's mode": READ_ONLY,
    "remount the folder": {"EPERM"},
    "unmount the folder": {"EPERM"},
    "mount over the folder": {"EPERM"},
    "move the mount": {"EPERM"},
    "make the mount writable": {"EPERM"},
    "take the mount by itself": {"EPERM"},
    "leave the mount namespace": {"EPERM"},
    "leave the mount namespace as another user": {"EPERM"},
    "listeners in sight": {"0"},
    "look at the descriptors of the supervisor": OUT_OF_REACH,
    "open the output of the supervisor": OUT_OF_REACH,
    "open the memory of the supervisor": OUT_OF_REACH,
    "read the memory of the supervisor": OUT_OF_REACH,
    "trace the supervisor": OUT_OF_REACH,
    "fetch a descriptor of the supervisor": OUT_OF_REACH,
    "open the namespace of the supervisor": OUT_OF_REACH,
    "run by way of the probe": {"fails"},
}
"""What may come of each thing that attack.c tries. Signals reach the supervisor, but it goes on."""


ATTACKERS = [(recorder, user, "/bin/attack") for recorder in RECORDERS for user in ("", "worker")]
if "i386" in BUILDS:
    ATTACKERS.append(("notify", "", "/bin/attack-i386"))


@pytest.mark.parametrize(("recorder", "user", "program"), ATTACKERS)
def test_the_app_cannot_get_at_the_probe(
    probes: Bench, scope: EngineResources, image: ImageConfig, recorder: str, user: str, program: str
) -> None:
    ended = probes.watch(scope, image, RunOptions(cmd=(program,), user=user), recorder)
    said = dict(line.split(": ", 1) for line in ended.output.splitlines())
    assert said["supervisor"] == "found"
    assert {what: said[what] for what in ATTACKS if said[what] not in ATTACKS[what]} == {}
    assert said["look afterwards"] == "works"
    assert ended.code == 0
    assert ended.log is not None
    assert "/etc/passwd" in {access.asked for access in ended.log.accesses}


@pytest.mark.parametrize("recorder", RECORDERS)
def test_the_app_cannot_trace_what_prepares_a_command(
    probes: Bench, scope: EngineResources, image: ImageConfig, recorder: str
) -> None:
    """It becomes the app's equal before it is under the app's filters: as root in a default container, which may trace its equals."""
    with probes.watched(scope, image, RunOptions(cmd=("/bin/hunt",)), recorder) as watched:
        watched.wait_for_output("ready")
        codes = [watched.run.execute(("/bin/hunt", "no"), 30.0)[0] for _ in range(10)]
        watched.run.finish(image.image_id, "SIGKILL", 10.0)
    assert codes == [0] * 10
    assert watched.container.last_log_lines() == "ready\n"
