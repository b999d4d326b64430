"""Keep the interpreters of kept scripts: the program in the first line, and the one that env(1) finds. Source: execve(2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from slimmer.keep.analyzer import BEYOND_OBSERVED, Follow, FunctionAnalyzer, Kept
from slimmer.keep.core.own_layers import RECORD_RULE
from slimmer.keep.evidence import Evidence
from slimmer.keep.first_lines import is_sample
from slimmer.keep.image_view import ImageView, reach
from slimmer.keep.keepset import Finding, Reason

RULE = "interpreter"


def interpreters(image: ImageView) -> Follow:
    """Keep the interpreter of each executable file that begins with `#!`.

    Nothing runs samples (`pre-push.sample`) as they are, and only a package manager runs the scripts among its records.
    """

    def follow(added: Sequence[str], kept: Kept) -> Iterator[Finding]:
        scripts = [path for path in added if not is_sample(path) and kept.evidence(path, besides=RECORD_RULE)]
        for path, names in image.first_lines.programs(scripts).items():
            reason = Reason(RULE, f"runs {path}", path)
            for name in names:
                for place in (name,) if "/" in name else image.which_all(name):
                    yield from reach(image.tree, place, reason)

    return follow


ANALYZER = FunctionAnalyzer("interpreter", BEYOND_OBSERVED, {RULE: Evidence.USED}, follower=interpreters)
