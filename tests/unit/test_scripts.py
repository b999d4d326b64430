"""The shell scripts: they parse, shellcheck has nothing to say, and they fail in words that help."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted(
    [
        *ROOT.glob("scripts/*.sh"),
        *ROOT.glob("sample_apps/*.sh"),
        *ROOT.glob("sample_apps/*/*.sh"),
        ROOT / ".ci/run",
    ]
)


def run(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run to the end, with exactly this environment and PATH."""
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **environment},
    )


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_script_is_sound(script: Path) -> None:
    shellcheck = Path(sys.executable).parent / "shellcheck"
    result = run(shellcheck, "--severity=warning", script)
    assert result.stdout == ""
    assert result.returncode == 0


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_script_can_be_executed(script: Path) -> None:
    assert script.stat().st_mode & 0o111 == 0o111


def test_an_engine_that_was_named_and_is_silent_is_not_replaced(tmp_path: Path) -> None:
    result = run(ROOT / "scripts/engine.sh", "echo", "ran", DOCKER_HOST=f"unix://{tmp_path}/none.sock")
    assert result.returncode == 4
    assert result.stdout == ""
    assert "DOCKER_HOST" in result.stderr
    assert len(result.stderr.splitlines()) == 2


def test_an_unknown_sample_is_named(tmp_path: Path) -> None:
    result = run(ROOT / "sample_apps/build.sh", "no-such-app")
    assert result.returncode == 2
    assert "no-such-app" in result.stderr
    assert "flask" in result.stderr


def test_an_old_python_is_refused_by_name(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    checkout = tmp_path / "checkout"
    (checkout / "scripts").mkdir(parents=True)
    script = checkout / "scripts/setup.sh"
    script.write_bytes((ROOT / "scripts/setup.sh").read_bytes())
    result = run("/bin/bash", script, "venv", PYTHON=str(old))
    assert result.returncode == 1
    assert "3.11" in result.stderr
    assert not (checkout / ".venv").exists()


def test_an_engine_is_not_stopped_by_a_number_that_is_another_process_now(tmp_path: Path) -> None:
    """As after a reboot, which the file with the number survives."""
    (tmp_path / "run").mkdir()
    number = tmp_path / "run/docker.shell"
    with subprocess.Popen(["sleep", "60"]) as stranger:
        try:
            number.write_text(f"{stranger.pid}\n")
            result = run(ROOT / "scripts/other_engine.sh", "stop", tmp_path, "docker")
            assert (result.returncode, result.stderr, stranger.poll()) == (0, "", None)
        finally:
            stranger.kill()
    assert not number.exists()


ANOTHER_ROOT = """
mount --rbind "$0" "$0"; cd "$0"; mkdir -p oldroot usr
for place in bin lib lib64; do ln -s "usr/$place" "$place"; done
mount --rbind /usr usr; pivot_root . oldroot
exec chroot . /bin/bash -c 'umount -l /oldroot; echo $$ >/run/docker.shell; echo; exec sleep 60'
"""


@pytest.mark.skipif(
    os.geteuid() != 0 or not Path("/lib").is_symlink(), reason="needs root, and a machine with all programs in /usr"
)
def test_an_engine_with_its_own_root_is_stopped(tmp_path: Path) -> None:
    """It gets there as the script's engines do."""
    (tmp_path / "run").mkdir()
    enter = ["unshare", "--mount", "--propagation", "private", "bash", "-ec", ANOTHER_ROOT, str(tmp_path)]
    with subprocess.Popen(enter, stdout=subprocess.PIPE) as engine:
        try:
            assert engine.stdout is not None
            assert engine.stdout.readline() == b"\n"
            result = run(ROOT / "scripts/other_engine.sh", "stop", tmp_path, "docker")
            assert (result.returncode, result.stderr) == (0, "")
            assert engine.wait(10) == -signal.SIGTERM
        finally:
            engine.kill()
