"""The pristine image's answers, piece by piece: what is taken, what is read past, and answers that are none."""

from __future__ import annotations

import itertools
import struct

import pytest

from slimmer.errors import EngineError, ObservationIncomplete
from slimmer.image.tree import Tree
from slimmer.observe import pristine
from slimmer.observe.pristine import CHUNK_LIMIT, LINE_LIMIT, PristineImage, within
from slimmer.probe_mount import ProbeMount
from tests.unit.tree_maker import record

MOUNT = ProbeMount("helper", "/.slimmer-abc", "n" * 32)


class Answers:
    """What `serve` says, in chunks of so many bytes (docs/probe-protocol.md, "Serve")."""

    def __init__(self, *answers: bytes, chunk: int = 5) -> None:
        hello = MOUNT.nonce.encode()
        self._left = _length(hello) + hello + b"".join(_framed(answer, chunk) for answer in answers)

    def recv_exactly(self, size: int) -> bytes:
        data, self._left = self._left[:size], self._left[size:]
        return data

    def send_exactly(self, data: bytes | bytearray) -> None:
        """Questions do not matter: the answers are there already."""


def _framed(answer: bytes, chunk: int) -> bytes:
    pieces = (answer[start : start + chunk] for start in range(0, len(answer), chunk))
    return b"".join(_length(piece) + piece for piece in (*pieces, b"", b"ok"))


def _length(piece: bytes) -> bytes:
    return struct.pack("<L", len(piece))


FILES = b"11\nhello world-2\n0\n3\nabc"
PATHS = ("/a", "/gone", "/empty", "/b")


def test_contents_come_in_pieces() -> None:
    found = [(path, None if pieces is None else list(pieces)) for path, pieces in _image(FILES).stream(PATHS)]
    assert found == [("/a", [b"he", b"llo w", b"orld"]), ("/gone", None), ("/empty", []), ("/b", [b"abc"])]


@pytest.mark.parametrize("taken", range(5))
def test_what_is_not_taken_of_a_file_is_read_past(taken: int) -> None:
    image = _image(FILES, b"2\nzz")
    found = {path: b"".join(itertools.islice(pieces or (), taken)) for path, pieces in image.stream(PATHS)}
    assert found["/b"] == (b"abc" if taken else b"")
    assert list(image.read(("/z",))) == [("/z", b"zz")]


def test_who_stops_half_way_can_ask_again() -> None:
    image = _image(FILES, b"2\nzz")
    for _, pieces in image.stream(PATHS):
        assert next(pieces or iter(())) == b"he"
        break
    assert list(image.read(("/z",))) == [("/z", b"zz")]


def test_a_file_beyond_the_limit_is_none() -> None:
    assert list(_image(FILES).read(PATHS, 4)) == [("/a", None), ("/gone", None), ("/empty", b""), ("/b", b"abc")]


def test_a_file_of_terabytes_is_not_asked_for() -> None:
    tree = Tree(b"".join((record("d", "/"), record("f", "/sparse", size=1 << 43), record("f", "/a", size=5))))
    read = within(tree, _image(b"5\nhello").read)
    assert list(read(("/sparse", "/a"))) == [("/sparse", None), ("/a", b"hello")]


@pytest.mark.parametrize("answer", [b"\n", b"1x\n", b"+1\na", b"\xff\n", b"1" * (2 * LINE_LIMIT), b"7\nshort"])
def test_an_answer_that_follows_no_protocol_is_an_error(answer: bytes) -> None:
    with pytest.raises(EngineError):
        list(_image(answer).read(("/a",)))


def _image(*answers: bytes) -> PristineImage:
    return PristineImage(Answers(*answers), MOUNT)


class Endless:
    """An index that does not end."""

    def __init__(self) -> None:
        self.sent = 0
        self._hello = _length(MOUNT.nonce.encode()) + MOUNT.nonce.encode()
        self._is_length = False

    def recv_exactly(self, size: int) -> bytes:
        if self._hello:
            said, self._hello = self._hello[:size], self._hello[size:]
            return said
        self._is_length = not self._is_length
        if self._is_length:
            return struct.pack("<L", CHUNK_LIMIT)
        self.sent += size
        return bytes(size)

    def send_exactly(self, data: bytes | bytearray) -> None:
        pass


def test_an_index_beyond_its_limit_is_refused_before_it_fills_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many paths, or attributes of 64 kB on each of fewer."""
    monkeypatch.setattr(pristine, "INDEX_LIMIT", 1 << 22)
    stream = Endless()
    with pytest.raises(ObservationIncomplete, match=r"extended attributes.*4 MB") as refused:
        PristineImage(stream, MOUNT).index()
    assert stream.sent <= (1 << 22) + CHUNK_LIMIT
    assert "recorder" not in refused.value.hint
