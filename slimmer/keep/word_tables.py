"""Tables of names, written as words with spaces between them."""

from __future__ import annotations

import re
from fnmatch import translate


def words(*lines: str) -> frozenset[str]:
    """Return the words of these lines."""
    return frozenset(word for line in lines for word in line.split())


def like(*lines: str) -> re.Pattern[str]:
    """Return a pattern for names like these words, where `*` stands for any characters. Case does not count."""
    return re.compile("|".join(map(translate, sorted(words(*lines)))), re.IGNORECASE)
