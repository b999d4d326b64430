"""Seccomp profiles in Docker's format (https://docs.docker.com/engine/security/seccomp/), which Podman and Kubernetes read, too."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from slimmer.observe.system_calls import numbers_of
from slimmer.profiles import docker_default
from slimmer.profiles.families import DANGEROUS, INIT, RUNTIME, all_of, with_families

EPERM, ENOSYS = 1, 38

UNIFIED = 424
"""The first number that is the same on all architectures: pidfd_send_signal, Linux 5.1. Programs try calls from there on, and do without
them if the kernel says ENOSYS. EPERM would end them."""

MACHINES: Mapping[str, tuple[str, ...]] = {"x86_64": ("x86", "x32"), "aarch64": ("arm",)}
"""The other architectures whose calls a machine takes, by its own one."""


class Level(StrEnum):
    """How much a profile allows."""

    STRICT = "strict"
    RECOMMENDED = "recommended"


@dataclass(frozen=True, slots=True)
class SeccompProfile:
    """Which calls an app may make. All others fail with EPERM, or with ENOSYS if they are newer than Linux 5.0.

    `architectures`: the machine's own one first. Calls of another architecture end the process. `beyond` are calls that were seen but that
    Docker's default profile refuses.
    """

    level: Level
    architectures: tuple[str, ...]
    capabilities: tuple[str, ...]
    seen: frozenset[str]
    allowed: frozenset[str]

    @property
    def machine(self) -> str:
        """The machine's own architecture."""
        return self.architectures[0]

    @property
    def beyond(self) -> tuple[str, ...]:
        """The calls that were seen but that Docker's default profile refuses."""
        return tuple(sorted(self.seen - self.allowed))

    @property
    def default(self) -> frozenset[str]:
        """The calls of this machine's own architecture that Docker's default profile allows."""
        return _on(self.machine, docker_default.allowed(self.machine, self.capabilities))

    @property
    def count(self) -> int:
        """The number of allowed calls of the machine's own architecture."""
        return len(_on(self.machine, self.allowed))

    def refusal(self, name: str) -> int:
        """Return the error of a call: EPERM or ENOSYS, or 0 if it is allowed."""
        if name in self.allowed:
            return 0
        return ENOSYS if numbers_of(self.machine).get(name, 0) >= UNIFIED else EPERM

    def wider(self, names: Collection[str]) -> SeccompProfile:
        """Return a profile that allows these calls, too."""
        return replace(self, allowed=self.allowed | frozenset(names))

    def document(self) -> dict[str, Any]:
        """Return the profile as JSON, in a fixed order."""
        return {
            "defaultAction": "SCMP_ACT_ERRNO",
            "defaultErrnoRet": EPERM,
            "archMap": [
                {
                    "architecture": _constant(self.machine),
                    "subArchitectures": [_constant(one) for one in self.architectures[1:]],
                }
            ],
            "syscalls": list(self._rules()),
        }

    def text(self) -> str:
        """Return the profile as the text of a file."""
        return json.dumps(self.document(), indent=1) + "\n"

    def _rules(self) -> Iterable[dict[str, Any]]:
        conditional = {name: self._conditions(name) for name in sorted(self.allowed)}
        yield _rule((name for name, some in conditional.items() if not some), "SCMP_ACT_ALLOW")
        for name, some in conditional.items():
            for condition in some:
                yield _rule((name,), "SCMP_ACT_ALLOW", args=[condition])
        if newer := [name for name in sorted(numbers_of(self.machine)) if self.refusal(name) == ENOSYS]:
            yield _rule(newer, "SCMP_ACT_ERRNO", errnoRet=ENOSYS)

    def _conditions(self, name: str) -> tuple[dict[str, Any], ...]:
        return docker_default.conditions(name, self.machine, self.capabilities)


def make_profile(
    level: Level,
    calls: Mapping[str, Collection[str]],
    machine: str,
    capabilities: Collection[str],
    *,
    init: bool = False,
) -> SeccompProfile:
    """Return the profile of an app that made these calls (by architecture) with these capabilities, on this machine ("x86_64").

    `init`: the engine starts the app by an init process of its own.
    """
    seen = frozenset().union(*calls.values())
    default = docker_default.allowed(machine, capabilities)
    if level == Level.STRICT:
        wanted = with_families(seen) | all_of(*RUNTIME, *((INIT,) if init else ()))
        others = tuple(one for one in MACHINES[machine] if calls.get(one))
    else:
        wanted = default - (all_of(*DANGEROUS) - seen)
        others = MACHINES[machine]
    return SeccompProfile(level, (machine, *others), tuple(sorted(capabilities)), seen, wanted & default)


def _on(machine: str, names: Iterable[str]) -> frozenset[str]:
    return frozenset(names) & frozenset(numbers_of(machine))


def _constant(architecture: str) -> str:
    return f"SCMP_ARCH_{architecture.upper()}"


def _rule(names: Iterable[str], action: str, **more: Any) -> dict[str, Any]:
    return {"names": list(names), "action": action, **more}
