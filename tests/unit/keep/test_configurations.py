"""Programs and files that a configuration names stay, because servers start them for the first request."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from slimmer.keep.apps import configurations as rule
from slimmer.keep.apps.configurations import ANALYZER
from slimmer.testing import LocalImage, by_rule, opened, run
from slimmer.testing.image import CONFIG

CONFIGURATION = "/etc/agent/agent.cfg"


@pytest.fixture
def image(tmp_path: Path) -> LocalImage:
    image = LocalImage(tmp_path / "image")
    for program in ("/usr/lib/plug/check_disk", "/opt/agent/check_shop", "/usr/lib/plug/check_old"):
        image.add(program, "#!/bin/sh\n", mode=0o755)
    for file in ("/opt/agent/texts.txt", "/usr/share/agent/words"):
        image.add(file, "x")
    return image


def kept(image: LocalImage, text: str | bytes, path: str = CONFIGURATION, command: tuple[str, ...] = ()) -> set[str]:
    image.add(path, text)
    config = replace(CONFIG, cmd=command)
    return by_rule(run(ANALYZER, image.view(opened(path, by="/usr/sbin/agent"), config=config)), rule.RULE)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("command[x]=/usr/lib/plug/check_disk -w 5", {"/usr/lib/plug/check_disk"}),
        ('orders: "|/opt/agent/check_shop"', {"/opt/agent/check_shop"}),
        ("Subsystem sftp /usr/lib/plug/check_disk", {"/usr/lib/plug/check_disk"}),
        ("<path>/opt/agent/check_shop</path>", {"/opt/agent/check_shop"}),
        ("exec=/opt/agent/check_shop;texts=/opt/agent/texts.txt", {"/opt/agent/check_shop", "/opt/agent/texts.txt"}),
        ("  # /opt/agent/check_shop", set()),
        ("; /opt/agent/check_shop", set()),
        ("url http://opt/agent/check_shop", set()),
        ("prefix $HOME/opt/agent/check_shop ../opt/agent/check_shop", set()),
        ("folder /opt/agent gone /opt/gone", set()),
    ],
)
def test_what_a_line_names(image: LocalImage, line: str, found: set[str]) -> None:
    assert {one for one in kept(image, f"[agent]\n{line}\n") if one.count("/") > 2} == found


def test_only_texts_that_are_configurations_count(image: LocalImage) -> None:
    line = "run /opt/agent/check_shop\n"
    assert "/opt/agent/check_shop" in kept(image, line, "/srv/agent/settings.ini")
    assert kept(image, line, "/srv/agent/notes") == set()
    assert "/opt/agent/check_shop" in kept(image, line, "/srv/agent/hooks", ("agent", "/srv/agent/hooks"))
    assert kept(image, line, "/usr/share/agent/settings.ini") == set()
    assert kept(image, line, "/etc/shells") == set()
    assert kept(image, line.encode() + b"\0", "/etc/agent/data") == set()


def test_a_compiled_table_stands_for_its_text(image: LocalImage) -> None:
    """As Postfix opens /etc/aliases.db, which newaliases made."""
    image.add("/etc/aliases", 'orders: "|/opt/agent/check_shop"\n')
    assert "/opt/agent/check_shop" in kept(image, b"\0\0table", "/etc/aliases.db")


def test_large_files_and_too_many_programs_are_left_out(image: LocalImage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rule, "FILE_BYTES", 10)
    monkeypatch.setattr(rule, "PROGRAMS_BYTES", 15)
    image.add("/opt/agent/large.bin", "x" * 11)
    found = kept(image, "/opt/agent/large.bin\n/opt/agent/texts.txt /opt/agent/check_shop /usr/lib/plug/check_old\n")
    assert {"/opt/agent/texts.txt", "/opt/agent/check_shop"} <= found
    assert not {"/opt/agent/large.bin", "/usr/lib/plug/check_old"} & found
