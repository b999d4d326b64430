"""The shell as a language: POSIX shells and their descendants, crontabs, and the commands of an image's configuration."""

from __future__ import annotations

import re

from slimmer.keep.evidence import Evidence
from slimmer.keep.language import Language, Limits
from slimmer.keep.languages.shell.reader import SCRIPT_LIMIT, Script, read
from slimmer.keep.languages.shell.resolver import ID, ShellResolver
from slimmer.keep.native import locales, time_zones

SCRIPTS_LIMIT = 16 << 20
"""The most bytes of scripts that a run parses. Further scripts are kept, but not read."""

SHELL = Language(
    id=ID,
    version=3,
    suffixes=frozenset((".sh", ".bash")),
    programs=re.compile(r"(?:b?a|rba|da|l?k|m?k|pdk|z|hu)?sh(?:\.[a-z]{1,20})?"),
    facts_type=Script,
    read=read,
    resolver=ShellResolver,
    rules={time_zones.RULE: Evidence.USED, locales.RULE: Evidence.USED},
    limits=Limits(source=SCRIPT_LIMIT, total=SCRIPTS_LIMIT),
    unopened=True,
)
