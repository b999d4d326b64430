"""Where a value is in a JSON document, as a JSONPath (RFC 9535). The text is made only for the places that are shown.

The documents come from an app that is not trusted. One of 1 MB may have a name of 500 kB around 100,000 values, or a thousand
levels: the paths of all its values would not fit into any memory.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

LONGEST_NAME = 100
"""The number of characters of a name that are shown."""

MOST_STEPS = 20
"""The number of steps of a path that are shown: the last ones."""

_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Place:
    """A name in an object or an index in an array, within another place. Without another place, it is the whole document."""

    within: Place | None = None
    step: str | int = ""
    depth: int = 0

    def __truediv__(self, step: str | int) -> Place:
        return Place(self, step, self.depth + 1)

    def __str__(self) -> str:
        """Return the JSONPath, for example `$.items[2].name`."""
        words: list[str] = []
        place: Place | None = self
        while place is not None and place.within is not None and len(words) < MOST_STEPS:
            words.append(_step(place.step))
            place = place.within
        start = "$" if place is None or place.within is None else "$…"
        return start + "".join(reversed(words))


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    name = step[: LONGEST_NAME + 1]
    if _PLAIN_NAME.fullmatch(name):
        return f".{_cut(name)}"
    return f"[{_cut(json.dumps(name))}]"


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_NAME else f"{text[:LONGEST_NAME]}…"
