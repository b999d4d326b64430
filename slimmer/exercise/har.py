"""Read the requests of a HAR file, which a browser or a proxy recorded (HTTP Archive 1.2).

The file is read in pieces, so that its size does not matter: the bodies of answers are skipped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slimmer.errors import UsageError

ENTRY = "log.entries.item"
HINT = "A browser's developer tools save a HAR file: Network, Save all as HAR."
LONGEST_PREFIX = 4096
"""The number of characters of the keys that lead to a value: each level of a document adds to them."""

PIECE = 1 << 13
"""Bytes that are read at a time. ijson makes the keys that lead to each value of a piece, even to those that are nested too deeply."""

LONGEST_TEXT = 1 << 20
"""The number of characters of a text of a request that are kept. A longer one is replaced by nothing, and the request is left out."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A request as the HAR file has it, the status of its answer (0 if there was none), and whether all of its texts were kept."""

    request: dict[str, Any]
    status: int
    whole: bool


def recorded_requests(path: Path) -> Iterator[Recorded]:
    """Yield the requests of a HAR file, in order. Raises UsageError if it cannot be read, or is none."""
    import ijson

    try:
        with path.open("rb") as file:
            yield from _entries(ijson.parse(file, use_float=True, buf_size=PIECE))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", hint=HINT) from error
    except (ijson.JSONError, ValueError, ArithmeticError) as error:
        raise UsageError(f"{path}: not a HAR file: {_one_line(error)}", hint=HINT) from error


def _entries(events: Iterable[tuple[str, str, Any]]) -> Iterator[Recorded]:
    entry, found = _Entry(), False
    for prefix, event, value in events:
        if len(prefix) > LONGEST_PREFIX:
            raise ValueError("it is nested too deeply")
        found = found or prefix == "log.entries"
        if prefix == ENTRY and event == "start_map":
            entry = _Entry()
        elif prefix == ENTRY and event == "end_map":
            yield entry.finished()
        elif prefix.startswith(f"{ENTRY}."):
            entry.take(prefix.removeprefix(f"{ENTRY}."), event, value)
    if not found:
        raise ValueError("it has no log.entries")


def _one_line(error: Exception) -> str:
    """Return the first line of a message. The next ones show the place, which may hold a secret."""
    text = error.args[0] if error.args else ""
    return (text.decode(errors="replace") if isinstance(text, bytes) else str(text)).strip().partition("\n")[0][:100]


class _Entry:
    """An entry of which the request and the status are kept."""

    def __init__(self) -> None:
        from ijson.common import ObjectBuilder

        self._builder = ObjectBuilder()
        self._status = 0
        self._whole = True

    def take(self, prefix: str, event: str, value: Any) -> None:
        if prefix == "response.status" and isinstance(value, int):
            self._status = value
        elif prefix == "request" or prefix.startswith("request."):
            if isinstance(value, str) and len(value) > LONGEST_TEXT:
                self._whole, value = False, ""
            self._builder.event(event, value)

    def finished(self) -> Recorded:
        request = getattr(self._builder, "value", None)
        return Recorded(request if isinstance(request, dict) else {}, self._status, self._whole)
