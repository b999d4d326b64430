"""The names of Linux's system calls. The probe tells their numbers, which differ by architecture.

`system_calls.txt` is made from the kernel's headers by scripts/system_calls.py. Architectures have the names that libseccomp uses
(seccomp_arch_add(3)), in lower case.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files

ARCHITECTURES = {
    "amd64": {"native": "x86_64", "compat": "x86", "x32": "x32"},
    "arm64": {"native": "aarch64", "compat": "arm"},
}
"""The architectures of the calls on a machine, by its name in Docker and the probe's word."""

UNKNOWN = "call-"
"""Begins the name of a call that is newer than the table; its number follows."""


def architecture_of(machine: str, way: str) -> str:
    """Return the architecture of calls that the probe counted under this word. Raise KeyError for an unknown one."""
    return ARCHITECTURES[machine][way]


def call_names(architecture: str, numbers: Iterable[int]) -> tuple[str, ...]:
    """Return the names of calls, sorted."""
    names = _names(architecture)
    return tuple(sorted({names.get(number, f"{UNKNOWN}{number}") for number in numbers}))


def numbers_of(architecture: str) -> Mapping[str, int]:
    """Return the number of each call that this architecture has."""
    head, *rows = _table()
    column = head.index(architecture)
    return {row[0]: int(row[column]) for row in rows if row[column] != "-"}


@cache
def _table() -> tuple[tuple[str, ...], ...]:
    text = files("slimmer.observe").joinpath("system_calls.txt").read_text(encoding="ascii")
    return tuple(tuple(line.split(" ")) for line in text.splitlines())


@cache
def _names(architecture: str) -> Mapping[int, str]:
    return {number: name for name, number in numbers_of(architecture).items()}
