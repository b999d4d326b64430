"""What a watcher knows of a run that is dead, and how it reaches the engine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from docker.tls import TLSConfig

from slimmer.engine.aftermath import Folder, clean_up, dead_run
from slimmer.engine.connection import as_values
from slimmer.engine.labels import name_of, new_run
from slimmer.engine.lifeline import Lifeline
from tests.engine.soak import is_watcher

NOWHERE = {"base_url": "unix:///nowhere/docker.sock", "tls": False}
PATIENCE = 30.0


def test_what_a_run_told_is_understood() -> None:
    told: list[dict[str, Any]] = [
        {"path": [], "settings": NOWHERE, "run": "abc"},
        {"making": 1},
        {"folder": "/out", "made": ["/out"], "mark": ".slimmer-1"},
        {"making": -1},
        {"image": "1b2c3d4e5f60"},
    ]
    dead = dead_run(told)
    assert (dead.run, dead.settings, dead.steps) == ("abc", NOWHERE, ("1b2c3d4e5f60",))
    assert dead.folders == (Folder(Path("/out"), (Path("/out"),), ".slimmer-1"),)
    assert not dead.in_flight
    assert dead_run([*told, {"making": 1}]).in_flight


def test_certificates_are_told_by_their_places(tmp_path: Path) -> None:
    for name in ("cert", "key", "ca"):
        (tmp_path / name).write_text("")
    paths = [str(tmp_path / name) for name in ("cert", "key", "ca")]
    tls = TLSConfig(client_cert=(paths[0], paths[1]), ca_cert=paths[2], verify=True)
    values = json.loads(json.dumps(as_values({"base_url": "https://engine:2376", "tls": tls})))
    assert values["base_url"] == "https://engine:2376"
    assert vars(TLSConfig(**values["tls"])) == vars(tls)


def test_commands_and_temporary_folders_of_the_run_go_and_others_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr("slimmer.engine.aftermath.LIMIT", 0.0)  # there is no engine
    run, other = new_run(), new_run()
    for name in (run, other):
        (tmp_path / f"{name_of(name, 'app')}-x").mkdir()
        (tmp_path / f"{name_of(name, 'app')}-x/exec").write_text("")
    (tmp_path / name_of(run, "link")).symlink_to(tmp_path / f"{name_of(other, 'app')}-x")
    commands = {
        name: subprocess.Popen(
            ["sh", "-c", "sleep 600 & wait"],
            env={"SLIMMER_CONTAINER": name_of(name, "app")},
            start_new_session=True,
        )
        for name in (run, other)
    }
    try:
        end = time.monotonic() + PATIENCE
        while not all(psutil.Process(one.pid).children() for one in commands.values()) and time.monotonic() < end:
            time.sleep(0.01)
        children = psutil.Process(commands[run].pid).children()
        clean_up(dead_run([{"path": [], "settings": NOWHERE, "run": run}]))
        assert commands[run].wait(PATIENCE) == -signal.SIGKILL
        assert not psutil.wait_procs(children, PATIENCE)[1]
        assert commands[other].poll() is None
    finally:
        for command in commands.values():
            with suppress(ProcessLookupError):
                os.killpg(command.pid, signal.SIGKILL)
            command.wait()
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {f"{name_of(other, 'app')}-x", name_of(run, "link")}


@pytest.mark.parametrize("end", ["abandon", "end"])
def test_a_watcher_works_only_when_it_is_left_alone(end: str, tmp_path: Path) -> None:
    """Its work here is to remove a folder; a process that slimmer forked holds the pipe open."""
    mark, out = ".slimmer-0123456789abcdef", tmp_path / "out"
    (out / mark).mkdir(parents=True)
    lifeline = Lifeline(new_run(), NOWHERE)
    lifeline.folder(out, [out], mark)
    process = next(filter(is_watcher, psutil.Process().children()))
    getattr(lifeline, end)()
    try:
        limit = time.monotonic() + (PATIENCE if end == "abandon" else 1.0)
        while out.exists() and time.monotonic() < limit:
            time.sleep(0.01)
        assert out.exists() == (end == "end")
    finally:
        with suppress(psutil.NoSuchProcess):
            process.kill()
            process.wait(PATIENCE)


FORKED = """
import os, sys, time
from slimmer.engine.lifeline import Lifeline
lifeline = Lifeline("run", {"base_url": "unix:///nowhere/docker.sock", "tls": False})
lifeline.folder(__import__("pathlib").Path(sys.argv[1]), [], sys.argv[2])
child = os.fork()
if not child:
    time.sleep(600)
print(child, flush=True)
time.sleep(600)
"""


def test_a_process_that_holds_the_pipe_open_does_not_hide_the_end(tmp_path: Path) -> None:
    mark = ".slimmer-0123456789abcdef"
    (tmp_path / mark).mkdir()
    command = [sys.executable, "-c", FORKED, str(tmp_path), mark]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as slimmer:
        assert slimmer.stdout is not None
        child = int(slimmer.stdout.readline())
        watchers = list(filter(is_watcher, psutil.Process(slimmer.pid).children()))
        slimmer.kill()
        try:
            end = time.monotonic() + PATIENCE
            while (tmp_path / mark).exists() and time.monotonic() < end:
                time.sleep(0.01)
            assert not (tmp_path / mark).exists()
        finally:
            os.kill(child, signal.SIGKILL)
            for one in watchers:
                one.kill()
