"""Answers of the original and of the slim image, which an app makes up as it likes; NUL stands between the texts of an input."""

from __future__ import annotations

from slimmer.verify.alignment import aligned
from slimmer.verify.bodies import compare_texts
from slimmer.verify.excerpt import json_excerpt
from slimmer.verify.json_values import MISSING, changes, parse
from slimmer.verify.noise import lines_of, steady, template

TEXTS = 4


def _texts(data: bytes) -> list[str]:
    texts = [piece.decode(errors="replace") for piece in data.split(b"\0", TEXTS - 1)]
    return texts + [""] * (TEXTS - len(texts))


def alignment(data: bytes) -> None:
    """The blocks make both sequences again; what is common is equal."""
    first, second, *_ = (text.split("\n") for text in _texts(data))
    blocks = list(aligned(first, second))
    assert [line for _, side, _ in blocks for line in side] == first
    assert [line for _, _, side in blocks for line in side] == second
    assert all(list(one) == list(other) for common, one, other in blocks if common)


def noise(data: bytes) -> None:
    """What a template was made of fits it, and its parts make the first text again."""
    first, second, third, other = _texts(data)
    found = template(first, second, third)
    parts = zip(found.stable, [*(gap.texts[0] for gap in found.gaps), ""], strict=True)
    assert "".join(part for pair in parts for part in pair) == first
    assert found.fits(first)
    assert "".join(lines_of(first)) == first
    assert steady(steady(first)) == steady(first)
    misfit = found.misfit(other)
    assert misfit is None or (0 <= misfit[0] <= len(first) and misfit[1] >= 0)


def bodies(data: bytes) -> None:
    """A body does not differ from itself, whatever is noise; an excerpt is safe for a terminal and for a file."""
    before, after, again, kind = _texts(data)
    assert compare_texts(before, before, [again]) == ""
    for content_type in ("", "application/json", kind[:40]):
        excerpt = compare_texts(before, after, [again], content_type)
        excerpt.encode()
        assert all(c.isprintable() or c in "\n\t" for c in excerpt)


def json_values(data: bytes) -> None:
    """Equal documents have no changes; whatever differs can be shown."""
    try:
        before, after, *others = map(parse, _texts(data))
        if MISSING in (before, after):
            return
        assert not list(changes(before, before))
        json_excerpt(changes(before, after, *(value for value in others if value is not MISSING))).encode()
    except RecursionError:  # both document it
        return


TARGETS = {"alignment": alignment, "noise": noise, "bodies": bodies, "json_values": json_values}
