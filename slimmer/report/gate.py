"""A gate of a comparison: something that a pipeline demands of the second image, and whether it holds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from slimmer.formatting import counted

OFFENDERS = 5
"""The most offenders that a gate names. It counts all of them."""

LONGEST = 200
"""The most characters of an offender. A name in an image may have 4,096 bytes, and a label has no limit."""

MAX_GROWTH = Fraction(10)
"""How much the image may grow since the baseline, in percent, unless --max-growth says otherwise."""


class Condition(StrEnum):
    """What --fail-on can name. The order is that in which gates are listed."""

    SETUID = "setuid"
    """The second image has a file with setuid, setgid or capabilities, whether the first one has it or not."""

    NEW_SETUID = "new-setuid"
    """The second image has such a file that is none in the first image."""

    SHELL = "shell"
    """The second image has a shell."""

    PACKAGE_MANAGER = "package-manager"
    """The second image has a package manager."""

    CONFIG_CHANGE = "config-change"
    """The configurations of the images differ."""

    NEW_FILE = "new-file"
    """The second image has a path that the first one does not have, or has with other content."""

    GROWTH = "growth"
    """The second image is larger than that of the baseline, by more than --max-growth."""

    WARNING = "warning"
    """The comparison, or the build that made the second image, has a warning."""

    CRITICAL = "critical"
    """The first image has a critical vulnerability that is not proven gone in the second one."""

    HIGH = "high"
    """The same for one that is high or worse."""

    MEDIUM = "medium"
    """The same for one that is medium or worse."""

    LOW = "low"
    """The same for one that is low or worse."""


SEVERITIES = (Condition.CRITICAL, Condition.HIGH, Condition.MEDIUM, Condition.LOW)
"""The conditions that need a scan of the first image. They have the names of severities (slimmer.scans.scan.Severity)."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a comparison is held against. `max_size` is in bytes, `max_growth` in percent. None means that there is no such gate."""

    max_size: int | None = None
    min_ratio: Fraction | None = None
    max_growth: Fraction = MAX_GROWTH
    fail_on: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Gate:
    """A gate and its result. `name` is the name of the option or of the condition. `found` is the figure, in words.

    `count` is the number of offenders, and `offenders` the first of them, cut to LONGEST characters.
    """

    name: str
    passed: bool
    found: str
    count: int = 0
    offenders: tuple[str, ...] = ()

    def __str__(self) -> str:
        more = f" and {self.count - len(self.offenders):,} more" if self.count > len(self.offenders) else ""
        names = f": {', '.join(self.offenders)}{more}" if self.offenders else ""
        return f"{self.name}: {self.found}{names}"


def verdict(gates: tuple[Gate, ...]) -> str:
    """Return in words how many gates failed: "2 of 3 gates failed"."""
    failed = sum(not gate.passed for gate in gates)
    if failed:
        return f"{failed} of {counted(len(gates), 'gate')} failed"
    return f"{counted(len(gates), 'gate')} passed"
