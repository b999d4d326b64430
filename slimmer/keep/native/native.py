"""Follow native code: its libraries, and the system's data that its imports call for.

One follower for all of these, so that each ELF file is read once. What is kept only as a filling (of a hollow folder, of a
directory that was listed for its names) is not followed: nothing says that it is ever used, and the libraries of a whole
/usr/bin would be much. It is followed as soon as another rule has a use for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from slimmer.keep.analyzer import BEYOND_OBSERVED, Follow, FunctionAnalyzer, Kept
from slimmer.keep.evidence import Evidence
from slimmer.keep.image_view import ImageView
from slimmer.keep.keepset import LEADS_TO, Finding
from slimmer.keep.native import certificates, elf, fonts, locales, name_service, time_zones
from slimmer.keep.native.code_reader import CodeReader
from slimmer.keep.native.library_search import LibrarySearch

_RULES = (
    elf.RULE,
    name_service.RULE,
    certificates.RULE,
    time_zones.RULE,
    locales.RULE,
    locales.CHARACTER_SETS,
    fonts.RULE,
)
_PHRASES = (*certificates.PHRASES, *name_service.PHRASES, *time_zones.PHRASES)


def native(image: ImageView) -> Follow:
    """Follow kept native code to all that it needs: libraries, name service, certificates, time zones, locales, character sets, fonts."""
    reader = CodeReader(image, _PHRASES, certificates.USERS)
    search = LibrarySearch(image)
    rules = (
        elf.libraries(image, reader, search),
        name_service.name_service(image, search),
        certificates.certificates(image),
        time_zones.time_zones(image),
        locales.locales(image),
        locales.character_sets(image),
        fonts.fonts(image),
    )
    waiting: dict[str, None] = {}

    def follow(added: Sequence[str], kept: Kept) -> Iterator[Finding]:
        waiting.update(dict.fromkeys(added))
        used = [path for path in waiting if _is_used(path, kept)]
        for path in (*used, *(path for path in added if _leads_on(path, kept))):
            waiting.pop(path, None)
        codes = tuple(reader.read(used).values())
        for rule in rules if used else ():
            yield from rule(codes, used, kept)

    return follow


def _is_used(path: str, kept: Kept) -> bool:
    return max(kept.evidence(path), default=Evidence.STRUCTURAL) >= Evidence.ENGINE


def _leads_on(path: str, kept: Kept) -> bool:
    """Return True for a directory or link on the way to something else, of which nothing more can come."""
    return all(reason.rule == LEADS_TO for reason in kept.reasons(path))


ANALYZER = FunctionAnalyzer("native", BEYOND_OBSERVED, dict.fromkeys(_RULES, Evidence.USED), follower=native)
