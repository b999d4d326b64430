"""The probe's line about who an app is without slimmer (docs/probe-protocol.md, "Identity"): checked, and read.

It comes from a container of an untrusted image, and decides what the app is given: so nothing of it is passed on unless
the line begins with the nonce of this run's probe, and every word has the shape that the probe gives it.
"""

from __future__ import annotations

import os
import re
from urllib.parse import unquote_to_bytes

from slimmer.errors import ObservationIncomplete

IDENTITY_LIMIT = 1 << 16
"""Bytes of a line: some 60 words, and up to 64 Ki groups would not fit, but no user has so many."""

_ID = r"\d{1,10}"
_MASK = r"[0-9a-f]{1,16}"
_LIMIT = r"\d{1,2}:\d{1,20}:\d{1,20}"
_REFUSAL = r"(?:native|compat|x32):\d{1,10}(?:&[0-9a-f]{1,8})?:\d{1,4}"
_LINE = re.compile(
    rf"v=1 uid={_ID} gid={_ID} groups=(?:{_ID}(?:,{_ID})*)?"
    rf" inheritable={_MASK} permitted={_MASK} effective={_MASK} bounding={_MASK} ambient={_MASK}"
    rf" no_new_privs=[01] securebits=[0-9a-f]{{1,8}} umask=[0-7]{{1,4}}(?: home=[!-~]*)?"
    rf" limits={_LIMIT}(?:,{_LIMIT})* refuse=(?:{_REFUSAL}(?:,{_REFUSAL})*)?",
    re.ASCII,
)

FOREIGN = "what answered in the container is not slimmer's probe"
FOREIGN_HINT = "Nothing that it said was used. An image that can do this is made to deceive: do not run it."


def checked_identity(said: bytes, nonce: str) -> str:
    """The line of an identity out of what `ask` printed. Raises ObservationIncomplete for any other text."""
    line = said.decode("ascii", errors="replace")
    begin = f"{nonce} "
    if not line.startswith(begin) or not line.endswith("\n"):
        raise ObservationIncomplete(FOREIGN, hint=FOREIGN_HINT)
    identity = line[len(begin) : -1]
    if not _LINE.fullmatch(identity):
        raise ObservationIncomplete("the probe's line about the app's user makes no sense", hint=FOREIGN_HINT)
    return identity


def home_of(identity: str) -> str:
    """The user's HOME; "" for none."""
    value = next((word[5:] for word in identity.split(" ") if word.startswith("home=")), "")
    return os.fsdecode(unquote_to_bytes(value))
