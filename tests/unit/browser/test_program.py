"""What --crawl-browser needs is looked for before anything starts, and nothing of it is loaded without the option."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from slimmer.api.requests import build_request
from slimmer.errors import UsageError
from slimmer.exercise.browser import program
from slimmer.runs.doctor import browser_check


@pytest.fixture
def browsers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the PATH, and playwright is installed."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(program.VARIABLE, raising=False)
    monkeypatch.setattr(program, "has_playwright", lambda: True)
    return tmp_path


def install(folder: Path, name: str) -> str:
    path = folder / name
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return str(path)


def test_the_first_browser_on_path_is_used_or_the_one_that_is_named(
    browsers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert program.chromium() is None
    chrome = install(browsers, "google-chrome")
    assert program.chromium() == chrome
    chromium = install(browsers, "chromium")
    assert program.chromium() == chromium and program.missing() is None
    monkeypatch.setenv(program.VARIABLE, chrome)
    assert program.chromium() == chrome
    assert build_request("app", {"crawl_browser": True}).plan.crawl.browser
    assert not build_request("app", {}).plan.crawl.browser


def test_what_is_missing_is_said_before_anything_starts(browsers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="no Chromium is on PATH") as raised:
        build_request("app", {"crawl_browser": True})
    assert "the package chromium" in raised.value.hint
    check = browser_check()
    assert (check.name, check.ok, check.needed, check.detail) == ("browser", False, False, "no Chromium is on PATH")
    monkeypatch.setenv(program.VARIABLE, "/opt/none/chrome")
    with pytest.raises(UsageError, match="SLIMMER_CHROMIUM names no program: /opt/none/chrome"):
        build_request("app", {"crawl_browser": True})
    monkeypatch.setattr(program, "has_playwright", lambda: False)
    with pytest.raises(UsageError, match="the Python package playwright is not installed") as raised:
        build_request("app", {"crawl_browser": True})
    assert "pip install 'slimmer[browser]'" in raised.value.hint


def test_a_browser_without_a_crawl_is_refused(browsers: Path) -> None:
    with pytest.raises(UsageError, match="contradict each other"):
        build_request("app", {"crawl_browser": True, "crawl": False})


def test_playwright_is_loaded_by_the_worker_alone() -> None:
    code = "import sys, slimmer.exercise.browser.pages, slimmer.exercise.generators; print('playwright' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
