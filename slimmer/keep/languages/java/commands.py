"""The commands that a class starts, judged by its texts. Pure.

`new ProcessBuilder("sort", "-r")` leaves the texts "sort" and "-r" in its class, and nothing that says which of them is a command. So
every text counts, and those that name no command on PATH lead nowhere.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence

LIMIT = 20_000
"""The most commands of a class, and of a jar."""

_SHELLS = frozenset(("ash", "bash", "dash", "ksh", "sh", "zsh"))
_LINE_OPTION = re.compile(r"-[a-z]{0,5}c", re.ASCII)
_WORD = re.compile(r"\s{0,9}([\w./+-]{1,200})(?=\s|$)")


def commands_in(texts: Sequence[str]) -> tuple[str, ...]:
    """Return the commands in the texts of a class, each once: their first words, or whole texts, as lines for a shell, if the class starts one."""
    found = [text for text in texts if text] if _has_shell(texts) else _first_words(texts)
    return tuple(dict.fromkeys(found))[:LIMIT]


def _has_shell(texts: Sequence[str]) -> bool:
    """Return True if there is a shell among the texts, and the option after which it takes a line (sh(1), -c), or both in one text."""
    words = {word for text in texts for word in text.split(maxsplit=2)[:2]}
    return any(posixpath.basename(word) in _SHELLS for word in words) and any(map(_LINE_OPTION.fullmatch, words))


def _first_words(texts: Sequence[str]) -> list[str]:
    return [match[1] for text in texts if (match := _WORD.match(text)) is not None]
