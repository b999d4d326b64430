"""What the files of tests/engine/cases say is complete, so that a run of all cases does not stop in the middle."""

from __future__ import annotations

import pytest

from tests.engine import case, case_images

FEWEST, MOST = 4, 12


@pytest.mark.parametrize("name", case.NAMES)
def test_a_case_is_complete(name: str) -> None:
    subject = case.load(name)
    checks = [check for run in subject.runs for check in run.checks]
    assert len({check.name for check in checks}) == len(checks)
    assert FEWEST <= len(checks) <= MOST
    assert subject.within_reach
    assert subject.base == "" or (case.CASES / f"_{subject.base}/Dockerfile").is_file()
    assert (subject.folder / "Dockerfile").read_text().startswith("ARG BASE=")
    for file in (file for run in subject.runs for file in run.files):
        assert (subject.folder / file).is_file()


def test_names_are_unique() -> None:
    assert not {*case.NAMES} & {*case.APP_NAMES}
    assert {*case_images.QUICK} <= {*case.NAMES}
