"""Keep empty folders that an app may write to: uploads, logs, caches, migrations.

A Dockerfile makes such a folder (`RUN mkdir -p /app/uploads && chown app /app/uploads`), and nothing looks at it until the first file is
stored. It costs no bytes. Without it, the app fails, because hardly any app makes the folder that it was given.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from itertools import islice

from slimmer.keep.analyzer import BEYOND_OBSERVED, FunctionAnalyzer
from slimmer.keep.ecosystems import dependency_folders
from slimmer.keep.evidence import Evidence
from slimmer.keep.image_view import ImageView
from slimmer.keep.keepset import Finding, Reason

RULE = "empty-folder"
FOLDERS = 1000
"""The most empty folders that are kept."""

_SYSTEM = re.compile(
    r"/(?:bin|boot|dev|etc|lib[^/]{0,4}|media|mnt|proc|run|sbin|sys|tmp|usr)(?:/|$)"
    r"|/var/(?:backups|cache|lib/(?:apt|dpkg|apk|rpm|dnf|yum|pacman)|local|lock|mail|opt|run|tmp)(?:/|$)"
    r"|/(?:home|opt|srv|var/(?:lib|log|spool|www))$"
)
_HIDDEN = re.compile(r"/\.|/__pycache__(?:/|$)")


def empty_folders(image: ImageView) -> list[Finding] | None:
    """Return the empty folders outside of the system's own: those of apps, and those of a user other than root. None if there are none."""
    reason = Reason(RULE, "an app may write to it")
    return [Finding(path, reason) for path in islice(_empty(image), FOLDERS)] or None


def _empty(image: ImageView) -> Iterator[str]:
    left_out = dependency_folders()
    working = posixpath.normpath(posixpath.join("/", image.config.working_dir))
    for path in image.tree.directories():
        is_own = working != "/" and path.startswith(f"{working}/")
        if (_SYSTEM.match(path) and not is_own) or _HIDDEN.search(path) or not left_out.isdisjoint(path.split("/")):
            continue
        entry = image.tree.get(path)
        if entry is None or not (is_own or entry.uid or not path.startswith("/var/")):
            continue
        if next(iter(image.tree.children(path)), None) is None:
            yield path


ANALYZER = FunctionAnalyzer("empty-folder", BEYOND_OBSERVED, {RULE: Evidence.STRUCTURAL}, empty_folders)
