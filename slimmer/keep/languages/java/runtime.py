"""A Java runtime's own files: libraries that classes load by name, configuration, data.

Two layouts are supported: that of JEP 220 (`lib/modules`, `conf`), and the older one with `lib/*.jar` and `lib/ARCH/*.so`. Files for
debugging, attaching, compiling, sound and windows on a screen are left out.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping

from slimmer.image.tree import Entry, Tree
from slimmer.keep.image_view import reach
from slimmer.keep.keepset import Finding, Reason

_TOOLS = frozenset(
    {
        "libjdwp.so", "libdt_socket.so", "libsaproc.so", "libattach.so", "libjsound.so", "libjsoundalsa.so",
        "libawt_xawt.so", "libsplashscreen.so", "libjawt.so", "libglass.so", "libglassgtk2.so", "libglassgtk3.so",
        "libprism_es2.so", "libprism_sw.so", "libgstreamer-lite.so", "libfxplugins.so", "libjfxmedia.so", "libjfxwebkit.so",
        "tools.jar", "dt.jar", "jconsole.jar", "jrt-fs.jar", "sa-jdi.jar", "jfxswt.jar", "ant-javafx.jar", "javafx-mx.jar",
    }
)  # fmt: skip
"""Files that no program that serves requests loads."""

_DATA = (".properties", ".dat", ".cfg", ".conf", ".policy", ".certs", ".bfc", ".src", ".security", ".jfc", ".access",
         ".template", ".ja", ".list", ".data", ".pf", ".types", ".default", "tzmappings", "cacerts", "jspawnhelper",
         "modules", "jce.jar", "trusted.libraries", "meta-index")  # fmt: skip
_FOLDERS = frozenset(("security", "jfr", "management", "ext", "jli", "images", "cmm", "fonts"))
"""Folders of `lib` that hold data. From others, such as `server` (several virtual machines), what was seen is enough."""


def runtime(tree: Tree, homes: Mapping[str, str]) -> Iterator[Finding]:
    """Yield findings for what the runtimes may load later. `homes` maps the folder of each one to its libjvm.so."""
    for home, machine in homes.items():
        reason = Reason("java", f"a part of the runtime {home}", machine)
        parts = [f"{home}/lib", posixpath.dirname(posixpath.dirname(machine))]
        for folder in dict.fromkeys(parts):
            yield from _libraries(tree, folder, reason)
        for entry in tree.below(f"{home}/conf"):
            yield from reach(tree, entry.path, reason)
        yield from reach(tree, f"{home}/release", reason)


def _libraries(tree: Tree, folder: str, reason: Reason) -> Iterator[Finding]:
    for entry in tree.children(folder):
        name = posixpath.basename(entry.path)
        if entry.is_directory and name in _FOLDERS:
            for inner in tree.below(entry.path):
                yield from _wanted(tree, inner, reason)
        elif not entry.is_directory:
            yield from _wanted(tree, entry, reason)


def _wanted(tree: Tree, entry: Entry, reason: Reason) -> Iterator[Finding]:
    name = posixpath.basename(entry.path)
    if name not in _TOOLS and (name.endswith((".so", ".jar")) or name.endswith(_DATA)):
        yield from reach(tree, entry.path, reason)
