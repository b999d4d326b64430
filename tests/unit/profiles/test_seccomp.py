"""Seccomp profiles: what they allow, never more than Docker's default profile, and what libc expects of refusals."""

from __future__ import annotations

import errno
from typing import Any

import pytest

from slimmer.observe.system_calls import numbers_of
from slimmer.profiles import docker_default
from slimmer.profiles.families import DANGEROUS, FAMILIES, RUNTIME, all_of
from slimmer.profiles.seccomp import Level, SeccompProfile, make_profile

CAPABILITIES = ("CAP_CHOWN", "CAP_KILL", "CAP_SYS_CHROOT")
NOT_IN_HEADERS = {"cacheflush", "set_tls", "sync_file_range2"}
"""Calls of arm that its headers define in another way."""


def strict(*calls: str, **others: tuple[str, ...]) -> SeccompProfile:
    """The strict profile of an app that made these calls."""
    return make_profile(Level.STRICT, {"x86_64": calls, **others}, "x86_64", CAPABILITIES)


def rules(profile: SeccompProfile, action: str) -> list[dict[str, Any]]:
    """The rules with this action."""
    return [rule for rule in profile.document()["syscalls"] if rule["action"] == action]


def test_what_was_seen_is_allowed_with_its_family_and_what_the_runtime_needs() -> None:
    profile = strict("epoll_wait", "recvmsg")
    assert {"epoll_wait", "epoll_pwait2", "recvmsg", "recvmmsg"} <= profile.allowed
    assert {"execve", "exit_group", "capset", "getcwd", "rt_sigreturn", "restart_syscall"} <= profile.allowed
    assert not {"ptrace", "mount", "bpf", "kexec_load", "shmget", "symlink"} & profile.allowed


@pytest.mark.parametrize("level", Level)
@pytest.mark.parametrize("capabilities", [(), CAPABILITIES, ("CAP_SYS_ADMIN", "CAP_SYS_PTRACE")])
def test_no_profile_allows_more_than_docker(level: Level, capabilities: tuple[str, ...]) -> None:
    everything = tuple(numbers_of("x86_64"))
    profile = make_profile(level, {"x86_64": everything}, "x86_64", capabilities)
    default = docker_default.allowed("x86_64", capabilities)
    assert profile.allowed <= default
    assert set(profile.beyond) == set(everything) - default
    assert "kexec_load" in profile.beyond
    assert ("mount" in profile.allowed) == ("CAP_SYS_ADMIN" in capabilities)


def test_conditions_on_arguments_stay() -> None:
    profile = strict("clone", "socket", "personality")
    clones = [rule for rule in rules(profile, "SCMP_ACT_ALLOW") if rule["names"] == ["clone"]]
    assert [rule["args"] for rule in clones] == [[{"index": 0, "value": 0x7E020000, "op": "SCMP_CMP_MASKED_EQ"}]]
    sockets = [rule["args"][0] for rule in rules(profile, "SCMP_ACT_ALLOW") if rule["names"] == ["socket"]]
    assert {"index": 0, "value": 12, "op": "SCMP_CMP_LT"} in sockets
    assert not {38, 40} & {one["value"] for one in sockets}  # AF_ALG, AF_VSOCK
    assert "clone" not in rules(profile, "SCMP_ACT_ALLOW")[0]["names"]


def test_calls_that_libc_tries_first_seem_to_be_unknown() -> None:
    """With EPERM, no thread could start: glibc and musl try clone3 first, and clone after ENOSYS only."""
    profile = strict("clone")
    assert profile.refusal("clone3") == errno.ENOSYS
    assert profile.refusal("ptrace") == errno.EPERM
    assert profile.refusal("clone") == 0
    (newer,) = rules(profile, "SCMP_ACT_ERRNO")
    assert newer["errnoRet"] == errno.ENOSYS
    assert {"clone3", "landlock_create_ruleset"} <= set(newer["names"])
    assert not set(newer["names"]) & profile.allowed
    assert (profile.document()["defaultAction"], profile.document()["defaultErrnoRet"]) == ("SCMP_ACT_ERRNO", 1)


def test_a_strict_profile_takes_the_architectures_that_were_seen() -> None:
    assert strict("read").document()["archMap"] == [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": []}]
    assert strict("read", x86=("mmap2",)).architectures == ("x86_64", "x86")
    assert {"mmap2"} <= strict("read", x86=("mmap2",)).allowed
    wide = make_profile(Level.RECOMMENDED, {"x86_64": ("read",)}, "x86_64", ())
    assert wide.architectures == ("x86_64", "x86", "x32")
    arm = make_profile(Level.STRICT, {"aarch64": ("read",)}, "aarch64", ())
    assert arm.document()["archMap"][0]["architecture"] == "SCMP_ARCH_AARCH64"


def test_recommended_refuses_what_is_dangerous_and_was_not_seen() -> None:
    wide = make_profile(Level.RECOMMENDED, {"x86_64": ("read", "ptrace")}, "x86_64", CAPABILITIES)
    assert {"ptrace", "symlink", "shmget"} <= wide.allowed
    assert not {"process_vm_readv", "chroot", "vmsplice"} & wide.allowed
    assert strict("read", "ptrace").allowed < wide.allowed
    assert wide.count < len(wide.default)


def test_the_same_calls_give_the_same_text() -> None:
    assert strict("read", "shmget").text() == strict("shmget", "read").text()


def test_the_tables_name_calls_that_exist() -> None:
    known = {name for one in ("x86_64", "x86", "x32", "aarch64", "arm") for name in numbers_of(one)} | NOT_IN_HEADERS
    assert all_of(*FAMILIES, *RUNTIME, *DANGEROUS) <= known
    everything = docker_default.allowed("x86_64", ("CAP_SYS_ADMIN",)) | docker_default.allowed("aarch64", ())
    assert everything <= known | {"breakpoint"}
    assert all(group.reason for group in (*FAMILIES, *RUNTIME, *DANGEROUS))


def test_a_strict_profile_is_no_wider_than_recommended_but_for_what_was_seen() -> None:
    """What the runtime needs is not among the dangerous calls."""
    assert not all_of(*RUNTIME) & all_of(*DANGEROUS)


def test_an_init_process_needs_calls_of_its_own() -> None:
    """It starts before the probe sees calls."""
    calls = {"x86_64": ("read",)}
    with_init = make_profile(Level.STRICT, calls, "x86_64", (), init=True)
    assert {"wait4", "rt_sigtimedwait", "setpgid"} <= with_init.allowed
    assert not {"wait4", "setpgid"} & make_profile(Level.STRICT, calls, "x86_64", ()).allowed
