"""Where an app writes log files: files that it opened for writing, in a folder for logs or with the suffix of one.

Some servers report errors only there, and not on their output (RabbitMQ, PostgreSQL, Tomcat).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

from slimmer.observe.log import Access, Operation

MOST_PLACES = 16
FOLDERS = frozenset(("log", "logs"))
"""Names of folders for logs: hier(7), and the custom of app servers."""

SUFFIXES = (".log", ".err")
WRITES = (Operation.WRITE, Operation.CREATE)
KERNELS = ("/proc/", "/sys/", "/dev/")


def log_places(accesses: Iterable[Access]) -> tuple[str, ...]:
    """Return the folders and files to read for what the app logged, sorted, at most MOST_PLACES.

    A file that the app creates was missing until then, so it was asked for but not found. A folder for logs is read as a whole, since the
    name of a file in it may contain the host's name or the date.
    """
    places = {
        place
        for access in accesses
        if access.operation in WRITES and (place := _place(access.resolved or access.asked))
    }
    return tuple(sorted(places)[:MOST_PLACES])


def _place(path: str) -> str:
    if path.startswith(KERNELS):
        return ""
    folder = posixpath.dirname(path)
    if FOLDERS.intersection(folder.split("/")):
        return folder
    return path if path.endswith(SUFFIXES) else ""
