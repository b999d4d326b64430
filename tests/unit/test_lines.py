"""Lines out of pieces: their borders mean nothing, and no content takes more memory or work than the bounds allow."""

from __future__ import annotations

import pytest

from slimmer.image.lines import LINE_LIMIT, LineReader, Unreadable

TEXT = b"one\n\ntwo\r\nthree \xff\0\n" + b"x" * 300 + b"\nlast"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("end", [b"", b"\n"])
def test_lines_are_those_of_the_whole_content(size: int, end: bytes) -> None:
    content = TEXT + end
    pieces = (content[start : start + size] for start in range(0, len(content), size))
    assert list(LineReader().lines(pieces)) == TEXT.split(b"\n")


def test_a_line_beyond_its_limit_is_unreadable_before_it_is_held() -> None:
    given = 0

    def pieces() -> object:
        nonlocal given
        yield b"short\n"
        while True:
            given += 1 << 18
            yield b"x" * (1 << 18)

    lines = LineReader().lines(pieces())  # type: ignore[arg-type]
    assert next(lines) == b"short"
    with pytest.raises(Unreadable, match="line"):
        next(lines)
    assert given <= LINE_LIMIT + (1 << 19)


def test_all_that_one_reader_reads_shares_the_bound_on_lines() -> None:
    reader = LineReader(most=10)
    assert len(list(reader.lines([b"\n" * 6]))) == 6
    with pytest.raises(Unreadable, match="too many lines"):
        list(reader.lines([b"\n" * 5]))
