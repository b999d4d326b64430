"""Tell URLs that may change something from those that only show something.

A GET should change nothing (RFC 9110, section 9.2.1), but many apps have a link to log out, or to delete. Only whole English words
count: `/undelete-notes` has the word `undelete`, which is none of them.
"""

from __future__ import annotations

import re
from itertools import pairwise
from urllib.parse import unquote_plus

CHANGING = frozenset(
    (
        *("abort", "accept", "activate", "add", "approve", "ban", "buy", "cancel", "clear", "confirm", "deactivate"),
        *(
            "decline",
            "del",
            "delete",
            "destroy",
            "disable",
            "disconnect",
            "discard",
            "dismiss",
            "drop",
            "enable",
            "erase",
        ),
        *(
            "execute",
            "flush",
            "halt",
            "kill",
            "logoff",
            "logout",
            "merge",
            "move",
            "pay",
            "poweroff",
            "publish",
            "purchase",
        ),
        *(
            "purge",
            "quit",
            "reboot",
            "reject",
            "remove",
            "rename",
            "reset",
            "restart",
            "restore",
            "revoke",
            "rm",
            "rollback",
        ),
        *("send", "shutdown", "signoff", "signout", "stop", "submit", "subscribe", "suspend", "terminate", "toggle"),
        *("trash", "truncate", "unban", "uninstall", "unlink", "unpublish", "unsubscribe", "wipe"),
    )
)

PAIRS = frozenset(
    (
        ("log", "off"),
        ("log", "out"),
        ("opt", "out"),
        ("power", "off"),
        ("shut", "down"),
        ("sign", "off"),
        ("sign", "out"),
    )
)
"""Two words that follow each other: `/sign-out`, `/logOut`."""

STATIC = re.compile(
    r"\.(?:avif|bmp|css|eot|gif|ico|jpe?g|js|map|mjs|mp[34]|ogg|otf|png|svg|ttf|wasm|wav|webm|webp|woff2?)$",
    re.IGNORECASE,
)
"""A file with such a name, as `/icons/delete.svg`, is only shown."""

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def may_change(url: str) -> bool:
    """Return True if a path with an optional query reads as if it changed something."""
    path, _, query = url.partition("?")
    folder, _, name = path.rpartition("/")
    shown = folder if STATIC.search(name) and not query else path
    words = [word.lower() for word in _WORD.findall(unquote_plus(f"{shown} {query}"))]
    return not CHANGING.isdisjoint(words) or not PAIRS.isdisjoint(pairwise(words))
