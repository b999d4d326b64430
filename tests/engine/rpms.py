"""Makes packages for rpm, and installs them into a folder, as Fedora's images are made."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

IS_THERE = shutil.which("rpmbuild") is not None and shutil.which("rpm") is not None

SPEC = """Name: {name}
Version: 1.0
Release: 1
Summary: A package of a test
License: MIT
Provides: virtual-{name} = 1
%define debug_package %{{nil}}
%define __os_install_post %{{nil}}
%description
A package of a test.
%install
cp -a {files}/. %{{buildroot}}
%files
{paths}
"""


def make_rpm(folder: Path, name: str, files: Mapping[str, bytes]) -> Path:
    """Make a package of programs and data: their contents by their paths in the image."""
    top = folder / name
    for path, content in files.items():
        place = top / "files" / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        place.chmod(0o755 if "/bin/" in path else 0o644)
    spec = top / f"{name}.spec"
    spec.write_text(SPEC.format(name=name, files=top / "files", paths="\n".join(files)))
    _run("rpmbuild", "-bb", "--define", f"_topdir {top}", spec)
    return next((top / "RPMS").rglob("*.rpm"))


def install(root: Path, database: str, *packages: Path) -> None:
    """Install packages into a folder that stands for an image's root. `database` is the folder of rpm's database in it."""
    (root / database.lstrip("/")).mkdir(parents=True)
    _run("rpm", "--root", root, "--dbpath", database, "--install", "--nodeps", "--noscripts", *packages)


def query(root: Path, database: str, *words: str) -> list[str]:
    """The sorted lines that `rpm --query` prints about a folder."""
    return sorted(_run("rpm", "--root", root, "--dbpath", database, "--query", *words).splitlines())


def _run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{' '.join(map(str, command))}:\n{done.stdout}{done.stderr}"
    return done.stdout
