"""Plug-in folders: if one plug-in was loaded, the others stay. Other folders do not count as plug-in folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from slimmer.keep.apps import plugins as rule
from slimmer.keep.apps.plugins import ANALYZER
from slimmer.keep.native import native, plugin_folders
from slimmer.testing import LocalImage, by_rule, opened, run
from tests.unit.elf_maker import library, make_elf

CODERS = "/usr/lib/x86_64-linux-gnu/magic/coders"


@pytest.fixture
def image(tmp_path: Path) -> LocalImage:
    image = LocalImage(tmp_path / "image")
    _fill(image, CODERS)
    return image


def _fill(image: LocalImage, folder: str) -> None:
    for name in ("png.so", "gif.so", "jpeg.so.1"):
        image.add(f"{folder}/{name}", make_elf())
    for name in ("gif.la", "readme", "not-code.so", "../coders.cache", "../other.conf"):
        image.add(f"{folder}/{name}", "x" * 100)


def kept(image: LocalImage, path: str, *, by: str = "/usr/bin/convert", operation: str = "open") -> set[str]:
    folder = path.rpartition("/")[0]
    context = image.view(opened(path, by=by, operation=operation))
    found = by_rule(run(ANALYZER, context), plugin_folders.RULE)
    return {one.removeprefix(folder + "/") for one in found} - {path.rpartition("/")[2]}


def test_the_other_plugins_and_the_indexes_stay(image: LocalImage) -> None:
    found = {"gif.so", "jpeg.so.1", "gif.la", "/usr/lib/x86_64-linux-gnu/magic/coders.cache"}
    assert kept(image, f"{CODERS}/png.so") == found


def test_a_library_that_its_program_is_linked_with_is_no_plugin(image: LocalImage, tmp_path: Path) -> None:
    image.add(f"{CODERS}/libprivate.so", library(tmp_path, "libprivate.so"))
    image.add("/usr/bin/convert", make_elf(needed=["libprivate.so"]), mode=0o755)
    assert kept(image, f"{CODERS}/libprivate.so") == set()


def test_a_plugin_may_be_named_as_a_library_without_a_version(image: LocalImage, tmp_path: Path) -> None:
    image.add("/usr/lib/varnish/vmods/libvmod_std.so", library(tmp_path, "libvmod_std.so"))
    image.add("/usr/lib/varnish/vmods/libvmod_directors.so", library(tmp_path, "libvmod_directors.so"))
    image.add("/usr/bin/convert", make_elf(needed=["libz.so.1"]), mode=0o755)
    assert kept(image, "/usr/lib/varnish/vmods/libvmod_std.so") == {"libvmod_directors.so"}
    image.add("/usr/lib/own/libown.so.1", library(tmp_path, "libown.so.1"))
    image.add("/usr/lib/own/other.so", make_elf())
    assert kept(image, "/usr/lib/own/libown.so.1") == set()


def test_a_plugin_may_have_a_version_in_its_name(image: LocalImage, tmp_path: Path) -> None:
    """As libtool writes it, for slapd's back ends."""
    for name in ("back_mdb", "back_ldap"):
        image.add(f"/usr/lib/ldap/{name}-2.5.so.0.1.8", library(tmp_path, f"{name}-2.5.so.0"))
    assert kept(image, "/usr/lib/ldap/back_mdb-2.5.so.0.1.8", by="/usr/sbin/slapd") == {"back_ldap-2.5.so.0.1.8"}


@pytest.mark.parametrize("folder", ["/usr/lib/x86_64-linux-gnu", "/usr/local/lib", "/lib"])
def test_the_folders_of_libraries_hold_no_plugins(image: LocalImage, folder: str) -> None:
    _fill(image, folder)
    assert kept(image, f"{folder}/png.so") == set()


@pytest.mark.parametrize(
    "folder",
    [
        "/usr/lib/gconv",
        "/usr/lib/python3.11/lib-dynload",
        "/usr/lib/php/20220829",
        "/lib/security",
        "/usr/lib/nginx/modules",
    ],
)
def test_folders_with_a_rule_of_their_own_are_left_to_it(image: LocalImage, folder: str) -> None:
    _fill(image, folder)
    assert kept(image, f"{folder}/png.so") == set()
    assert image.reads == []


