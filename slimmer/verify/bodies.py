"""The bodies of one request's answers: the original's, the slim image's, and another original's, which tells what is noise.

JSON is compared by its structure, other text by lines and words, and what is no text by its digest. Where two originals
differ in what is no text, only its size and first bytes can be compared. Equal digests are no work.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass

from slimmer.exercise.media_type import charset
from slimmer.exercise.plan import Answer
from slimmer.verify.excerpt import json_excerpt, text_excerpt
from slimmer.verify.json_values import MISSING, changes, parse
from slimmer.verify.noise import steady, template

CHARSETS = re.compile(r"(utf|ucs|iso|windows|cp|latin|us-ascii|ascii|koi8|mac|shift|euc|gb|big5).*")
"""Character sets of texts. Python knows more that are none, and some whose decoding takes long (punycode)."""

SIGNATURE = 16
"""First bytes of what is no text by which its format is known."""

MOST_RATIO = 2
"""How many times larger or smaller than both originals' a body that is noise may be."""

_HOLDS_JSON = re.compile(r"[\w.+/-]*[/+]json(?:;|$)")


@dataclass(frozen=True, slots=True)
class BodyChange:
    """A body that is another one: both in words (sizes, digests: no contents), and an excerpt for the person who asked."""

    before: str
    after: str
    excerpt: str


def compare_bodies(before: Answer, after: Answer, again: Answer) -> BodyChange | None:
    """What the slim image's answer `after` has in place of the original's, beyond what two originals differ in themselves.

    To compare without knowing of noise, give `before` for `again`.
    """
    if after.digest and after.digest in (before.digest, again.digest):
        return None
    if not (before.digest and after.digest):
        return _compare_unfinished(before, after, again)
    if not again.digest:
        again = before  # it came to no end: no sample
    if before.body is None or after.body is None or again.body is None:
        return None if _is_alike(before, after, again) else _change(before, after)
    texts = _text(before.body, before), _text(after.body, after), _text(again.body, again)
    if texts[0] is None or texts[1] is None:
        return None if _is_alike(before, after, again) else _change(before, after)
    excerpt = compare_texts(texts[0], texts[1], texts[0] if texts[2] is None else texts[2], before.content_type)
    return _change(before, after, excerpt) if excerpt else None


def compare_texts(before: str, after: str, again: str, content_type: str = "") -> str:
    """The excerpt that shows how a text differs; "" when it does not, but for noise."""
    if after in (before, again):
        return ""
    if _HOLDS_JSON.match(content_type) or before.startswith(("{", "[")):
        with suppress(RecursionError):  # it is nested too deep: then it is a text
            values = parse(before), parse(after), parse(again)
            if MISSING not in values[:2]:
                return json_excerpt(changes(values[0], values[1], values[0] if values[2] is MISSING else values[2]))
    if before != again and _sorted(before) == _sorted(again):  # their lines have no order
        return compare_texts(_sorted(before), _sorted(after), _sorted(before))
    if template(steady(before), steady(again)).fits(steady(after)):
        return ""
    return text_excerpt(before, after, template(before, again))


def _sorted(text: str) -> str:
    return "".join(sorted(f"{line}\n" for line in text.splitlines()))


def excerpt_of(before: Answer, after: Answer) -> str:
    """How two bodies differ, whatever is noise: "" where there is nothing to be shown."""
    changed = compare_bodies(before, after, before)
    return changed.excerpt if changed else ""


def _compare_unfinished(before: Answer, after: Answer, again: Answer) -> BodyChange | None:
    """Bodies that were cut at a limit: streams that do not end. Whether they are cut, and whether anything came, counts."""
    same = before.truncated == after.truncated and bool(before.size) == bool(after.size)
    unsteady = before.truncated != again.truncated or bool(before.size) != bool(again.size)
    broken = not after.digest and not after.truncated
    return None if same or unsteady or broken else _change(before, after)


def _is_alike(before: Answer, after: Answer, again: Answer) -> bool:
    """Whether a body that is no text, or was not held, may be another one, since the originals' are."""
    if before.digest == again.digest or bool(after.size) != bool(before.size):
        return False
    sizes = before.size, again.size
    if not min(sizes) / MOST_RATIO <= after.size <= max(sizes) * MOST_RATIO:
        return False
    if before.body is None or after.body is None or again.body is None:
        return True
    pairs = zip(before.body[:SIGNATURE], again.body[:SIGNATURE], strict=False)
    common = next((at for at, (one, other) in enumerate(pairs) if one != other), SIGNATURE)
    return after.body.startswith(before.body[:common])


def _text(body: bytes, answer: Answer) -> str | None:
    """The body as text; None when it is none in its character set."""
    name = charset(answer.content_type).lower()
    if b"\0" in body and not name.startswith(("utf-16", "utf-32")):
        return None
    try:
        return body.decode(name if CHARSETS.fullmatch(name) else "utf-8")
    except (LookupError, UnicodeError):
        return None


def _change(before: Answer, after: Answer, excerpt: str = "") -> BodyChange:
    return BodyChange(_words(before), _words(after), excerpt)


def _words(answer: Answer) -> str:
    if answer.truncated:
        return f"{answer.size:,} bytes and more"
    return f"{answer.size:,} bytes (sha256:{answer.digest[:12]}…)"
