"""An upload gives the engine what was written, in order, and never the end of what failed."""

from __future__ import annotations

from typing import IO

import pytest

from slimmer.engine.uploads import HELD, PIECE, Upload

SIZES = (0, 1, HELD - 1, HELD, HELD + 1, PIECE, 3 * PIECE + 7)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("step", [1 << 10, HELD, PIECE])
def test_all_bytes_arrive_in_order(size: int, step: int) -> None:
    content = bytes(number * 7 % 251 for number in range(1 << 10)) * (size // (1 << 10) + 1)
    content = content[:size]

    def write(file: IO[bytes]) -> None:
        for place in range(0, size, step):
            file.write(content[place : place + step])

    with Upload(write) as pieces:
        assert b"".join(pieces) == content


def test_the_end_of_a_failed_upload_is_never_sent() -> None:
    def write(file: IO[bytes]) -> None:
        file.write(bytes(2 * PIECE))
        file.flush()
        raise ValueError("no")

    sent = 0
    with pytest.raises(ValueError, match="no"), Upload(write) as pieces:
        for piece in pieces:
            sent += len(piece)
    assert sent <= 2 * PIECE - HELD
