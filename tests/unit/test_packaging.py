"""Packaging: installs bring a probe that runs, compile for another architecture, and say what is missing."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

from slimmer import __version__, probe_binary
from slimmer.errors import UnsupportedEngine

ROOT = Path(__file__).parent.parent.parent
ELF_MACHINE = slice(18, 20)
AARCH64 = b"\xb7\x00"
"""EM_AARCH64, elf(5)."""


@pytest.fixture(scope="module")
def hook() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def wheel(folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Build the wheel as pip does, from this checkout, with what is installed here."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--no-deps", "--no-build-isolation"]
    return subprocess.run(
        [*command, "--wheel-dir", folder, ROOT], capture_output=True, text=True, env=environment, check=False
    )


def test_a_wheel_holds_the_package_and_a_probe_that_runs(tmp_path: Path) -> None:
    result = wheel(tmp_path, dict(os.environ))
    assert result.returncode == 0, result.stderr
    (made,) = tmp_path.glob("slimmer-*.whl")
    with zipfile.ZipFile(made) as archive:
        archive.extractall(tmp_path / "installed")
        names = archive.namelist()
    assert "slimmer/rebuild/templates/Dockerfile.j2" in names
    assert "slimmer/py.typed" in names
    program = tmp_path / "installed/slimmer/probes" / probe_binary.probe_path(native()).name
    program.chmod(0o755)
    assert subprocess.check_output([program, "version"], text=True).startswith(f"slimmer-probe {__version__} ")


def test_the_probe_compiles_for_aarch64(hook: ModuleType, tmp_path: Path) -> None:
    """`make release` also links it, which takes a minute: zig then compiles musl for aarch64."""
    options = [f"CC={hook.compiler('arm64')}", f"BUILD={tmp_path}", "objects"]
    subprocess.run(["make", "-C", ROOT / "probes/files", *options], check=True, capture_output=True)
    objects = list(tmp_path.glob("*.o"))
    assert len(objects) == len(list((ROOT / "probes/files").glob("*.c")))
    for compiled in objects:
        head = compiled.read_bytes()[:64]
        assert head[:4] == b"\x7fELF"
        assert head[ELF_MACHINE] == AARCH64


def test_without_a_compiler_the_error_names_the_package(tmp_path: Path) -> None:
    (tmp_path / "make").symlink_to("/usr/bin/make")
    blocker = tmp_path / "site"
    blocker.mkdir()
    # A module that is not there, whatever is installed: find_spec looks in sys.modules first.
    (blocker / "sitecustomize.py").write_text("import importlib.util as u\nf = u.find_spec\n"
        "u.find_spec = lambda n, *a: None if n == 'ziglang' else f(n, *a)\n")  # fmt: skip
    environment = {**os.environ, "PATH": str(tmp_path), "PYTHONPATH": str(blocker)}
    environment.pop("CC", None)
    result = wheel(tmp_path, environment)
    assert result.returncode != 0
    assert "apt-get install musl-tools" in result.stdout + result.stderr


def test_an_unknown_architecture_is_refused(hook: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIMMER_PROBE_ARCHS", "amd64,riscv64")
    with pytest.raises(RuntimeError, match="not riscv64"):
        hook.wanted()


def test_an_engine_of_another_architecture_is_a_clear_error() -> None:
    with pytest.raises(UnsupportedEngine, match="the engine runs s390x") as caught:
        probe_binary.probe_path("s390x")
    assert native() in caught.value.message
    assert "SLIMMER_PROBE_ARCHS=s390x" in caught.value.hint


def test_version_names_the_probe() -> None:
    said = subprocess.check_output([sys.executable, "-m", "slimmer", "--version"], text=True)
    assert said.strip() == f"slimmer {__version__} (slimmer-probe {__version__} {native()})"


def test_help_imports_nothing_that_is_slow() -> None:
    """`slimmer --help` has to answer at once: no engine, HTTP or template library is loaded for it."""
    command = [sys.executable, "-X", "importtime", "-m", "slimmer", "build", "--help"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "typer" in imported
    assert imported & {"docker", "requests", "httpx", "jinja2", "yaml", "psutil", "zstandard"} == set()


def native() -> str:
    return probe_binary.ARCHITECTURES[os.uname().machine]
