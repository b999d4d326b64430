"""Compare the bodies of answers to one request: the original's, the slim image's, and those of other originals to find noise.

JSON is compared by its structure, other text by lines and words, and binary data by its digest. If the originals differ in binary
data, only its size and first bytes can be compared. Equal digests need no work.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from slimmer.exercise.media_type import charset
from slimmer.exercise.result import Answer
from slimmer.formatting import printable
from slimmer.verify.excerpt import json_excerpt, line_at, place_excerpt, text_excerpt
from slimmer.verify.json_values import MISSING, changes, parse
from slimmer.verify.noise import steady, tells_failure, template
from slimmer.verify.shape import VAST, is_shuffled, misfit

CHARSETS = re.compile(r"(utf|ucs|iso|windows|cp|latin|us-ascii|ascii|koi8|mac|shift|euc|gb|big5).*")
"""Character sets of texts. Python has codecs for other things, too, and slow ones (punycode)."""

SIGNATURE = 16
"""The number of first bytes that show the format of binary data."""

MOST_VARYING = 0.1
"""The largest share of bytes that may be stamps (times, ids, checksums) in a file that is otherwise the same."""

MOST_RATIO = 2
"""How many times larger or smaller than all originals' bodies a body may be and still count as noise."""

_HOLDS_JSON = re.compile(r"[\w.+/-]*[/+]json(?:;|$)")


@dataclass(frozen=True, slots=True)
class BodyChange:
    """A body that differs: both sides in words (sizes and digests, no contents), and an excerpt for the terminal."""

    before: str
    after: str
    excerpt: str


def compare_bodies(before: Answer, after: Answer, *again: Answer) -> BodyChange | None:
    """Return how the slim image's answer `after` differs from the original's `before` by more than noise; None if it does not.

    `again` are the answers of other originals. Without any, every difference counts.
    """
    if after.digest and after.digest in (before.digest, *(other.digest for other in again)):
        return None
    if not (before.digest and after.digest):
        return _compare_unfinished(before, after, again)
    again = tuple(other for other in again if other.digest)  # an unfinished body is no sample
    bodies = [_text(answer) for answer in (before, after, *again)]
    if bodies[0] is None or bodies[1] is None or any(other.body is None for other in again):
        return None if _is_alike(before, after, again) else _change(before, after)
    samples = [text for text in bodies[2:] if text is not None]
    excerpt = compare_texts(bodies[0], bodies[1], samples, before.content_type)
    return _change(before, after, excerpt) if excerpt else None


def compare_texts(before: str, after: str, again: Sequence[str], content_type: str = "") -> str:
    """Return an excerpt that shows how a text differs; "" if it differs only by noise."""
    if after in (before, *again):
        return ""
    if _HOLDS_JSON.match(content_type) or before.startswith(("{", "[")):
        with suppress(RecursionError):  # nested too deeply: compare it as text
            first, second = parse(before), parse(after)
            if MISSING not in (first, second):
                others = [value for value in map(parse, again) if value is not MISSING]
                return json_excerpt(changes(first, second, *others))
    if any(before != other for other in again) and all(_sorted(before) == _sorted(other) for other in again):
        return compare_texts(_sorted(before), _sorted(after), ())  # their lines have no order
    if _is_vast(before, again) and is_shuffled(before, again):
        return _shape_excerpt(misfit(after, (before, *again)))
    first, second = steady(before), steady(after)
    known = template(first, *map(steady, again))
    place = known.misfit(second)
    shaped = _shape_excerpt(_misshapen(after, before, again)) if known.is_vast else ""
    if place is None or shaped:
        return shaped
    lines = line_at(first, place[0]), line_at(second, place[1])
    if known.is_vast:
        return place_excerpt(lines)
    return text_excerpt(before, after, template(before, *again), lines)


def compare_binary(before: bytes, after: bytes, again: Sequence[bytes]) -> BodyChange | None:
    """Return how binary data of the slim image differs from the original's by more than noise; None if it does not.

    It is compared as a binary body is. `again` is the data of other originals.
    """
    if after in (before, *again):
        return None
    originals = before, *again
    varies = any(data != before for data in again) and bool(after) == bool(before)
    if varies and _is_size_near(len(after), [len(data) for data in originals]) and _resembles(after, originals):
        return None
    return BodyChange(_data_words(before), _data_words(after), "")


def is_binary_by_shape(before: bytes, again: Sequence[bytes]) -> bool:
    """Return True if the originals' binary data differs so much that only the shape of another can be compared."""
    return any(data != before for data in again) and _varying((before, *again)) is None


