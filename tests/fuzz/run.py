"""Fuzzes one target with atheris: python -m tests.fuzz.run NAME [OPTION-OF-LIBFUZZER…] [FOLDER…]. Without a name: the names.

The first folder takes what is found to be new; an input that fails is written where `-artifact_prefix=` says.
"""

from __future__ import annotations

import hashlib
import importlib
import logging
import sys
from collections.abc import Callable
from pathlib import Path

PREFIX = "-artifact_prefix="


def main(arguments: list[str]) -> None:
    """Instrument slimmer, so that new ways through it are seen, and run."""
    if not arguments:
        print("\n".join(importlib.import_module("tests.fuzz.targets").TARGETS))
        return
    atheris = importlib.import_module("atheris")
    logging.disable()
    with atheris.instrument_imports(include=["slimmer"], enable_loader_override=False):
        targets = importlib.import_module("tests.fuzz.targets").TARGETS
    atheris.Setup([sys.argv[0], *arguments[1:]], _kept(targets[arguments[0]], arguments))
    atheris.Fuzz()


def _kept(target: Callable[[bytes], None], arguments: list[str]) -> Callable[[bytes], None]:
    """Writes an input that fails by itself: the end of Python's process may be cut short before libFuzzer does."""
    prefix = next((word.removeprefix(PREFIX) for word in arguments if word.startswith(PREFIX)), "")

    def run(data: bytes) -> None:
        try:
            target(data)
        except Exception:
            Path(f"{prefix}crash-{hashlib.sha1(data).hexdigest()}").write_bytes(data)
            raise

    return run


if __name__ == "__main__":
    main(sys.argv[1:])
