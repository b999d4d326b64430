"""Facts that were worked out once, by the hash of what they were worked out from; kept in the user's cache folder.

Only speed depends on it: a cache that is missing, broken, locked or not writable is one that knows nothing. It is a SQLite
file below $XDG_CACHE_HOME (XDG Base Directory specification), private to the user, which several runs may use at once.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from pathlib import Path

SIZE_LIMIT = 1 << 26
"""Bytes of facts; beyond, the oldest half is forgotten."""

ENTRY_LIMIT = 1 << 20
_ASKED_AT_ONCE = 500
_TIMEOUT = 2.0
_PAGES = ("page_count", "freelist_count", "page_size")
_TABLE = "CREATE TABLE IF NOT EXISTS facts (key TEXT PRIMARY KEY, value BLOB NOT NULL)"


def default_folder() -> Path:
    """The folder of slimmer's cache. A relative XDG_CACHE_HOME is invalid, and counts as none."""
    configured = Path(os.environ.get("XDG_CACHE_HOME") or "")
    return (configured if configured.is_absolute() else Path.home() / ".cache") / "slimmer"


class FactsCache:
    """Values by key; a key names the hash of the content and the version of whoever reads it."""

    def __init__(self, folder: Path | None = None) -> None:
        """Nothing is opened before it is asked for something; `folder` None is the user's own."""
        self._folder = folder

    def get(self, keys: Iterable[str]) -> dict[str, bytes]:
        """The values that are known."""
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
        """Remember these, all or none."""
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
        """The cache's file. Raises RuntimeError where nobody knows the user's home."""
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
    """A cache that knows nothing and remembers nothing."""

    def get(self, keys: Iterable[str]) -> dict[str, bytes]:
        """Nothing."""
        return {}

    def put(self, values: Mapping[str, bytes]) -> None:
        """Forget these."""


def _forget(connection: sqlite3.Connection) -> None:
    """Keep the cache within its bound."""
    pages, free, page = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in _PAGES)
    if (pages - free) * page > SIZE_LIMIT:
        oldest = "DELETE FROM facts WHERE rowid IN (SELECT rowid FROM facts ORDER BY rowid LIMIT ?)"
        connection.execute(oldest, (connection.execute("SELECT count(*) FROM facts").fetchone()[0] // 2 + 1,))
