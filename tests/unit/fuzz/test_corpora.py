"""The kept inputs, each through its target: the Python ones here, the probe's in test_probe. What was once found stays found."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).parents[2] / "fuzz" / "corpus"
LARGEST = 1 << 19


@pytest.mark.parametrize("name", TARGETS)
def test_every_kept_input_is_read_as_its_reader_promises(name: str) -> None:
    inputs = sorted((CORPUS / name).iterdir())
    assert inputs, "a target begins with at least one input"
    for path in inputs:
        try:
            TARGETS[name](path.read_bytes())
        except Exception as error:
            pytest.fail(f"{path}: {error!r}")


def test_the_kept_inputs_are_few_and_small() -> None:
    assert sum(path.stat().st_size for path in CORPUS.rglob("*") if path.is_file()) <= LARGEST
