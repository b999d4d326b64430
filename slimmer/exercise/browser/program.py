"""Find what --crawl-browser needs on this machine: the package playwright, and a Chromium. Nothing is downloaded."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec

from slimmer.errors import UsageError

VARIABLE = "SLIMMER_CHROMIUM"
"""The environment variable that names another browser than the first on PATH: a program's name or path."""

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chromium-headless-shell", "chrome")
"""The names of Chromium's program on PATH, in distributions and in Google's own packages."""

OPTION = "--crawl-browser"


def chromium() -> str | None:
    """Return the path of the browser; None if there is none."""
    named = os.environ.get(VARIABLE, "")
    return next((path for name in ((named,) if named else NAMES) if (path := shutil.which(name))), None)


def has_playwright() -> bool:
    """Return True if playwright is installed. It is not imported."""
    return find_spec("playwright") is not None


def missing() -> tuple[str, str] | None:
    """Return what is missing, and what to do about it; None if all is there."""
    if not has_playwright():
        return "the Python package playwright is not installed", "Install it: pip install 'slimmer[browser]'"
    if chromium() is not None:
        return None
    if named := os.environ.get(VARIABLE, ""):
        return f"{VARIABLE} names no program: {named}", f"Set {VARIABLE} to the path of a Chromium, or unset it."
    hint = f"Install it (Debian, Ubuntu and Fedora: the package chromium), or give its path in {VARIABLE}."
    return "no Chromium is on PATH", hint


def check() -> None:
    """Raise UsageError if pages cannot be opened in a browser here."""
    if found := missing():
        what, hint = found
        raise UsageError(f"{OPTION}: {what}", hint=hint)
