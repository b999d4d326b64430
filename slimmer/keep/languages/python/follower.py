"""Keep what the Python code of an image can reach, though no probe reached it.

How deep a module is followed depends on whose it is and how it is reached:

- the app's own code (outside the library and the folders of packages, or installed from a local folder): every import
  anywhere in it, and what its strings name;
- what the app or the run imports: what importing it loads, and what its functions import, as far as that is its own
  distribution, the standard library, or a small distribution of another's;
- what only functions of the standard library import: what importing it loads.

Code that is kept only as filler (listed, not hollow, a link) is followed where it is the app's, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from slimmer.keep.analyzer import Follow, Kept
from slimmer.keep.evidence import Evidence
from slimmer.keep.image_view import ImageView
from slimmer.keep.keepset import Finding
from slimmer.keep.languages.python.closure import Reach
from slimmer.keep.languages.python.environment import finders
from slimmer.keep.languages.python.search import installations
from slimmer.keep.languages.python.source_store import Sources

_CODE = (".py", ".pyc", ".so")


def python(image: ImageView) -> Follow:
    """Follows Python modules; see the module. Begins when a Python's library is among what is kept."""
    sources = Sources(image)
    reached: dict[str, Reach] = {}
    seen: list[str] = []

    def follow(fresh: Sequence[str], kept: Kept) -> Iterator[Finding]:
        code = [path for path in fresh if path.endswith(_CODE) or path.endswith("/pyvenv.cfg")]
        found = [entry for entry in installations(fresh) if entry.stdlib not in reached]
        seen.extend(code)
        if found:
            used = [path for path in seen if _is_used(kept, path)]
            for entry, finder in zip(found, finders(image, found, used), strict=True):
                reached[entry.stdlib] = Reach(image, finder, sources)
        for reach in reached.values():
            yield from reach.follow(seen if found else code, lambda path: _is_used(kept, path))

    return follow


def _is_used(kept: Kept, path: str) -> bool:
    return max(kept.evidence(path), default=Evidence.STRUCTURAL) >= Evidence.SEEN
