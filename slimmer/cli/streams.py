"""stdout and stderr as slimmer writes to them: who stops reading them ends the words, not the work.

`slimmer build … | head -1` builds to the end and has its own exit code. What is lost for another reason, say because the disk is
full, is an error if it was data; talk may be lost, since there is nobody else to tell.
"""

from __future__ import annotations

import codecs
import io
import sys
from typing import TextIO

from slimmer.errors import OutputError


class _Output(io.FileIO):
    """A descriptor that takes everything; what it could not write, it says once, if it says so at all."""

    def __init__(self, descriptor: int, name: str) -> None:
        """`name` is used in the error; "" for no error."""
        super().__init__(descriptor, "w", closefd=False)
        self._what = name

    def write(self, data: object) -> int:
        """All of it, or as much as the descriptor takes; raises OutputError once."""
        try:
            return super().write(data)  # type: ignore[arg-type]  # any buffer
        except BrokenPipeError:
            pass
        except OSError as error:
            what, self._what = self._what, ""
            if what:
                raise OutputError(f"{what} cannot be written: {error.strerror}", hint="") from error
        return len(memoryview(data).cast("B"))  # type: ignore[arg-type]


def _escaped(error: UnicodeError) -> tuple[str | bytes, int]:
    """A name's bytes as they are; what the terminal's encoding lacks, as an escape."""
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeError:
        return codecs.lookup_error("backslashreplace")(error)


_ESCAPED = "slimmer-escaped"
codecs.register_error(_ESCAPED, _escaped)


def install() -> None:
    """Put such streams in the place of Python's own; one that was closed stays so."""
    sys.stdout = _stream(sys.stdout, "standard output")
    sys.stderr = _stream(sys.stderr, "")


def flush() -> None:
    """Write what is still held back. Raises OutputError."""
    if sys.stdout is not None:
        sys.stdout.flush()


def _stream(old: TextIO, name: str) -> TextIO:
    if not isinstance(old, io.TextIOWrapper):
        return old
    raw = _Output(old.fileno(), name)
    return io.TextIOWrapper(
        raw if old.write_through else io.BufferedWriter(raw),  # as Python itself does for -u
        encoding=old.encoding,
        errors=_ESCAPED if old.errors == "strict" else old.errors,
        line_buffering=old.line_buffering,
        write_through=old.write_through,
    )
