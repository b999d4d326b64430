"""What the engine passes on: a process's frames, an app's output, an image that is saved, and what it says about an image."""

from __future__ import annotations

import io
import json
import tarfile
from contextlib import suppress
from typing import Any

from slimmer.engine import saved
from slimmer.engine.error_lines import LONGEST_LINE, MOST_LINES, ErrorLines, kind_of
from slimmer.engine.labels import owner_of
from slimmer.engine.streams import STDERR_LIMIT, MultiplexedStream
from slimmer.errors import UsageError
from slimmer.image.config import config_from_inspect
from slimmer.image.reference import checked_tag, parse, slim_tag


class _Connection:
    """What `docker attach` gives, from memory; a piece at a time as a network would."""

    def __init__(self, data: bytes, piece: int) -> None:
        self._file, self._piece = io.BytesIO(data), piece

    def settimeout(self, seconds: float | None) -> None: ...

    def recv(self, size: int) -> bytes:
        return self._file.read(min(size, self._piece))


def frames(data: bytes) -> None:
    """In pieces of any size, a stream gives the same standard output and the same errors."""
    assert len({_output(data, piece) for piece in (1, 13, 1 << 16)}) == 1


def _output(data: bytes, piece: int) -> tuple[bytes, str]:
    stream = MultiplexedStream(_Connection(data, piece))
    output = b"".join(iter(stream.recv, b""))
    assert len(output) + len(stream.stderr.encode()) <= len(data) * 3
    return output, stream.stderr if len(data) < STDERR_LIMIT else ""


def error_lines(data: bytes) -> None:
    """In pieces of any size, the same kinds of lines; no more and no longer than is remembered."""
    found = []
    for size in (1, 10, 1 << 16):
        lines = ErrorLines()
        for start in range(0, len(data), size):
            lines.add(data[start : start + size])
        lines.end()
        found.append(lines.lines())
        assert len(lines.lines()) <= MOST_LINES
        assert all(len(line) <= LONGEST_LINE for line in lines.lines())
    assert found[0] == found[1] == found[2]
    kind_of(data.decode(errors="replace")[:4096])


def saved_image(data: bytes) -> None:
    """The sizes of an image's layers are numbers, or an error that the caller knows."""
    with suppress(*saved.NOT_UNDERSTOOD), tarfile.open(fileobj=io.BytesIO(data), mode="r|") as tar:
        for _, sizes in saved._layers(tar, saved._measured):
            assert min(sizes.tar, sizes.gzip, sizes.zstd) >= 0


def image_config(data: bytes) -> None:
    """Any object that the engine may answer with becomes a configuration of texts."""
    try:
        inspect: Any = json.loads(data)
    except (ValueError, RecursionError):
        return
    if isinstance(inspect, dict):
        with suppress(TypeError, ValueError, AttributeError):  # the engine's own word: no image decides its shape
            hash(config_from_inspect(inspect).env)


def reference(data: bytes) -> None:
    """A name is taken apart so that its parts make the text again, or refused."""
    text = data.decode(errors="surrogateescape")
    owner_of(text)
    with suppress(UsageError):
        found = parse(text)
        if found.is_name and not found.identifier:
            tag, digest = (f":{found.tag}" if found.tag else "", f"@{found.digest}" if found.digest else "")
            assert f"{found.name}{tag}{digest}" == text
        slim = slim_tag(found, config_from_inspect({"RepoTags": [text]}))
        assert checked_tag(slim) == slim


TARGETS = {
    "frames": frames,
    "error_lines": error_lines,
    "saved_image": saved_image,
    "image_config": image_config,
    "reference": reference,
}
