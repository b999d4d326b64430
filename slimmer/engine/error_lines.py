"""Lines of an app's output that look like errors, or report that something is missing. Each kind of line is kept once.

A kind is a line with its digits, addresses, times and tokens replaced by `#`, so that it is the same in each run. Memory is bounded,
whatever the app writes.
"""

from __future__ import annotations

import re

MOST_LINES = 500
LONGEST_LINE = 200
"""The number of characters that are kept of a kind of line."""

READ_LINE = 2000
"""The number of bytes of a line that are read. The rest is skipped."""

_SUSPICIOUS = re.compile(
    rb"error|exception|traceback|fatal|panic|critical|segfault|segmentation fault|core dumped|abort|"
    rb"cannot|can't|could not|couldn't|unable to|failed|failure|missing|undefined symbol|unresolved|"
    rb"no such|not found|no module named|permission denied|not permitted|read-only file system|unknown user|"
    rb"warn|unavailable|not available|not installed|unsupported|not supported|disabled|invalid|refused|"
    rb"fall(?:s|ing)? ?back|fallback|running without",
    re.IGNORECASE,
)
_VOLATILE = (
    (re.compile(r"\x1b\[[0-9;?]*[A-Za-z]"), ""),  # colours
    (re.compile(r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun|Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\b,?"), "#"),
    (re.compile(r"\b0x[0-9a-fA-F]+\b"), "#"),
    (
        re.compile(
            r"\b(session|sid|token|nonce|cookie|uuid|guid"
            r"|(?:session|request|trace|span|transaction|correlation|connection|message|queue)[-_ ]?id)"
            r"([\"']?\s?[=:]\s?)[<\"'\[(]?(?=[\w+/-]{8})(?-i:(?=[\w+/-]{0,64}(?:\d|[a-z][A-Z])))[\w+/=-]+[>\"'\])]?",
            re.IGNORECASE,
        ),
        r"\1\2#",
    ),  # random names, which may have no digits: session=<fgnMoXFhvLGsEQAB>
    (re.compile(r"\b(?=[a-fA-F-]{0,64}\d)[0-9a-fA-F]{6,}(?:-[0-9a-fA-F]+)*\b"), "#"),  # hashes, UUIDs
    (re.compile(r"\b(?=[A-Za-z_-]{0,64}\d)[\w-]{16,}"), "#"),  # tokens
    (re.compile(r"\d+"), "#"),
    (re.compile(r"#(?:[\s.,:/TZ+-]*#)+Z?"), "#"),  # times, versions and addresses, of however many parts
    (re.compile(r"\s+"), " "),
)


class ErrorLines:
    """Reads an app's output piece by piece, and remembers the kinds of lines that look like errors."""

    def __init__(self) -> None:
        self._kinds: dict[str, None] = {}
        self._rest = b""

    def add(self, data: bytes) -> None:
        """Add the next piece of output."""
        *ended, rest = data.split(b"\n")
        for piece in ended:
            self._take(self._rest + piece)
            self._rest = b""
        self._rest = (self._rest + rest)[:READ_LINE]

    def end(self) -> None:
        """End the output. What came last counts as a line, although it has no line end."""
        self._take(self._rest)
        self._rest = b""

    def lines(self) -> tuple[str, ...]:
        """Return the kinds so far, in the order of their first appearance. Only complete lines count."""
        return tuple(self._kinds)

    def _take(self, line: bytes) -> None:
        line = line[:READ_LINE]
        if len(self._kinds) < MOST_LINES and _SUSPICIOUS.search(line):
            self._kinds.setdefault(kind_of(line.decode(errors="replace")))


def kind_of(line: str) -> str:
    """Return a line without what differs from run to run: `2024-05-01 10:00:00 [12] ERROR at 0x7f3a` becomes `# [#] ERROR at #`."""
    for pattern, replacement in _VOLATILE:
        line = pattern.sub(replacement, line)
    return line.strip()[:LONGEST_LINE]
