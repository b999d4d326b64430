"""Keep the symbolic links that lead into the kept set: other names for what is there anyway.

A link costs nothing, and who knows a file by another name (libfoo.so for libfoo.so.1, python for python3.11, an alternative
in /etc/alternatives) finds it, too. It runs after the other rules, since it looks at what they kept.
"""

from __future__ import annotations

from collections.abc import Container, Iterator

from slimmer.image.tree import Tree
from slimmer.keep.context import leading
from slimmer.keep.keepset import Finding, Reason


def links(tree: Tree, kept: Container[str]) -> Iterator[Finding]:
    """Links that resolve to a kept path and are not kept yet, with what leads to them and through them."""
    for link in tree.links():
        if link.path in kept:
            continue
        resolution = tree.resolve(link.path)
        if resolution.end is not None and resolution.end in kept and resolution.end != "/":
            yield Finding(link.path, Reason("link", f"another name for {resolution.end}"))
            yield from leading(resolution.way, link.path)
