"""What the pristine image's container answers, in the place of which this test speaks."""

from __future__ import annotations

import struct

import pytest

from slimmer.errors import ObservationIncomplete
from slimmer.observe.pristine import CHUNK_LIMIT, PristineImage


class Endless:
    """An index that does not end."""

    def __init__(self) -> None:
        self.sent = 0
        self._is_length = False

    def recv_exactly(self, size: int) -> bytes:
        self._is_length = not self._is_length
        if self._is_length:
            return struct.pack("<L", CHUNK_LIMIT)
        self.sent += size
        return bytes(size)

    def send_exactly(self, data: bytes | bytearray) -> None:
        pass


def test_an_index_beyond_its_limit_is_refused_before_it_fills_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many paths, or attributes of 64 kB on each of fewer."""
    monkeypatch.setattr("slimmer.observe.pristine.INDEX_LIMIT", 1 << 22)
    stream = Endless()
    with pytest.raises(ObservationIncomplete, match=r"extended attributes.*4 MB") as refused:
        PristineImage(stream).index()
    assert stream.sent <= (1 << 22) + CHUNK_LIMIT
    assert "recorder" not in refused.value.hint
