"""Programs that native code starts by absolute paths stay."""

from __future__ import annotations

from pathlib import Path

import pytest

from slimmer.keep.native import programs as rule
from slimmer.keep.native.native import ANALYZER
from slimmer.testing import LocalImage, by_rule, run
from tests.unit.elf_maker import compile_c, make_elf

STARTS = """
#include <stdlib.h>
#include <stdio.h>
const char *helper = "/usr/lib/agent/helper", *gone = "/usr/lib/agent/gone", *data = "/etc/agent.conf", *within = "in /bin/df";
int main(void) { system("/bin/sh"); return popen("/bin/ps axwo 'stat uid'", "r") == 0 || system("/usr/bin/passwd root"); }
"""
NAMES = 'const char *helper = "/usr/lib/agent/helper"; int main(void) { return helper[1] == 1; }'


@pytest.fixture
def image(tmp_path: Path) -> LocalImage:
    image = LocalImage(tmp_path / "image")
    image.add("/usr/sbin/agent", compile_c(tmp_path, STARTS), mode=0o755)
    image.add("/usr/bin/plain", compile_c(tmp_path, NAMES), mode=0o755)
    for program in ("/usr/lib/agent/helper", "/bin/ps", "/bin/df", "/bin/sh"):
        image.add(program, make_elf(), mode=0o755)
    image.add("/usr/bin/passwd", make_elf(), mode=0o4755)
    image.add("/etc/agent.conf", "x")
    return image


def kept(image: LocalImage, path: str) -> set[str]:
    return {one for one in by_rule(run(ANALYZER, image.view(), path), rule.RULE) if one.count("/") > 1}


def test_named_programs_stay_without_shells_and_those_with_more_rights(image: LocalImage) -> None:
    assert kept(image, "/usr/sbin/agent") == {"/usr/lib/agent/helper", "/bin/ps"}


def test_code_that_starts_nothing_names_no_programs(image: LocalImage) -> None:
    assert kept(image, "/usr/bin/plain") == set()


def test_large_programs_are_left_out(image: LocalImage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rule, "PROGRAM_BYTES", 10)
    assert kept(image, "/usr/sbin/agent") == set()
