"""Keep symbolic links to kept paths, because a file may be used under another of its names.

A link costs nothing. Examples are libfoo.so for libfoo.so.1, python for python3.11, and the links in /etc/alternatives.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from slimmer.keep.analyzer import EVERY_POLICY, Follow, FunctionAnalyzer, Kept
from slimmer.keep.evidence import Evidence
from slimmer.keep.image_view import ImageView, leading
from slimmer.keep.keepset import Finding, Reason

RULE = "link"


def links(image: ImageView) -> Follow | None:
    """Keep links that resolve to a path that was just kept, with the links and directories on the way."""
    others: dict[str, list[tuple[str, tuple[str, ...]]]] = defaultdict(list)
    for link in image.tree.links():
        resolution = image.tree.resolve(link.path)
        if resolution.end not in (None, "/"):
            others[str(resolution.end)].append((link.path, resolution.way))

    def follow(added: Sequence[str], kept: Kept) -> Iterator[Finding]:
        for end in added:
            for link, components in others.get(end, ()):
                if link not in kept:
                    yield Finding(link, Reason(RULE, f"another name for {end}", end))
                    yield from leading(components, link)

    return follow if others else None


ANALYZER = FunctionAnalyzer("link", EVERY_POLICY, {RULE: Evidence.STRUCTURAL}, follower=links)
