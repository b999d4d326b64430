"""Web applications in a servlet container. They are kept whole, because a client may ask for any of their pages.

An application is the folder above WEB-INF (Jakarta Servlet specification, "Directory Structure"). A bin/bootstrap.jar shows that
the server is Tomcat. Its configuration and its libraries stay, including the compiler of JSP pages.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from slimmer.image.tree import Tree
from slimmer.keep.image_view import ImageView, reach
from slimmer.keep.keepset import Finding, Reason
from slimmer.keep.languages.java.log import JavaLog
from slimmer.keep.sources.limits import within_limits

FILES = 20_000
BYTES = 100 << 20
"""The largest web application that is kept whole. From a larger one, only what was seen stays."""


def web_apps(image: ImageView, seen: JavaLog) -> Iterator[Finding]:
    """Yield the web applications that a file was opened in, and the files of their server."""
    for folder, path in _applications(image.tree, seen).items():
        yield from _whole(image, folder, Reason("java", f"a part of the web application {folder}", path))
    for path in seen.opened:
        if path.endswith("/bin/bootstrap.jar"):
            home = posixpath.dirname(posixpath.dirname(path))
            reason = Reason("java", f"a part of the server in {home}", path)
            yield from _whole(image, f"{home}/conf", reason)
            yield from _whole(image, f"{home}/lib", reason)


def _applications(tree: Tree, seen: JavaLog) -> dict[str, str]:
    """Return the folders with a WEB-INF in which a file was opened, each with that file."""
    found: dict[str, str] = {}
    empty: set[str] = set()
    for path in seen.opened:
        folder = posixpath.dirname(path)
        passed = []
        while folder not in ("/", "") and folder not in empty and folder not in found:
            if f"{folder}/WEB-INF" in tree:
                found[folder] = path
                break
            passed.append(folder)
            folder = posixpath.dirname(folder)
        empty.update(passed)
    return found


def _whole(image: ImageView, folder: str, reason: Reason) -> Iterator[Finding]:
    end = image.end(folder)
    if end is None or end.path == "/":
        return
    for entry in within_limits(image.tree.below(end.path), FILES, BYTES) or ():
        yield from reach(image.tree, entry.path, reason)
