"""The search for native code holds only contents that begin like native code."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from slimmer.image.elf_file import MAGIC
from slimmer.keep.cache import FactsCache
from slimmer.keep.native.code_reader import CodeReader, whole_if
from slimmer.observe.pristine import READ_LIMIT
from slimmer.testing import LocalImage
from tests.unit.elf_maker import make_elf


class Pieces:
    """A content in pieces. `taken` counts the pieces that were read."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces, self.taken = pieces, 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self.taken += 1
            yield piece


@pytest.mark.parametrize("pieces", [(MAGIC + b"rest",), (b"\x7f", b"E", b"LF", b"re", b"st"), (b"\x7fEL", b"Frest")])
def test_native_code_is_held_whole(pieces: tuple[bytes, ...]) -> None:
    assert whole_if(MAGIC, Pieces(*pieces)) == MAGIC + b"rest"


@pytest.mark.parametrize("pieces", [(), (b"",), (b"\x7fEL",), (b"root:x:0", b"more"), (b"\x7f", b"ELX", b"more")])
def test_anything_else_is_not_read_beyond_its_beginning(pieces: tuple[bytes, ...]) -> None:
    content = Pieces(*pieces)
    assert whole_if(MAGIC, content) == b""
    assert b"more" not in pieces[: content.taken]


def test_a_large_file_that_may_be_executed_is_not_held(image_with_passwd: LocalImage) -> None:
    context = image_with_passwd.view()
    pieces = Pieces(b"root:x:0:0:", *[bytes(1 << 18)] * (READ_LIMIT >> 18))
    object.__setattr__(context, "stream", lambda paths: ((path, iter(pieces)) for path in paths))
    assert CodeReader(context).read(["/etc/passwd"]) == {}
    assert pieces.taken == 1


def test_native_code_of_an_image_is_read_once_for_all_runs(tmp_path: Path) -> None:
    image = LocalImage(tmp_path)
    image.add("/usr/bin/app", make_elf(needed=["libz.so.1"]), mode=0o755)
    image.add("/usr/bin/script", b"#!/bin/sh\n" + b"#" * 1000, mode=0o755)
    wanted = ["/usr/bin/app", "/usr/bin/script"]
    first = CodeReader(image.view(cache=FactsCache())).read(wanted)
    again = image.view(cache=FactsCache())
    object.__setattr__(again, "stream", lambda paths: pytest.fail(f"read again: {list(paths)}"))
    assert CodeReader(again).read(wanted) == first
    assert first["/usr/bin/app"].elf.needed == ("libz.so.1",)


def test_facts_of_native_code_are_those_of_one_image_and_one_question(tmp_path: Path) -> None:
    image = LocalImage(tmp_path)
    image.add("/usr/bin/app", make_elf(needed=["libz.so.1"]) + b"/etc/named", mode=0o755)
    CodeReader(image.view(cache=FactsCache())).read(["/usr/bin/app"])
    code = CodeReader(image.view(cache=FactsCache()), ["/etc/named"]).read(["/usr/bin/app"])["/usr/bin/app"]
    assert code.mentions == {"/etc/named"}
    image.add("/usr/bin/app", make_elf(needed=["libother.so.1"]), mode=0o755)
    assert CodeReader(image.view(cache=FactsCache())).read(["/usr/bin/app"])["/usr/bin/app"].elf.needed == (
        "libother.so.1",
    )


@pytest.fixture
def image_with_passwd(tmp_path: Path) -> LocalImage:
    image = LocalImage(tmp_path)
    image.add("/etc/passwd", b"x" * 1000, mode=0o755)
    return image
