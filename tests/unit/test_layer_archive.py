"""The names in a layer's archive, in all formats that engines read, and archives that were made to do harm."""

from __future__ import annotations

import io
import tarfile
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given

from slimmer.image.layer_archive import BLOCK, LONGEST_EXTENSION, entry_names
from tests.damage import damaged

LONG = "/".join(["very-long-folder"] * 20)
NAMES = [
    "./etc/",
    "bin/tool",
    "bin/.wh.old",
    f"{LONG}/file",
    "srv/grüße",
    "srv/\udcff",
    "dev/null",
    "bin/again",
    "bin/link",
]
KINDS = {
    "./etc/": tarfile.DIRTYPE,
    "dev/null": tarfile.CHRTYPE,
    "bin/again": tarfile.LNKTYPE,
    "bin/link": tarfile.SYMTYPE,
}
FORMATS = {"gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}


def archive(kind: int, content: bytes = b"x" * 700) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=kind, errors="surrogateescape") as tar:
        for name in NAMES:
            member = tarfile.TarInfo(name)
            member.type = KINDS.get(name, tarfile.REGTYPE)
            member.linkname = f"{LONG}/target" if member.type in (tarfile.LNKTYPE, tarfile.SYMTYPE) else ""
            member.size = len(content) if member.isreg() else 0
            member.pax_headers = {"SCHILY.xattr.user.note": "a=b\nc"} if kind == tarfile.PAX_FORMAT else {}
            tar.addfile(member, io.BytesIO(content))
    return file.getvalue()


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[place : place + size] for place in range(0, len(data), size))


def names(data: bytes, size: int = 1000) -> list[bytes]:
    return list(entry_names(pieces(data, size)))


def header(kind: bytes, size: int, name: bytes = b"x") -> bytes:
    """A header as an attacker may write it, with any size, in base 256."""
    block = bytearray(BLOCK)
    block[: len(name)] = name
    block[124:136] = b"\x80" + size.to_bytes(11)
    block[148:156] = b" " * 8
    block[156:157], block[257:265] = kind, b"ustar\x0000"
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def record(key: str, value: str) -> bytes:
    words = f" {key}={value}\n"
    length = len(words) + 2
    return f"{length}{words}".encode()


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("size", [1, 511, 100_000])
def test_names_of_all_kinds_and_lengths_are_read_in_pieces_of_any_size(kind: str, size: int) -> None:
    found = [name.removesuffix(b"/") for name in names(archive(FORMATS[kind]), size)]
    assert found == [name.rstrip("/").encode(errors="surrogateescape") for name in NAMES]


def test_a_long_name_without_extensions_is_put_together() -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        tar.addfile(tarfile.TarInfo(f"{'d' * 90}/{'f' * 90}"))
    assert names(file.getvalue()) == [b"d" * 90 + b"/" + b"f" * 90]


def test_a_size_that_an_extended_header_gives_counts() -> None:
    extended = record("size", "600").ljust(BLOCK, b"\0")
    data = (
        header(b"x", len(record("size", "600")))
        + extended
        + header(b"0", 0, b"a")
        + bytes(1024)
        + header(b"0", 0, b"b")
    )
    assert names(data + bytes(1024)) == [b"a", b"b"]


def test_a_link_has_no_content_whatever_its_size_says() -> None:
    assert names(header(b"1", 9999, b"a") + header(b"5", 9999, b"b") + bytes(1024)) == [b"a", b"b"]


def test_a_sparse_file_of_the_old_format_is_skipped_with_its_map() -> None:
    sparse = bytearray(header(b"S", 5, b"holes"))
    sparse[482] = 1
    sparse[148:156] = b" " * 8
    sparse[148:156] = b"%06o\0 " % sum(sparse)
    more, last = bytearray(BLOCK), bytes(BLOCK)
    more[504] = 1
    data = bytes(sparse) + bytes(more) + last + b"12345".ljust(BLOCK, b"\0") + header(b"0", 0, b"after") + bytes(1024)
    assert names(data) == [b"holes", b"after"]


def test_an_empty_layer_has_no_names() -> None:
    assert names(b"") == names(bytes(1024)) == []


@pytest.mark.parametrize(
    "data",
    [
        b"{}" * 300,
        b"short",
        archive(tarfile.PAX_FORMAT)[:700],
        header(b"0", 5000) + bytes(BLOCK),
        header(b"x", 8) + b"nonsense".ljust(BLOCK, b"\0") + header(b"0", 0),
        header(b"x", 6) + b"99 a=b".ljust(BLOCK, b"\0") + header(b"0", 0),
        header(b"0", 0)[:200] + b"?" + header(b"0", 0)[201:],
    ],
)
def test_what_is_no_archive_or_is_cut_short_is_an_error(data: bytes) -> None:
    with pytest.raises(ValueError):
        names(data)


@pytest.mark.parametrize("kind", [b"x", b"L"])
def test_a_huge_extended_header_is_refused_before_it_is_read(kind: bytes) -> None:
    read = []

    def endless() -> Iterator[bytes]:
        yield header(kind, 1 << 40)
        while True:
            read.append(1)
            yield bytes(1 << 16)

    with pytest.raises(ValueError, match="too large"):
        list(entry_names(endless()))
    assert len(read) <= 1


@pytest.mark.parametrize("kind", [b"0", b"K", b"g"])
def test_other_contents_take_no_memory(kind: bytes) -> None:
    size = 64 * LONGEST_EXTENSION

    def content() -> Iterator[bytes]:
        yield header(kind, size)
        yield from (bytes(1 << 16) for _ in range(size >> 16))
        yield header(b"0", 0, b"last") + bytes(1024)

    tracemalloc.start()
    try:
        found = list(entry_names(content()))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found[-1] == b"last"
    assert most < LONGEST_EXTENSION


@given(damaged(archive(tarfile.PAX_FORMAT, b"y"), most=8))
def test_a_damaged_archive_gives_names_or_a_value_error(data: bytes) -> None:
    try:
        found = names(data, 333)
    except ValueError:
        return
    assert all(isinstance(name, bytes) for name in found)
