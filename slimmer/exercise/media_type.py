"""Media types as Content-Type headers carry them (RFC 9110, section 8.3), in one way of writing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from email.message import Message

VOLATILE = ("boundary",)
"""Parameters that are made up anew for each answer."""

LONGEST = 1000
"""Characters of a value that are read: what takes it apart needs the square of its length."""

_BROKEN = (TypeError, ValueError)
"""What Python's own reader raises for parameters in parts that do not go together."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def normal_media_type(value: str) -> str:
    """`Text/HTML;Charset="UTF-8"` as `text/html; charset=utf-8`, the parameters sorted; "" stays ""."""
    parameters = _parameters(value)
    pairs = sorted((name.strip().lower(), _plain(text).strip().lower()) for name, text in parameters[1:])
    kept = [f"{name}={text}" for name, text in pairs if name and name not in VOLATILE]
    return "; ".join([parameters[0][0].strip().lower(), *kept])


def _plain(text: str | tuple[str | None, str | None, str]) -> str:
    """A parameter's text. One in the form of RFC 2231 comes with a character set and a language, which say nothing here."""
    return text if isinstance(text, str) else text[2]


def charset(value: str) -> str:
    """The character set that a Content-Type names, else utf-8."""
    try:
        return _message(value).get_content_charset("utf-8")
    except _BROKEN:
        return "utf-8"


def _parameters(value: str) -> Sequence[tuple[str, str | tuple[str | None, str | None, str]]]:
    """The type with the parameters behind it; without them, where they make no sense."""
    try:
        return _message(value).get_params(failobj=[("", "")])
    except _BROKEN:
        return [(value.partition(";")[0], "")]


def _message(value: str) -> Message:
    message = Message()
    message["content-type"] = _CONTROL.sub(" ", value[:LONGEST])
    return message
