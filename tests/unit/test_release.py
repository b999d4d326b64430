"""Releases: the version goes up, the changelog is closed, and nothing is released by mistake."""

from __future__ import annotations

import datetime
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent.parent
DATE = datetime.date(2027, 1, 31)
SOURCE = '"""slimmer."""\n\n__version__ = "0.2.0rc1"\n'
CHANGES = "# Changelog\n\n## Unreleased\n\n### Added\n- A thing.\n\n## 0.1.0 - 2026-01-01\n\n- The first one.\n"


@pytest.fixture(scope="module")
def release() -> ModuleType:
    spec = importlib.util.spec_from_file_location("release", ROOT / "scripts/release.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("version", ["0.2.0rc1", "0.2.0rc2", "0.2.0", "0.3.0a1", "1.0.0"])
def test_a_version_that_is_not_older_is_written(release: ModuleType, version: str) -> None:
    assert release.bumped(SOURCE, version) == f'"""slimmer."""\n\n__version__ = "{version}"\n'


@pytest.mark.parametrize("version", ["0.2.0b9", "0.1.9", "v0.3.0", "0.3", "0.3.0-rc1", ""])
def test_an_older_or_malformed_version_is_refused(release: ModuleType, version: str) -> None:
    with pytest.raises(release.ReleaseError, match="is not"):
        release.bumped(SOURCE, version)


def test_the_changelog_is_closed(release: ModuleType) -> None:
    text = release.closed(CHANGES, "0.2.0", DATE)
    assert text.startswith("# Changelog\n\n## Unreleased\n\n## 0.2.0 - 2027-01-31\n\n### Added\n- A thing.\n")
    assert release.notes(text, "0.2.0") == "### Added\n- A thing."
    assert release.notes(text, "0.1.0") == "- The first one."


@pytest.mark.parametrize("text", ["# Changelog\n", "## Unreleased\n\n## 0.1.0 - 2026-01-01\n\n- The first one.\n"])
def test_a_release_without_changes_is_refused(release: ModuleType, text: str) -> None:
    with pytest.raises(release.ReleaseError, match="nothing under"):
        release.closed(text, "0.2.0", DATE)


def test_this_project_could_be_released(release: ModuleType) -> None:
    source = (ROOT / "slimmer/version.py").read_text(encoding="utf-8")
    assert '__version__ = "99.0.0"' in release.bumped(source, "99.0.0")
    assert release.closed((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), "99.0.0", DATE)
