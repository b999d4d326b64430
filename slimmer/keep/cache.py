"""A cache of facts about sources, in the user's cache folder. The key of an entry holds the hash of the source.

The cache only saves time: if it is missing, broken, locked or not writable, slimmer runs as with an empty one. It is a SQLite
file below $XDG_CACHE_HOME (XDG Base Directory specification). It is private to the user, and several runs may use it at once.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from pathlib import Path

SIZE_LIMIT = 1 << 26
"""The most bytes of facts. When there are more, the older half is deleted."""

ENTRY_LIMIT = 1 << 20
_ASKED_AT_ONCE = 500
_TIMEOUT = 2.0
_PAGES = ("page_count", "freelist_count", "page_size")
_TABLE = "CREATE TABLE IF NOT EXISTS facts (key TEXT PRIMARY KEY, value BLOB NOT NULL)"


def default_folder() -> Path:
    """Return the folder of slimmer's cache. A relative XDG_CACHE_HOME is invalid and ignored."""
    configured = Path(os.environ.get("XDG_CACHE_HOME") or "")
    return (configured if configured.is_absolute() else Path.home() / ".cache") / "slimmer"


class FactsCache:
    """A cache of values by key. A key holds the hash of the content and the version of its reader."""

    def __init__(self, folder: Path | None = None) -> None:
        """Use the cache in `folder`, or the user's own by default. The file is opened on first use."""
        self._folder = folder

    def get(self, keys: Iterable[str]) -> dict[str, bytes]:
        """Return the values of the keys that are in the cache."""
        wanted = list(keys)
        found: dict[str, bytes] = {}
        if not wanted:
            return found
        with suppress(sqlite3.Error, OSError, RuntimeError), closing(self._open()) as connection:
            for start in range(0, len(wanted), _ASKED_AT_ONCE):
                some = wanted[start : start + _ASKED_AT_ONCE]
                marks = ",".join("?" * len(some))
                rows = connection.execute(f"SELECT key, value FROM facts WHERE key IN ({marks})", some)  # noqa: S608
                found.update((key, value) for key, value in rows if isinstance(value, bytes))
        return found

    def put(self, values: Mapping[str, bytes]) -> None:
        """Store these values: all of them, or none. Values of more than ENTRY_LIMIT bytes are skipped."""
        small = [(key, value) for key, value in values.items() if len(value) <= ENTRY_LIMIT]
        if not small:
            return
        try:
            with closing(self._open()) as connection, connection:
                connection.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", small)
                _forget(connection)
        except sqlite3.DatabaseError as error:
            if not isinstance(error, sqlite3.OperationalError):  # not merely locked, or on a full disk
                with suppress(OSError, RuntimeError):
                    self._file().unlink()
        except (OSError, RuntimeError):
            pass

    def _file(self) -> Path:
        """Return the cache's file. Raise RuntimeError if the user's home directory is unknown."""
        return (self._folder or default_folder()) / "facts.sqlite3"

    def _open(self) -> sqlite3.Connection:
        file = self._file()
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(file, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
        connection = sqlite3.connect(file, timeout=_TIMEOUT)
        try:
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute(_TABLE)
        except BaseException:
            connection.close()
            raise
        return connection


class NoCache(FactsCache):
    """A cache that is always empty."""

    def get(self, keys: Iterable[str]) -> dict[str, bytes]:
        """Return nothing."""
        return {}

    def put(self, values: Mapping[str, bytes]) -> None:
        """Store nothing."""


def _forget(connection: sqlite3.Connection) -> None:
    """Delete the older half of the entries if the cache is larger than SIZE_LIMIT."""
    pages, free, page = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in _PAGES)
    if (pages - free) * page > SIZE_LIMIT:
        oldest = "DELETE FROM facts WHERE rowid IN (SELECT rowid FROM facts ORDER BY rowid LIMIT ?)"
        connection.execute(oldest, (connection.execute("SELECT count(*) FROM facts").fetchone()[0] // 2 + 1,))
