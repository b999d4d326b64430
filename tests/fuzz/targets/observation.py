"""What the probe says: the record stream and the index; and the access log that is written of it."""

from __future__ import annotations

import io
from contextlib import suppress

from slimmer.errors import ObservationIncomplete, UsageError
from slimmer.image.tree import Tree
from slimmer.observe.identity import checked_identity, home_of
from slimmer.observe.log import AccessLog, read_log, write_log
from slimmer.observe.records import RecordReader

PIECES = (1, 7, 4096)
MOST_PIECES = 5000
NONCE = b"0123456789abcdef "


def record_stream(data: bytes) -> None:
    """In pieces of any size the stream says the same; what it says can be written as a log and read back."""
    told = [_told(data, size) for size in PIECES if len(data) // size <= MOST_PIECES]
    assert all(log == told[0] for log in told)
    log = told[0]
    if log is not None:
        assert _again(log) == log
        assert all(0 < listener.port < 1 << 16 for listener in log.listeners)


def _told(data: bytes, size: int) -> AccessLog | None:
    reader = RecordReader()
    try:
        for start in range(0, len(data), size):
            reader.feed(data[start : start + size])
    except ObservationIncomplete:
        return None
    assert reader.state.signals >= 0
    return reader.log("sha256:1", complete=reader.ended)


def _again(log: AccessLog) -> AccessLog:
    file = io.StringIO()
    write_log(log, file)
    return read_log(io.StringIO(file.getvalue()))


def access_log(data: bytes) -> None:
    """A log that can be read can be written, and is the same then."""
    with suppress(UsageError):
        log = read_log(io.TextIOWrapper(io.BytesIO(data), encoding="utf-8"))
        assert _again(log) == log
        assert len(log.runs) == len(log.starts) + 1


def index(data: bytes) -> None:
    """Every entry of an index is found at its path, and each path ends in the image or nowhere."""
    try:
        tree = Tree(data)
        entries = list(tree)
    except ObservationIncomplete:
        return
    size = len(b"".join(tree.records()))
    assert size < len(data) if tree.listed_only else size == len(data)  # a name that nobody can look up has no entry
    for entry in entries[:50]:
        assert entry.path in tree
        for path in (entry.path, entry.target, f"{entry.path}/../{entry.target}"):
            end = tree.resolve(path).end
            assert end is None or end in tree
        list(tree.children(entry.path))
        list(tree.below(entry.path))


def identity_line(data: bytes) -> None:
    """ObservationIncomplete, or a line of plain words; HOME is a path without NUL."""
    with suppress(ObservationIncomplete):
        line = checked_identity(NONCE + data, NONCE.decode().strip())
        assert line.isascii()
        assert line.isprintable()
        assert "\0" not in home_of(line)


TARGETS = {"identity_line": identity_line, "record_stream": record_stream, "access_log": access_log, "index": index}
