"""AppArmor profiles: what may be read, run and written, and names that try to be rules."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Collection
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimmer.observe.log import Access, Operation
from slimmer.profiles.apparmor import Confinement, apparmor_profile, escaped, profile_name
from tests.unit.tree_maker import make_tree

TREE = make_tree(
    """
    f /usr/bin/app
    f /usr/lib/libx.so.1
    f /usr/lib/notes.txt
    f /etc/app.conf
    d /var/log/app
    d /data
    """
)


def access(operation: Operation, path: str, *, found: bool = True) -> Access:
    """An access of the app."""
    return Access(operation, path, path if found else "", found, 1, "/usr/bin/app")


def profile(*accesses: Access, volumes: Collection[str] = (), sockets: bool = False) -> str:
    """The profile of the app with these accesses."""
    kept = [entry.path for entry in TREE]
    return apparmor_profile(Confinement("slimmer-app", TREE, kept, accesses, volumes, ("CAP_CHOWN",), sockets))


def test_files_are_read_and_programs_run() -> None:
    text = profile(access(Operation.EXEC, "/usr/bin/app"), access(Operation.OPEN, "/etc/app.conf"))
    for rule in ('"/usr/bin/app" mrix,', '"/etc/*" r,', '"/usr/lib/*.so*" mr,', '"/usr/lib/*" r,', "capability chown,"):
        assert f"  {rule}\n" in text
    assert "network" not in text
    assert '"/usr/lib/*" rw' not in text


def test_what_was_written_may_be_written() -> None:
    text = profile(
        access(Operation.WRITE, "/etc/app.conf"),
        access(Operation.CREATE, "/var/log/app/today.log", found=False),
        access(Operation.CREATE, "/etc/app.conf.new", found=False),
        access(Operation.CREATE, "/data/deep/file", found=False),
        volumes=("/data",),
    )
    for rule in ('"/etc/app.conf{,/}"', '"/etc/app.conf.new{,/}"', '"/var/log/app/**"', '"/data/**"'):
        assert f"  {rule} rwkl,\n" in text
    assert "/data/deep" not in text


def test_a_new_file_above_files_of_the_image_does_not_make_them_writable() -> None:
    text = profile(access(Operation.CREATE, "/usr/state.tmp", found=False))
    assert '  "/usr/state.tmp{,/}" rwkl,\n' in text
    assert '  "/usr/*" rwkl,\n' in text
    assert '"/usr/**"' not in text


def test_sockets_have_their_kinds() -> None:
    text = profile(sockets=True)
    assert "  network inet stream,\n" in text
    assert "  network unix stream,\n" in text
    assert "packet" not in text


@pytest.mark.parametrize(
    "path", ['/a" rwklmx,\n/** rwx,', "/a\\", "/@{PROC}/x", "/a*b?c[d]{e,f}^", "/caf\udce9", "/a#b"]
)
def test_a_name_means_nothing_but_itself(path: str) -> None:
    pattern = escaped(path)
    assert re.fullmatch(r"[A-Za-z0-9/._+=:~%?-]+", pattern)
    assert len(pattern) == len(os.fsencode(path))
    assert f'  "{pattern}" mrix,\n' in profile(access(Operation.EXEC, path))


@given(st.text(min_size=1).map(lambda text: "/" + text.replace("\0", "")))
def test_every_rule_stays_one_line(path: str) -> None:
    lines = profile(access(Operation.EXEC, path), access(Operation.CREATE, path, found=False)).splitlines()
    assert len([line for line in lines if "mrix" in line]) == 2  # the other is the engine's
    assert all(line.count('"') in (0, 2) for line in lines)


@pytest.mark.parametrize("tag", ["shop:slim", "host:5000/a/b:1.4-slim", 'x" {'])
def test_the_name_is_plain(tag: str) -> None:
    assert re.fullmatch(r"slimmer-[A-Za-z0-9._-]+", profile_name(tag))


@pytest.mark.skipif(shutil.which("apparmor_parser") is None, reason="apparmor_parser is not installed")
def test_the_parser_takes_it(tmp_path: Path) -> None:
    accesses = [access(Operation.EXEC, f"/bin/{chr(code)}x") for code in range(1, 256)]
    accesses += [access(Operation.CREATE, f"/srv/{chr(code)}/x", found=False) for code in range(1, 256)]
    target = tmp_path / "profile"
    target.write_text(profile(*accesses, volumes=("/da ta",), sockets=True))
    checked = subprocess.run(["apparmor_parser", "-QT", target], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
