"""Media types as Content-Type headers carry them (RFC 9110, section 8.3), in one way of writing."""

from __future__ import annotations

from email.message import Message

VOLATILE = ("boundary",)
"""Parameters that are made up anew for each answer."""


def normal_media_type(value: str) -> str:
    """`Text/HTML;Charset="UTF-8"` as `text/html; charset=utf-8`, the parameters sorted; "" stays ""."""
    parameters: list[tuple[str, str]] = _message(value).get_params(failobj=[("", "")])
    pairs = sorted((name.strip().lower(), text.strip().lower()) for name, text in parameters[1:])
    kept = [f"{name}={text}" for name, text in pairs if name and name not in VOLATILE]
    return "; ".join([parameters[0][0].strip().lower(), *kept])


def charset(value: str) -> str:
    """The character set that a Content-Type names, else utf-8."""
    return _message(value).get_content_charset("utf-8")


def _message(value: str) -> Message:
    message = Message()
    message["content-type"] = value.replace("\n", " ").replace("\r", " ")
    return message
