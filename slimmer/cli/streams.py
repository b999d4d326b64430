"""Write to stdout and stderr so that a closed pipe does not stop the work.

If you close the pipe (`slimmer build … | head -1`), the build carries on and keeps its own exit code. If stdout cannot be written for
another reason, such as a full disk, that is an error. Messages on stderr may be lost, because there is nowhere else to report it.
"""

from __future__ import annotations

import codecs
import io
import sys
from typing import TextIO

from slimmer.errors import OutputError


class _Output(io.FileIO):
    """A file descriptor that accepts all data. It reports a failed write once, or never if it has no name."""

    def __init__(self, descriptor: int, name: str) -> None:
        """`name` is used in the error. If it is "", no error is raised."""
        super().__init__(descriptor, "w", closefd=False)
        self._what = name

    def write(self, data: object) -> int:
        """Write as much as the descriptor takes, and return the number of bytes. Raise OutputError at the first failure."""
        try:
            return super().write(data)  # type: ignore[arg-type]  # any buffer
        except BrokenPipeError:
            pass
        except OSError as error:
            what, self._what = self._what, ""
            if what:
                raise OutputError(f"cannot write to {what}: {error.strerror}", hint="") from error
        return len(memoryview(data).cast("B"))  # type: ignore[arg-type]


def _escaped(error: UnicodeError) -> tuple[str | bytes, int]:
    """Write the bytes of a name unchanged, and escape characters that the terminal's encoding lacks."""
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeError:
        return codecs.lookup_error("backslashreplace")(error)


_ESCAPED = "slimmer-escaped"
codecs.register_error(_ESCAPED, _escaped)


def install() -> None:
    """Replace Python's stdout and stderr. A closed stream stays closed."""
    sys.stdout = _stream(sys.stdout, "standard output")
    sys.stderr = _stream(sys.stderr, "")


def flush() -> None:
    """Write what is still buffered. Raise OutputError if that fails."""
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
