"""The environment's locale, locales that were read, and character sets in three steps."""

from __future__ import annotations

from pathlib import Path

import pytest

from slimmer.image.config import ImageConfig
from slimmer.keep.native.native import ANALYZER
from slimmer.testing import LocalImage, run
from tests.unit.elf_maker import compile_c, library, make_elf

GCONV = "/usr/lib/x86_64-linux-gnu/gconv"
CALL = "void {0}(void); void use(void) {{ {0}(); }}"


@pytest.fixture
def image(tmp_path: Path) -> LocalImage:
    image = LocalImage(tmp_path / "image")
    for locale in ("C.utf8", "de_DE.utf8", "fr_FR"):
        for category in ("LC_CTYPE", "LC_TIME", "LC_MESSAGES/SYS_LC_MESSAGES"):
            image.add(f"/usr/lib/locale/{locale}/{category}", "x")
    image.add("/usr/share/locale/locale.alias", "x")
    for name in ("gconv-modules", "gconv-modules.cache", "gconv-modules.d/extra.conf"):
        image.add(f"{GCONV}/{name}", "x")
    for name in ("ISO8859-1", "UTF-16", "SJIS", "EBCDIC-US"):
        image.add(f"{GCONV}/{name}.so", make_elf())
    image.add("/app/plain.so", make_elf())
    return image


def kept(image: LocalImage, *start: str, env: tuple[str, ...] = ()) -> set[str]:
    config = ImageConfig("sha256:1", "amd64", "linux", env=env)
    keepset = run(ANALYZER, image.view(config=config), *start)
    return {entry.path for entry in image.tree() if entry.is_file and entry.path in keepset} - set(start)


def locale(name: str) -> set[str]:
    return {f"/usr/lib/locale/{name}/{part}" for part in ("LC_CTYPE", "LC_TIME", "LC_MESSAGES/SYS_LC_MESSAGES")}


@pytest.mark.parametrize(
    ("env", "found"),
    [
        ("LANG=de_DE.UTF-8", "de_DE.utf8"),
        ("LC_ALL=C.UTF-8", "C.utf8"),
        ("LC_TIME=fr_FR.ISO-8859-1", "fr_FR"),
        ("LANG=C", ""),
        ("LANG=../../../app", ""),
        ("OTHER=de_DE.UTF-8", ""),
    ],
)
def test_the_environments_locale_stays_for_code_that_calls_setlocale(
    image: LocalImage, tmp_path: Path, env: str, found: str
) -> None:
    image.add("/app/speaks.so", library(tmp_path, "", source=CALL.format("setlocale")))
    locales = {path for path in kept(image, "/app/speaks.so", env=(env,)) if path.startswith("/usr/lib/locale")}
    assert locales == (locale(found) if found else set())
    assert kept(image, "/app/plain.so", env=(env,)) == set()


def test_the_archive_stays_where_the_locale_has_no_folder(image: LocalImage, tmp_path: Path) -> None:
    image.add("/usr/lib/locale/locale-archive", "x")
    image.add("/app/speaks.so", library(tmp_path, "", source=CALL.format("setlocale")))
    found = kept(image, "/app/speaks.so", env=("LANG=it_IT.UTF-8",))
    assert found == {"/usr/lib/locale/locale-archive", "/usr/share/locale/locale.alias"}


def test_a_locale_of_which_a_file_was_read_stays_whole(image: LocalImage) -> None:
    assert kept(image, "/usr/lib/locale/fr_FR/LC_TIME") == locale("fr_FR") - {"/usr/lib/locale/fr_FR/LC_TIME"}


def names(paths: set[str]) -> set[str]:
    return {path.removeprefix(GCONV + "/") for path in paths}


INDEX = {"gconv-modules", "gconv-modules.cache", "gconv-modules.d/extra.conf"}


@pytest.mark.parametrize("packaged", [True, False])
def test_a_program_that_converts_keeps_the_main_sets_and_more_if_the_author_built_it(
    image: LocalImage, tmp_path: Path, packaged: bool
) -> None:
    source = "int iconv_open(void); int main(void) { return iconv_open(); }"
    image.add("/usr/bin/converts", compile_c(tmp_path, source), mode=0o755)
    image.add("/var/lib/dpkg/status", "Package: tool\nStatus: install ok installed\nVersion: 1\n\n")
    image.add("/var/lib/dpkg/info/tool.list", "/usr/bin/converts\n" if packaged else "/usr/bin/other\n")
    more = set() if packaged else {"SJIS.so"}
    assert names(kept(image, "/usr/bin/converts")) == INDEX | {"ISO8859-1.so", "UTF-16.so"} | more


@pytest.mark.parametrize("soname", ["", "iconv.so"])
def test_a_binding_of_iconv_keeps_the_sets_in_wide_use(image: LocalImage, tmp_path: Path, soname: str) -> None:
    image.add("/app/binding.so", library(tmp_path, soname, source=CALL.format("iconv_open")))
    assert names(kept(image, "/app/binding.so")) == INDEX | {"ISO8859-1.so", "UTF-16.so", "SJIS.so"}


def test_a_module_that_was_loaded_keeps_the_sets_in_wide_use(image: LocalImage) -> None:
    assert names(kept(image, f"{GCONV}/EBCDIC-US.so")) == INDEX | {"ISO8859-1.so", "UTF-16.so", "SJIS.so"}


def test_libraries_that_import_iconv_for_other_uses_keep_no_sets(image: LocalImage, tmp_path: Path) -> None:
    image.add("/usr/lib/libidn2.so.0", library(tmp_path, "libidn2.so.0", source=CALL.format("iconv_open")))
    assert kept(image, "/usr/lib/libidn2.so.0") == set()
    assert kept(image, "/app/plain.so") == set()
