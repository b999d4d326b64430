"""If the engine does not start a container, the error says whether the options, the image or the engine is to blame."""

from __future__ import annotations

import pytest
from docker.errors import APIError

from slimmer.engine.containers import engine_calls, start_problem
from slimmer.errors import AppFailed, EngineError
from slimmer.runs.start import as_docker_run

BRIDGE = (
    "failed to create endpoint slimmer-1 on network bridge: adding interface veth1 to bridge docker0 failed: could not find "
    "bridge docker0: route ip+net: no such network interface"
)
NO_USER = "unable to find user nobody-here: no matching entries in passwd file"
NO_NETWORK = "network no-such-network not found"


def answered(words: str) -> APIError:
    return APIError("500 Server Error", explanation=words)


@pytest.mark.parametrize("words", [BRIDGE, "failed to start shim: fork/exec: resource unavailable"])
def test_a_broken_engine_is_not_the_apps_fault(words: str) -> None:
    problem = start_problem(answered(words))
    assert isinstance(problem, EngineError) and problem.exit_code == 4
    assert words in problem.message and "--user" not in problem.hint and "Restart the engine" in problem.hint
    with pytest.raises(EngineError, match=r"bridge|shim") as error, as_docker_run(), engine_calls("start a container"):
        raise answered(words)
    assert "Restart the engine" in error.value.hint


@pytest.mark.parametrize("words", [NO_USER, NO_NETWORK])
def test_options_that_the_engine_refuses_are_the_users(words: str) -> None:
    problem = start_problem(answered(words))
    assert isinstance(problem, AppFailed) and "--user" in problem.hint
    with pytest.raises(AppFailed, match="the engine cannot run the image"), as_docker_run(), engine_calls("create it"):
        raise answered(words)


def test_an_engine_without_addresses_for_a_network_is_told_apart() -> None:
    words = "could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network"
    with pytest.raises(EngineError) as error, engine_calls("create a network"):
        raise answered(words)
    assert "docker network prune" in error.value.hint
