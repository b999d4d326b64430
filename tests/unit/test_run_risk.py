"""What a user is told who gives an app a capability with which it can take the probe over."""

from __future__ import annotations

import pytest

from slimmer.engine.description import risk
from slimmer.engine.options import RunOptions


@pytest.mark.parametrize("names", [("SYS_PTRACE",), ("NET_ADMIN", "cap_sys_ptrace")])
def test_a_capability_that_is_worth_another_is_told(names: tuple[str, ...]) -> None:
    assert "SYS_ADMIN" in risk(RunOptions(cap_add=names))


@pytest.mark.parametrize("names", [(), ("NET_ADMIN",), ("SYS_PTRACE", "SYS_ADMIN"), ("ALL",)])
def test_nothing_is_told_where_nothing_is_gained(names: tuple[str, ...]) -> None:
    assert not risk(RunOptions(cap_add=names))
