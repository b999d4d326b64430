"""Fuzzes one target with atheris: python -m tests.fuzz.run NAME [OPTION-OF-LIBFUZZER…] [FOLDER…]. Without a name: the names.

The first folder takes what is found to be new; an input that fails is written where `-artifact_prefix=` says.
"""

from __future__ import annotations

import importlib
import logging
import sys


def main(arguments: list[str]) -> None:
    """Instrument slimmer, so that new ways through it are seen, and run."""
    if not arguments:
        print("\n".join(importlib.import_module("tests.fuzz.targets").TARGETS))
        return
    atheris = importlib.import_module("atheris")
    logging.disable()
    with atheris.instrument_imports(include=["slimmer"], enable_loader_override=False):
        targets = importlib.import_module("tests.fuzz.targets").TARGETS
    atheris.Setup([sys.argv[0], *arguments[1:]], targets[arguments[0]])
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
