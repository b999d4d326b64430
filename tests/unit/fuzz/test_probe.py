"""The kept inputs for the probe's C, through the harnesses that `make fuzz` runs, with gcc's sanitizers: no clang is needed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
HARNESSES = ROOT / "tests" / "fuzz" / "c"
CORPUS = ROOT / "tests" / "fuzz" / "corpus"
NAMES = sorted(path.stem for path in HARNESSES.glob("*.c") if path.stem not in ("fuzz", "jail", "replay"))


@pytest.fixture(scope="module")
def built() -> Path:
    """The folder of the compiled harnesses; what did not change is not compiled again."""
    folder = ROOT / ".cache" / "fuzz" / "replay"
    command = ["make", "-s", "-C", str(HARNESSES), "-j2", "REPLAY=1", f"BUILD={folder}"]
    made = subprocess.run(command, capture_output=True, text=True, timeout=500, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_the_probe_reads_every_kept_input_within_its_memory(name: str, built: Path, tmp_path: Path) -> None:
    environment = os.environ | {"ASAN_OPTIONS": "detect_leaks=0", "SLIMMER_FUZZ_JAIL": str(tmp_path)}
    command = [built / name, CORPUS / name]
    ran = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=300, env=environment)
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert len(ran.stderr.splitlines()) >= len(list((CORPUS / name).iterdir())) > 0
