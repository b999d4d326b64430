"""What the slim image's app still looks for in vain when no repair is left is told, also where nothing else differs."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import docker

from tests.engine.command import slimmer
from tests.engine.integration_app import IMAGE, SLIM

PROGRAM = """
import os, sys, urllib.request
from pathlib import Path
count = Path(sys.argv[1])
number = int(count.read_text()) if count.exists() else 0
count.write_text(str(number + 1))
path = ("srv/first", "srv/second", "srv/second", "srv/page", "srv/page", "work/file", "work/file")[number]
try:
    urllib.request.urlopen(f"{os.environ['SLIMMER_URL']}/file/{path}").read()
except urllib.error.HTTPError:
    pass
"""
"""Asks for another file in each verification, and takes every answer for a good one."""


def test_what_is_missed_to_the_end_is_told(
    road: str, engine: docker.DockerClient, leftovers: None, tmp_path: Path
) -> None:
    command = shlex.join([sys.executable, "-c", PROGRAM, str(tmp_path / "count")])
    options = ("--policy", "observed", "--repair", "1", "--exercise", command)
    result = slimmer("build", IMAGE, "--tag", SLIM, "--out", tmp_path / "out", *options)
    assert result.returncode == 0, result.stderr
    engine.images.remove(SLIM)
    assert "added now: /srv/second" in result.stderr
    assert "still misses files that the original has: /srv/page" in result.stderr
    assert json.loads((tmp_path / "out/report.json").read_text())["verification"]["missed"] == ["/srv/page"]
