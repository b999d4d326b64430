"""The loader's cache: as ldconfig writes it, and damaged."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given

from slimmer.image.ld_cache import PATH, LoaderCache, read_ld_cache
from slimmer.sandbox.sandbox import Job, Sandbox
from tests.damage import damaged, examples
from tests.unit.elf_maker import library

LDCONFIG = shutil.which("ldconfig", path="/usr/sbin:/sbin:/usr/bin:/bin")


@pytest.fixture
def cache(tmp_path: Path) -> bytes:
    """A cache of one folder with two libraries, made by ldconfig."""
    if LDCONFIG is None:
        pytest.skip("this machine has no ldconfig")
    folder = tmp_path / "root/opt/one"
    folder.mkdir(parents=True)
    for name in ("liba.so.1", "libb.so.2"):
        (folder / name).write_bytes(library(tmp_path, name))
    (tmp_path / "root/etc").mkdir()
    (tmp_path / "root/etc/ld.so.conf").write_text("/opt/one\n")
    subprocess.run([LDCONFIG, "-r", tmp_path / "root"], check=True, timeout=60)
    return (tmp_path / "root/etc/ld.so.cache").read_bytes()


def test_libraries_are_found_by_name(cache: bytes) -> None:
    libraries = read_ld_cache(cache).by_name()
    assert sorted(libraries) == ["liba.so.1", "libb.so.2"]
    assert [(library.path, library.special) for library in libraries["liba.so.1"]] == [("/opt/one/liba.so.1", False)]


def test_a_damaged_cache_is_read_or_empty(cache: bytes) -> None:
    for length in range(len(cache)):
        read_ld_cache(cache[:length])

    @examples(500)
    @given(damaged(cache, most=3))
    def check(content: bytes) -> None:
        read_ld_cache(content)

    check()


def test_a_cache_that_claims_too_much_holds_what_is_there() -> None:
    head = b"glibc-ld.so.cache1.1" + struct.pack("<II", 0xFFFFFFFF, 0xFFFFFFFF) + bytes(20)
    assert (
        read_ld_cache(head + struct.pack("<iIIIQ", 0, 72, 80, 0, 0) + b"libx.so\0/opt/libx.so\0").libraries[0].path
        == "/opt/libx.so"
    )


def test_entries_that_all_name_the_same_long_text_fill_no_memory() -> None:
    """A cache of 2.4 MB that stands for 400 MB of names: its reader says too much, and nothing of it counts."""
    entries = 100_000
    head = b"glibc-ld.so.cache1.1" + struct.pack("<II", entries, 4096) + bytes(20)
    text = 48 + 24 * entries
    content = head + struct.pack("<iIIIQ", 0, text, text, 0, 0) * entries + b"/" * 4000 + b"\0"
    sandbox = Sandbox()
    assert sandbox.facts(read_ld_cache, LoaderCache, [Job(PATH, content)]) == [None]
    assert PATH in sandbox.notes()[0]


def test_what_is_no_cache_is_empty() -> None:
    assert read_ld_cache(b"nothing of the kind" * 10) == LoaderCache()
