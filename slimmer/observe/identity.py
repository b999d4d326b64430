"""Check and read the probe's line about the user and rights of an app without slimmer (docs/probe-protocol.md, "Identity").

The line comes from a container of an untrusted image, and decides the rights of the app. So slimmer uses it only if it begins with
the nonce of this run's probe, and every word has the form that the probe writes.
"""

from __future__ import annotations

import os
import re
from urllib.parse import unquote_to_bytes

from slimmer.errors import ObservationIncomplete

IDENTITY_LIMIT = 1 << 16
"""The most bytes of a line: about 60 words. The kernel's limit of 64 Ki groups would not fit, but no user has that many."""

_ID = r"\d{1,10}"
_MASK = r"[0-9a-f]{1,16}"
_LIMIT = r"\d{1,2}:\d{1,20}:\d{1,20}"
_REFUSAL = r"(?:native|compat|x32):\d{1,10}(?:&[0-9a-f]{1,8})?:\d{1,4}"
_TEXT = "(?:[!-$&-~]|%(?!00)[0-9a-f]{2})*"
_LINE = re.compile(
    rf"v=1 uid={_ID} gid={_ID} groups=(?:{_ID}(?:,{_ID})*)?"
    rf" inheritable={_MASK} permitted={_MASK} effective={_MASK} bounding={_MASK} ambient={_MASK}"
    rf" no_new_privs=[01] securebits=[0-9a-f]{{1,8}} umask=[0-7]{{1,4}}(?: home={_TEXT})?"
    rf" limits={_LIMIT}(?:,{_LIMIT})* refuse=(?:{_REFUSAL}(?:,{_REFUSAL})*)?",
    re.ASCII,
)

_RESULTS = re.compile(r"\d{1,4}:\d{1,3}(?: \d{1,4}:\d{1,3})*", re.ASCII)

FOREIGN = "what answered in the container is not slimmer's probe"
FOREIGN_HINT = "slimmer used nothing that it sent. Such an image was made to deceive. Do not run it."


def checked_identity(said: bytes, nonce: str) -> str:
    """Return the identity line that `ask` printed. Raise ObservationIncomplete for any other text."""
    identity = _after_nonce(said, nonce)
    if not _LINE.fullmatch(identity):
        raise ObservationIncomplete("the probe sent an invalid line about the app's user", hint=FOREIGN_HINT)
    return identity


def checked_results(said: bytes, nonce: str) -> dict[int, int]:
    """Return what `try-calls` printed: the error of each system call, by number. Raise ObservationIncomplete for any other text."""
    words = _after_nonce(said, nonce)
    if not _RESULTS.fullmatch(words):
        raise ObservationIncomplete("the probe sent an invalid line about system calls", hint=FOREIGN_HINT)
    pairs = (word.partition(":") for word in words.split(" "))
    return {int(number): int(error) for number, _, error in pairs}


def _after_nonce(said: bytes, nonce: str) -> str:
    line = said.decode("ascii", errors="replace")
    begin = f"{nonce} "
    if not line.startswith(begin) or not line.endswith("\n"):
        raise ObservationIncomplete(FOREIGN, hint=FOREIGN_HINT)
    return line[len(begin) : -1]


def capabilities_of(identity: str, kind: str) -> int:
    """Return the mask of a set of capabilities: "permitted", "bounding" …"""
    begin = f"{kind}="
    return next(int(word.removeprefix(begin), 16) for word in identity.split(" ") if word.startswith(begin))


def home_of(identity: str) -> str:
    """Return the user's HOME, or "" if there is none."""
    value = next((word[5:] for word in identity.split(" ") if word.startswith("home=")), "")
    return os.fsdecode(unquote_to_bytes(value))
