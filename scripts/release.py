#!/usr/bin/env python3
"""Makes a release: sets the version, closes the changelog, builds wheel and source archive, checks both, commits and tags.

    make release VERSION=0.2.0

Nothing is pushed or uploaded: the last lines say how. Run it in a clean checkout of main, after `make test`.
"""

from __future__ import annotations

import argparse
import datetime
import re
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"
VERSION_FILE = ROOT / "slimmer/version.py"
CHANGELOG = ROOT / "CHANGELOG.md"
UNRELEASED = "## Unreleased"

_VERSION = re.compile(r"\d+\.\d+\.\d+(?:(?:a|b|rc)\d+)?")
"""Major, minor, patch, and perhaps a pre-release of PEP 440."""

_ASSIGNMENT = re.compile(r'^__version__ = "([^"]+)"$', re.MULTILINE)


class ReleaseError(Exception):
    """Something that must be put right before a release."""


def bumped(source: str, version: str) -> str:
    """The text of slimmer/version.py with another version. Raises ReleaseError if the version is malformed or older."""
    if not _VERSION.fullmatch(version):
        raise ReleaseError(f"{version} is not a version such as 0.2.0 or 0.2.0rc1")
    found = _ASSIGNMENT.search(source)
    if found is None:
        raise ReleaseError("slimmer/version.py has no __version__")
    if _order(version) < _order(found[1]):
        raise ReleaseError(f"{version} is not newer than {found[1]}")
    return _ASSIGNMENT.sub(f'__version__ = "{version}"', source)


def closed(changelog: str, version: str, date: datetime.date) -> str:
    """The changelog with its unreleased changes under a version and a date. Raises ReleaseError if there are none."""
    before, heading, rest = changelog.partition(f"{UNRELEASED}\n")
    changes = re.split(r"^## ", rest, maxsplit=1, flags=re.MULTILINE)[0]
    if not heading or not changes.strip():
        raise ReleaseError(f"CHANGELOG.md has nothing under {UNRELEASED!r}")
    return f"{before}{heading}\n## {version} - {date.isoformat()}\n{rest}"


def notes(changelog: str, version: str) -> str:
    """What the changelog says of a version."""
    _, _, rest = changelog.partition(f"## {version} - ")
    return re.split(r"^## ", rest.partition("\n")[2], maxsplit=1, flags=re.MULTILINE)[0].strip()


def _order(version: str) -> tuple[int, int, int, int, int]:
    numbers = re.match(r"(\d+)\.(\d+)\.(\d+)(?:(a|b|rc)(\d+))?", version)
    if numbers is None:
        raise ReleaseError(f"{version} is not a version")
    major, minor, patch = (int(part) for part in numbers.groups()[:3])
    stage = {"a": 0, "b": 1, "rc": 2, None: 3}[numbers[4]]
    return major, minor, patch, stage, int(numbers[5] or 0)


def run(*command: str | Path, quiet: bool = False) -> str:
    """Run a command in the checkout and return its output. Raises ReleaseError with what it said if it fails."""
    if not quiet:
        print("+", *command, file=sys.stderr)
    result = subprocess.run(list(map(str, command)), cwd=ROOT, text=True, capture_output=True, check=False)
    if result.returncode:
        raise ReleaseError(f"{' '.join(map(str, command))} failed:\n{result.stdout}{result.stderr}")
    return result.stdout


def check_checkout(version: str) -> None:
    """Raises ReleaseError if the checkout has changes, or the tag exists."""
    if changes := run("git", "status", "--porcelain", quiet=True):
        raise ReleaseError(f"the checkout has changes; commit or stash them first:\n{changes}")
    if run("git", "tag", "--list", f"v{version}", quiet=True).strip():
        raise ReleaseError(f"the tag v{version} exists")


def build() -> None:
    """Build the wheel with the probe for amd64 and arm64, and the source archive, and check their metadata."""
    shutil.rmtree(DIST, ignore_errors=True)
    run("make", "--no-print-directory", "wheel")
    run(sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", DIST)
    run(sys.executable, "-m", "twine", "check", "--strict", *sorted(DIST.iterdir()))


def try_wheel(version: str) -> None:
    """Install the wheel with its locked dependencies into a new environment, and ask it for its version and help."""
    (wheel,) = DIST.glob("slimmer-*.whl")
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder) / "bin/python"
        pip = (python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet")
        run(*pip, "--require-hashes", "-r", ROOT / "requirements.lock")
        run(*pip, "--no-deps", wheel)
        said = run(Path(folder) / "bin/slimmer", "--version")
        if f"slimmer {version} (slimmer-probe {version} " not in said:
            raise ReleaseError(f"the installed wheel says: {said}")
        run(Path(folder) / "bin/slimmer", "build", "--help")


def main() -> int:
    """Parse the version, release, and undo the edits if a step fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("version", help="the new version, for example 0.2.0")
    version: str = parser.parse_args().version
    source, changelog = VERSION_FILE.read_text(encoding="utf-8"), CHANGELOG.read_text(encoding="utf-8")
    try:
        new_source = bumped(source, version)
        new_changelog = closed(changelog, version, datetime.datetime.now(datetime.UTC).date())
        check_checkout(version)
        VERSION_FILE.write_text(new_source, encoding="utf-8")
        CHANGELOG.write_text(new_changelog, encoding="utf-8")
        try:
            build()
            try_wheel(version)
            run("git", "commit", "--quiet", "--message", f"Release {version}", VERSION_FILE, CHANGELOG)
        except BaseException:
            VERSION_FILE.write_text(source, encoding="utf-8")
            CHANGELOG.write_text(changelog, encoding="utf-8")
            raise
        run(
            "git",
            "tag",
            "--annotate",
            f"v{version}",
            "--message",
            f"slimmer {version}\n\n{notes(new_changelog, version)}",
        )
    except ReleaseError as error:
        print(f"release: {error}", file=sys.stderr)
        return 1
    print(f"slimmer {version} is built in dist/ and tagged v{version}. To publish it:", file=sys.stderr)
    print("  git push --follow-tags\n  python -m twine upload dist/*", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