def test_a_servers_configuration_names_its_modules(image: LocalImage) -> None:
    assert kept(image, f"{CODERS}/png.so", by="/usr/sbin/apache2") == set()


def test_what_was_only_looked_at_was_not_loaded(image: LocalImage) -> None:
    assert kept(image, f"{CODERS}/png.so", operation="look-up") == set()


@pytest.mark.parametrize("deep", [False, True])
def test_a_plugin_with_large_needs_does_not_stay(
    image: LocalImage, monkeypatch: pytest.MonkeyPatch, deep: bool
) -> None:
    monkeypatch.setattr(rule, "NEEDED_BYTES", 2000)
    image.add("/usr/lib/x86_64-linux-gnu/libcompiler.so.1", make_elf(needed=["libother.so"]) + b"x" * 2000)
    image.add("/usr/lib/x86_64-linux-gnu/libbetween.so.1", make_elf(needed=["libcompiler.so.1"]) if deep else b"")
    needed = "libbetween.so.1" if deep else "libcompiler.so.1"
    image.add(f"{CODERS}/heavy.so", make_elf(needed=[needed]))
    assert "heavy.so" not in kept(image, f"{CODERS}/png.so")
    context = image.view(
        opened(f"{CODERS}/png.so"), opened("/usr/lib/x86_64-linux-gnu/libcompiler.so.1", by="/usr/bin/convert")
    )
    assert f"{CODERS}/heavy.so" in by_rule(run(ANALYZER, context), plugin_folders.RULE)


def test_a_folder_beyond_the_bound_stays_as_it_was_seen(image: LocalImage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugin_folders, "FOLDER_FILES", 2)
    assert kept(image, f"{CODERS}/png.so") == set()


MAGICK = "/usr/lib/libMagick.so.6"
SOURCE = 'void lt_dlopenext(const char *); void use(void) {{ lt_dlopenext("{}"); }}'


def named(image: LocalImage, tmp_path: Path, folder: str = CODERS, *, ran: bool = False) -> set[str]:
    """Return the plug-ins that stay because the library of a program names their folder."""
    image.add(MAGICK, library(tmp_path, "libMagick.so.6", source=SOURCE.format(folder)))
    image.add("/usr/bin/convert", make_elf(needed=["libMagick.so.6"]), mode=0o755)
    context = image.view(*([opened(MAGICK, by="/usr/bin/convert")] if ran else []))
    found = by_rule(run(native.ANALYZER, context, "/usr/bin/convert"), plugin_folders.RULE)
    return {path.removeprefix(CODERS + "/") for path in found}


ALL = {"png.so", "gif.so", "jpeg.so.1", "gif.la", "/usr/lib/x86_64-linux-gnu/magic/coders.cache"}


@pytest.mark.parametrize("folder", [CODERS, CODERS.replace("/magic/", "//magic/"), CODERS + "/"])
def test_code_that_never_ran_keeps_the_plugins_of_the_folder_that_it_names(
    image: LocalImage, tmp_path: Path, folder: str
) -> None:
    assert named(image, tmp_path, folder) == ALL


def test_code_that_ran_keeps_no_plugins_of_a_folder_that_it_only_names(image: LocalImage, tmp_path: Path) -> None:
    assert named(image, tmp_path, ran=True) == set()


@pytest.mark.parametrize("folder", ["/usr/lib/x86_64-linux-gnu", "/usr/lib/gconv", "/usr/lib/none", "/usr/lib/one"])
def test_a_named_folder_is_one_of_plugins(image: LocalImage, tmp_path: Path, folder: str) -> None:
    if folder != "/usr/lib/none":
        image.add(f"{folder}/one.so", make_elf())
    if folder != "/usr/lib/one":
        image.add(f"{folder}/two.so", make_elf())
    assert named(image, tmp_path, folder) == set()


def test_named_folders_beyond_the_bound_do_not_stay(
    image: LocalImage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugin_folders, "BYTES", 300)
    assert named(image, tmp_path) == set()
