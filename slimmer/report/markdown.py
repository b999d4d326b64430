"""Write Markdown for GitHub and GitLab that holds texts of untrusted images.

Such a text cannot be active: it makes no markup, link, mention of a user, reference to an issue, or quick action. Escapes alone do not
prevent mentions, because GitHub looks for them in the rendered text. Either the text stands in a code span, in which nothing is looked
for, or a zero-width space follows the character.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from slimmer.formatting import printable

LONGEST = 300
"""The most characters of a text from an image."""

_SPECIAL = "\\`*_{}[]<>|!&$~%^"

_LINK = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)", re.IGNORECASE)
"""The places in plain text that make it a link in GitHub's Markdown (its specification, "Autolinks (extension)")."""

_REFERENCE = re.compile(r"[@#]|(?<=\bGH)-(?=\d)", re.IGNORECASE)
"""What a mention (@user) or a reference to an issue (#1, GH-1) needs (GitHub's "Autolinked references and URLs")."""

INVISIBLE = "&#8203;"
"""A zero-width space. After an @ or a #, nothing is mentioned. A backslash before `://` would not do: GitLab looks for links in the rendered text."""


def text(value: str, most: int = LONGEST) -> str:
    """Return text as one line without active markup, links, mentions and references. It also fits into a table cell."""
    plain = "".join(f"\\{c}" if c in _SPECIAL else c for c in shortened(value, most))
    return _LINK.sub(INVISIBLE, _REFERENCE.sub(rf"\g<0>{INVISIBLE}", plain))


def code(value: str, most: int = LONGEST) -> str:
    """Return text as a code span of one line (CommonMark, "Code spans"). It does not fit into a table cell, where | has a meaning."""
    plain = shortened(value, most)
    runs = re.findall(r"`+", plain)
    fence = "`" * (max(map(len, runs), default=0) + 1)
    space = " " if plain.startswith(("`", " ")) or plain.endswith(("`", " ")) or not plain else ""
    return f"{fence}{space}{plain}{space}{fence}"


def shortened(value: str, most: int = LONGEST) -> str:
    """Return text as one printable line of at most this many characters."""
    plain = printable(value[: most + 1])
    return plain if len(plain) <= most else f"{plain[: most - 1]}…"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of escaped cells. All columns but the first are aligned to the right."""
    lines = [head, [":--", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def listing(lines: Iterable[str]) -> str:
    """Return a list of escaped lines."""
    return "\n".join(f"- {line}" for line in lines)


def folded(summary: str, content: str) -> str:
    """Return a part that is closed until somebody opens it. `summary` must not be a text from an image, because it is HTML."""
    return f"<details>\n<summary>{summary}</summary>\n\n{content}\n\n</details>"


def within(parts: Iterable[str], most: int, note: str) -> Iterator[str]:
    """Yield whole parts as long as all of them have at most `most` characters, and then `note` if some were left out."""
    left = most
    skipped = False
    for part in parts:
        if len(part) + 2 > left:
            skipped = True
            continue
        left -= len(part) + 2
        yield part
    if skipped:
        yield note
