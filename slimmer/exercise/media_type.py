"""The normal form of media types in Content-Type headers (RFC 9110, section 8.3)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from email.message import Message

VOLATILE = ("boundary",)
"""Parameters that differ in each answer."""

LONGEST = 1000
"""The number of characters of a value that are read: parsing takes time quadratic in its length."""

_BROKEN = (TypeError, ValueError)
"""What Python's parser raises if the parts of a parameter do not fit together."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def normal_media_type(value: str) -> str:
    """Return `text/html; charset=utf-8` for `Text/HTML;Charset="UTF-8"`, with parameters sorted; "" for ""."""
    parameters = _parameters(value)
    pairs = sorted((name.strip().lower(), _plain(text).strip().lower()) for name, text in parameters[1:])
    kept = [f"{name}={text}" for name, text in pairs if name and name not in VOLATILE]
    return "; ".join([parameters[0][0].strip().lower(), *kept])


def _plain(text: str | tuple[str | None, str | None, str]) -> str:
    """Return a parameter's text, without the character set and language that one in the form of RFC 2231 comes with."""
    return text if isinstance(text, str) else text[2]


def charset(value: str) -> str:
    """Return the character set that a Content-Type names, or utf-8."""
    try:
        return _message(value).get_content_charset("utf-8")
    except _BROKEN:
        return "utf-8"


def _parameters(value: str) -> Sequence[tuple[str, str | tuple[str | None, str | None, str]]]:
    """Return the type, followed by the parameters if they can be parsed."""
    try:
        return _message(value).get_params(failobj=[("", "")])
    except _BROKEN:
        return [(value.partition(";")[0], "")]


def _message(value: str) -> Message:
    message = Message()
    message["content-type"] = _CONTROL.sub(" ", value[:LONGEST])
    return message
