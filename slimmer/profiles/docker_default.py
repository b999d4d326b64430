"""What Docker's default seccomp profile allows. A profile of slimmer's never allows more.

`docker_default.txt` has the names: those that are always allowed, those of one machine, and those that a capability brings. Source:
seccomp/default.json of https://github.com/moby/profiles. Older engines have older lists; the newest one is the strictest.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

ALWAYS = "always"
NO_NAMESPACES = 0x7E020000
"""The flags of clone(2) that make namespaces: CLONE_NEWNS and the others of sched.h. They must be 0."""

SOCKET_FAMILIES = (13, 14, 15, 16, 17, 18, 21, 22, 24, *range(26, 34), 35, 36, 39, *range(41, 46))
"""The families of socket(2) that are allowed besides those below 12: not AF_ALG, not AF_VSOCK, and none of those that were removed."""

PERSONALITIES = (0, 8, 131072, 131080, 4294967295)
"""PER_LINUX, UNAME26 and PER_LINUX32, both of them, and the question for the present one: personality(2)."""

CONDITIONS: Mapping[str, tuple[dict[str, Any], ...]] = {
    "clone": ({"index": 0, "value": NO_NAMESPACES, "op": "SCMP_CMP_MASKED_EQ"},),
    "personality": tuple({"index": 0, "value": value, "op": "SCMP_CMP_EQ"} for value in PERSONALITIES),
    "socket": (
        {"index": 0, "value": 12, "op": "SCMP_CMP_LT"},
        *({"index": 0, "value": family, "op": "SCMP_CMP_EQ"} for family in SOCKET_FAMILIES),
    ),
}
"""Calls that are allowed with some arguments only: any one of these conditions is enough."""


def allowed(machine: str, capabilities: Collection[str]) -> frozenset[str]:
    """Return the calls that are allowed on this machine ("x86_64" or "aarch64") with these capabilities ("CAP_CHOWN" …), at least with some arguments."""
    table = _table()
    wanted = (ALWAYS, machine, *capabilities)
    return frozenset(CONDITIONS).union(*(table.get(part, ()) for part in wanted))


def conditions(name: str, machine: str, capabilities: Collection[str]) -> tuple[dict[str, Any], ...]:
    """Return the conditions on the arguments of an allowed call; () if there are none."""
    table = _table()
    if any(name in table.get(part, ()) for part in (ALWAYS, machine, *capabilities)):
        return ()
    return CONDITIONS.get(name, ())


@cache
def _table() -> Mapping[str, frozenset[str]]:
    text = files("slimmer.profiles").joinpath("docker_default.txt").read_text(encoding="ascii")
    lines = (line.partition(": ") for line in text.splitlines())
    return {head: frozenset(names.split(" ")) for head, _, names in lines}
