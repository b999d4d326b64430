"""Fonts and fontconfig's settings stay for code that looks fonts up."""

from __future__ import annotations

from pathlib import Path

import pytest

from slimmer.keep.native import fonts as rule
from slimmer.keep.native.native import ANALYZER
from slimmer.testing import LocalImage, run
from tests.unit.elf_maker import compile_c, make_elf

SETTINGS = {"/etc/fonts/fonts.conf", "/usr/share/fontconfig/conf.avail/10-hinting.conf"}
FONTS = {"/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"}
CALL = "void {0}(void); void use(void) {{ {0}(); }}"


@pytest.fixture
def image(tmp_path: Path) -> LocalImage:
    image = LocalImage(tmp_path / "image")
    for path in SETTINGS | FONTS:
        image.add(path, "x" * 100)
    image.link("/etc/fonts/conf.d/10-hinting.conf", "/usr/share/fontconfig/conf.avail/10-hinting.conf")
    image.add("/app/plain.so", make_elf())
    return image


def kept(image: LocalImage, *start: str) -> set[str]:
    keepset = run(ANALYZER, image.view(), *start)
    return {entry.path for entry in image.tree() if not entry.is_directory and entry.path in keepset} - set(start)


def test_who_matches_fonts_has_them(image: LocalImage, tmp_path: Path) -> None:
    image.add("/app/draw.so", compile_c(tmp_path, CALL.format("FcFontMatch"), "-shared"))
    assert kept(image, "/app/draw.so") == SETTINGS | FONTS | {"/etc/fonts/conf.d/10-hinting.conf"}
    assert kept(image, "/app/plain.so") == set()


def test_code_that_finds_the_functions_by_name_keeps_the_fonts(image: LocalImage, tmp_path: Path) -> None:
    source = 'const char *name(void) { return "FcFontMatch"; }'
    image.add("/app/libawt.so", compile_c(tmp_path, source, "-shared", "-Wl,-soname,libawt.so"))
    assert kept(image, "/app/libawt.so") >= FONTS


def test_many_fonts_are_left_to_what_was_seen(
    image: LocalImage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rule, "FONTS_BYTES", 150)
    image.add("/usr/share/fonts/more.ttf", "x" * 100)
    image.add("/app/draw.so", compile_c(tmp_path, CALL.format("FcFontSort"), "-shared"))
    assert kept(image, "/app/draw.so") == SETTINGS | {"/etc/fonts/conf.d/10-hinting.conf"}
