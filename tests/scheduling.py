"""Which worker gets which tests: a file's tests go to one worker, as they share images; those of some files are spread."""

from __future__ import annotations

import pytest
from xdist.scheduler import LoadScopeScheduling

SPREAD = ("tests/engine/test_policies.py", "tests/engine/test_build.py", "tests/engine/test_samples.py")
"""Files whose tests take long and share little."""

ALONE = (
    "tests/engine/test_own_leftovers.py",
    "tests/engine/test_leftovers.py",
    "tests/engine/test_clean.py",
    "tests/engine/test_interrupts.py",
)
"""Files whose tests must be alone with the engine. One worker has them all, before anything else, so that the others wait once.
The tests that need no engine use the processors meanwhile."""

FIRST = (
    "tests/engine/test_until_quiet.py",
    "tests/engine/test_ci.py",
    "tests/engine/test_ready.py",
    "tests/engine/test_policies.py",
)
"""Files with long tests. They begin, so that no worker is left with a long one at the end. The others follow by the number of their tests."""


class Scheduler(LoadScopeScheduling):
    """Hands out files, the long ones first."""

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)


def group(nodeid: str) -> str:
    """What goes to one worker: the file, the test alone, or all tests that must be alone with the engine."""
    file = nodeid.partition("::")[0]
    if file in ALONE:
        return ALONE[0]
    return nodeid if file in SPREAD else file


def in_order(items: list[pytest.Item]) -> list[pytest.Item]:
    """The tests of a run in the order in which they are handed out; a file's stay together, in their order."""
    sizes: dict[str, int] = {}
    for item in items:
        sizes[item.nodeid.partition("::")[0]] = sizes.get(item.nodeid.partition("::")[0], 0) + 1

    def place(item: pytest.Item) -> tuple[bool, bool, int, str]:
        file = item.nodeid.partition("::")[0]
        return file not in ALONE, file not in FIRST, -sizes[file], file

    return sorted(items, key=place)
