"""What is read of ELF files: as pyelftools reads them, and of hostile ones without harm."""

from __future__ import annotations

import io
import struct
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from elftools.elf.dynamic import DynamicSegment
from elftools.elf.elffile import ELFFile
from hypothesis import given

from slimmer.image.elf_file import parse_elf
from tests.damage import damaged, examples
from tests.unit.elf_maker import compile_c, library, make_elf
from tests.work import work_of_at_most


def installed() -> Iterator[Path]:
    """Python itself and some of the libraries of this machine."""
    yield Path(sys.executable).resolve()
    for folder in (Path("/usr/lib"), Path("/usr/lib64")):
        yield from islice(sorted(folder.glob("*-linux-gnu*/lib[acmsz]*.so.[0-9]")), 12)


@pytest.mark.parametrize("path", list(installed()), ids=lambda path: path.name)
def test_an_installed_file_is_read_as_pyelftools_reads_it(path: Path) -> None:
    content = path.read_bytes()
    elf = parse_elf(content)
    assert elf is not None
    reader = ELFFile(io.BytesIO(content))
    dynamic = next(segment for segment in reader.iter_segments() if isinstance(segment, DynamicSegment))
    tags = [(tag.entry.d_tag, tag) for tag in dynamic.iter_tags()]
    assert elf.needed == tuple(vars(tag)["needed"] for name, tag in tags if name == "DT_NEEDED")
    assert elf.soname == next((vars(tag)["soname"] for name, tag in tags if name == "DT_SONAME"), "")
    symbols = reader.get_section_by_name(".dynsym").iter_symbols()  # type: ignore[union-attr]
    assert elf.imports == {symbol.name for symbol in symbols if symbol["st_shndx"] == "SHN_UNDEF" and symbol.name}


@pytest.mark.parametrize("hash_style", ["gnu", "sysv", "both"])
def test_imports_are_found_by_either_hash_table(tmp_path: Path, hash_style: str) -> None:
    source = 'void *dlopen(const char *, int); int main(void) { return !dlopen("libone.so.1", 1); }'
    elf = parse_elf(compile_c(tmp_path, source, f"-Wl,--hash-style={hash_style}"))
    assert elf is not None
    assert "dlopen" in elf.imports
    assert "main" not in elf.imports
    assert elf.is_program
    assert "libone.so.1" in elf.library_names


def test_a_library_that_defines_nothing_still_has_imports(tmp_path: Path) -> None:
    source = "extern int far(void); static int (*use)(void) = far; static void *keep[] __attribute__((used)) = {&use};"
    elf = parse_elf(library(tmp_path, "libuser.so.1", source=source))
    assert elf is not None
    assert "far" in elf.imports


def test_names_of_libraries_are_read_only_of_code_that_can_load_some(tmp_path: Path) -> None:
    elf = parse_elf(library(tmp_path, "libtalk.so.1", source='const char *one(void){return "libtwo.so.2";}'))
    assert elf is not None
    assert elf.library_names == ()


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("order", ["<", ">"])
def test_every_class_and_byte_order_is_read(bits: int, order: str) -> None:
    made = make_elf(
        bits, order, 40, needed=["liba.so", "libb.so"], soname=["libme.so"], rpath=["/a:/b"], auxiliary=["h.so"]
    )
    elf = parse_elf(made)
    assert elf is not None
    assert (elf.bits, elf.little, elf.machine) == (bits, order == "<", 40)
    assert (elf.needed, elf.soname, elf.rpath, elf.helpers) == (
        ("liba.so", "libb.so"),
        "libme.so",
        ("/a", "/b"),
        ("h.so",),
    )


def test_a_runpath_puts_the_rpath_out_of_force() -> None:
    elf = parse_elf(make_elf(rpath=["/old"], runpath=["/new:$ORIGIN"]))
    assert elf is not None
    assert (elf.rpath, elf.runpath) == ((), ("/new", "$ORIGIN"))


def test_a_name_that_is_not_utf8_survives() -> None:
    content = make_elf(needed=["libXX.so"]).replace(b"XX", b"\xff\xfe")
    elf = parse_elf(content)
    assert elf is not None
    assert elf.needed == ("lib\udcff\udcfe.so",)


@pytest.mark.parametrize(
    "content", [b"", b"\x7fELF", b"#!/bin/sh\n" * 20, b"\x7fELF\x03\x01" + bytes(100), bytes(4096)]
)
def test_what_is_no_elf_file_is_none(content: bytes) -> None:
    assert parse_elf(content) is None


def test_a_file_cut_at_any_place_is_read_or_refused(tmp_path: Path) -> None:
    whole = compile_c(tmp_path, '#include <netdb.h>\nint main(void){ return !gethostbyname("a"); }')
    for length in range(0, len(whole), 37):
        parse_elf(whole[:length])


def test_a_damaged_file_is_read_or_refused(tmp_path: Path) -> None:
    whole = compile_c(tmp_path, "int main(void){ return 0; }")

    @examples(500)
    @given(damaged(whole, end=4096))
    def check(content: bytes) -> None:
        parse_elf(content)

    check()


def test_endless_tables_end() -> None:
    """A dynamic segment, a symbol table and a name without end, each as large as the file."""
    many = make_elf(needed=["a"] * 60_000)
    strings = struct.pack("<QQ", 1, 1) * 500_000
    names = make_elf(soname=["libx.so"]) + b"/x.so\0" * 1_000_000 + b"x" * 1_000_000
    with work_of_at_most(400):
        for content in (many, make_elf() + strings, names, many[:64] + b"\xff" * 10_000_000):
            parse_elf(content)