def is_by_shape(before: Answer, again: Sequence[Answer]) -> bool:
    """Return True if the originals' bodies differ so much that only the shape of another can be compared."""
    again = tuple(other for other in again if other.digest)
    if not before.digest or all(other.digest == before.digest for other in again):
        return False
    texts = [_text(answer) for answer in (before, *again)]
    first, *others = (text for text in texts if text is not None) if None not in texts else ("",)
    if not others:
        bodies = [one.body for one in (before, *again) if one.body is not None]
        return len(bodies) <= len(again) or _varying(bodies) is None
    if _HOLDS_JSON.match(before.content_type) or not _is_vast(first, others):
        return False
    return is_shuffled(first, others) or template(steady(first), *map(steady, others)).is_vast


def _is_vast(before: str, again: Sequence[str]) -> bool:
    return bool(again) and min(map(len, (before, *again))) >= VAST and any(before != other for other in again)


def _misshapen(after: str, before: str, again: Sequence[str]) -> tuple[str, str] | None:
    """Return how a text's shape differs from the originals', or that it reads like an error and they do not; None if neither."""
    if tells_failure(after) and not any(map(tells_failure, (before, *again))):
        return "without words of an error", "with words of an error"
    return misfit(after, (before, *again))


def _shape_excerpt(sides: tuple[str, str] | None) -> str:
    return "\n".join(f"{sign} {printable(text)}" for sign, text in zip("-+", sides, strict=True)) if sides else ""


def _sorted(text: str) -> str:
    return "".join(sorted(f"{line}\n" for line in text.splitlines()))


def excerpt_of(before: Answer, after: Answer) -> str:
    """Return how two bodies differ, including noise; "" if there is nothing to show."""
    changed = compare_bodies(before, after)
    return changed.excerpt if changed else ""


def _compare_unfinished(before: Answer, after: Answer, again: Sequence[Answer]) -> BodyChange | None:
    """Compare bodies that were cut at a limit, such as endless streams: by whether they were cut, and whether anything came."""
    same = before.truncated == after.truncated and bool(before.size) == bool(after.size)
    unsteady = any(before.truncated != one.truncated or bool(before.size) != bool(one.size) for one in again)
    broken = not after.digest and not after.truncated
    return None if same or unsteady or broken else _change(before, after)


def _is_alike(before: Answer, after: Answer, again: Sequence[Answer]) -> bool:
    """Return True if a body that is binary, or too long to keep, differs only as the originals do."""
    originals = before, *again
    if all(one.digest == before.digest for one in again) or bool(after.size) != bool(before.size):
        return False
    if not _is_size_near(after.size, [one.size for one in originals]):
        return False
    bodies = [one.body for one in originals if one.body is not None]
    if after.body is None or len(bodies) < len(originals):
        return True
    return _resembles(after.body, bodies)


def _is_size_near(size: int, sizes: Sequence[int]) -> bool:
    return min(sizes) / MOST_RATIO <= size <= max(sizes) * MOST_RATIO


def _resembles(data: bytes, originals: Sequence[bytes]) -> bool:
    """Return True if data differs from the originals only in stamps, as they do, or begins as all of them do."""
    if (varying := _varying(originals)) is not None:
        changed = _bits_that_differ(originals[0], data)
        return len(data) == len(originals[0]) and not any(c and not v for c, v in zip(changed, varying, strict=True))
    common = next((at for at in range(SIGNATURE) if len({one[at : at + 1] for one in originals}) > 1), SIGNATURE)
    return data.startswith(originals[0][:common])


def _varying(bodies: Sequence[bytes]) -> bytes | None:
    """Return a mask with a nonzero byte for each byte that differs: a stamp. None if more than stamps differ."""
    if len({len(body) for body in bodies}) > 1:
        return None
    varying = 0
    for body in bodies[1:]:
        varying |= int.from_bytes(_bits_that_differ(bodies[0], body))
    mask = varying.to_bytes(len(bodies[0]))
    return mask if len(mask) - mask.count(0) <= MOST_VARYING * len(mask) else None


def _bits_that_differ(one: bytes, other: bytes) -> bytes:
    """Return the bits that differ, up to the length of the first."""
    other = other[: len(one)].ljust(len(one), b"\0")
    return (int.from_bytes(one) ^ int.from_bytes(other)).to_bytes(len(one))


def _text(answer: Answer) -> str | None:
    """Return the body as text; None if it was too long to keep, or is not text in its character set."""
    name = charset(answer.content_type).lower()
    if answer.body is None or (b"\0" in answer.body and not name.startswith(("utf-16", "utf-32"))):
        return None
    try:
        return answer.body.decode(name if CHARSETS.fullmatch(name) else "utf-8")
    except (LookupError, UnicodeError):
        return None


def _change(before: Answer, after: Answer, excerpt: str = "") -> BodyChange:
    return BodyChange(_words(before), _words(after), excerpt)


def _data_words(data: bytes) -> str:
    return f"{len(data):,} bytes (sha256:{hashlib.sha256(data).hexdigest()[:12]}…)"


def _words(answer: Answer) -> str:
    if answer.truncated:
        return f"{answer.size:,} bytes or more"
    return f"{answer.size:,} bytes (sha256:{answer.digest[:12]}…)"
