"""Whose things are whose: a process that is dead is known to be, also before its parent has asked for its exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import psutil

from slimmer.engine.labels import OWNER_LABEL, RUN_LABEL, new_run, owner_of, owner_of_container, this_owner


def test_this_process_runs_and_one_that_began_at_another_time_is_another() -> None:
    owner = this_owner()
    assert owner_of(str(owner)) == owner
    assert not owner.gone()
    assert replace(owner, started=owner.started - 1000).gone()
    assert replace(owner, boot="another").gone()


def test_a_label_that_only_looks_like_an_owner_is_none() -> None:
    for text in ("", "a_b_c_d", "a_b_\u00b2_1", f"a_b_1_{'9' * 5000}"):
        assert owner_of(text) is None, text


def test_a_dead_process_that_nobody_waited_for_is_gone() -> None:
    """PID 1 of a container that is no init never waits: its zombies would own their containers for ever."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        started = int(psutil.Process(process.pid).create_time() * 100)
        owner = replace(this_owner(), pid=process.pid, started=started)
        assert not owner.gone()
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert owner.gone()


def test_a_container_is_slimmers_only_by_a_name_that_a_run_gives() -> None:
    """Its labels may be its image's, and a project that is called slimmer has containers like slimmer-web-1."""
    owner, run = this_owner(), new_run()
    for label, name, is_ours in [
        (run, f"/slimmer-{run}-app", True),
        (run, "/slimmer-web-1", False),
        ("web", "/slimmer-web-1", False),
        ("", "/slimmer--1", False),
    ]:
        entry = {"Labels": {RUN_LABEL: label, OWNER_LABEL: str(owner)}, "Names": [name]}
        assert (owner_of_container(entry) == owner) is is_ours, entry
