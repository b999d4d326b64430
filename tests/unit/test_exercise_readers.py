"""A child of the sandbox knows all readers of the exercise from its start, so that none has to be started anew."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys

import slimmer.exercise
from slimmer.exercise.readers import READERS
from slimmer.sandbox.readers import declared

BROWSER = "slimmer.exercise.browser"
"""Its worker is a program of its own, and needs playwright."""


def test_all_readers_are_declared_by_their_places() -> None:
    for module in pkgutil.walk_packages(slimmer.exercise.__path__, "slimmer.exercise."):
        if not module.name.startswith(BROWSER):
            importlib.import_module(module.name)
    assert {place for place in declared() if place.startswith("slimmer.exercise.")} == set(READERS)


def test_what_drives_an_app_declares_them_without_importing_their_modules() -> None:
    program = """
import sys
import slimmer.exercise.drive
from slimmer.exercise.readers import READERS
from slimmer.sandbox.readers import declared
assert set(READERS) <= set(declared())
print(*(place for place in READERS if place.partition(":")[0] in sys.modules))
"""
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert said.strip() == ""
