"""The search for native code holds only contents that begin like native code."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from slimmer.image.elf_file import MAGIC
from slimmer.keep.native.code_reader import CodeReader, whole_if
from slimmer.observe.pristine import READ_LIMIT
from slimmer.testing import LocalImage


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


@pytest.fixture
def image_with_passwd(tmp_path: Path) -> LocalImage:
    image = LocalImage(tmp_path)
    image.add("/etc/passwd", b"x" * 1000, mode=0o755)
    return image
