"""Follow native code: its libraries, and the system's data that its imports call for.

One follower does all of this, so that each ELF file is read once. A file that is kept only to fill a directory, or because its
directory was listed, is not followed: nothing shows that it is used, and the libraries of a whole /usr/bin are large. It is
followed as soon as another rule keeps it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from slimmer.keep.analyzer import BEYOND_OBSERVED, Follow, FunctionAnalyzer, Kept
from slimmer.keep.evidence import Evidence, reaches
from slimmer.keep.image_view import ImageView
from slimmer.keep.keepset import LEADS_TO, Finding
from slimmer.keep.native import (
    certificates,
    elf,
    fonts,
    locales,
    name_service,
    pam,
    plugin_folders,
    programs,
    time_zones,
)
from slimmer.keep.native.code_reader import CodeReader
from slimmer.keep.native.library_needs import opened_objects
from slimmer.keep.native.library_search import LibrarySearch

_RULES = (
    elf.RULE,
    name_service.RULE,
    certificates.RULE,
    time_zones.RULE,
    locales.RULE,
    locales.CHARACTER_SETS,
    fonts.RULE,
    pam.RULE,
    programs.RULE,
    plugin_folders.RULE,
)
_PHRASES = (*certificates.PHRASES, *name_service.PHRASES, *time_zones.PHRASES, *fonts.PHRASES)


def native(image: ImageView) -> Follow:
    """Follow kept native code to what it needs: libraries, name service, certificates, time zones, locales, character sets, fonts, logins, programs."""
    reader = CodeReader(image, _PHRASES, certificates.USERS)
    search, opened = LibrarySearch(image), opened_objects(image)
    rules = (
        elf.libraries(image, reader, search, opened),
        name_service.name_service(image, search),
        certificates.certificates(image),
        time_zones.time_zones(image),
        locales.locales(image),
        locales.character_sets(image),
        fonts.fonts(image),
        pam.logins(image, search),
        programs.programs(image),
        plugin_folders.named_folders(image, reader, search, opened),
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
    return reaches(kept.evidence(path), Evidence.ENGINE)


def _leads_on(path: str, kept: Kept) -> bool:
    """Return True if a path is kept only because it leads to another one. Then there is nothing to follow."""
    return all(reason.rule == LEADS_TO for reason in kept.reasons(path))


_EVIDENCE = {**dict.fromkeys(_RULES, Evidence.USED), pam.HOME: Evidence.LISTED}

ANALYZER = FunctionAnalyzer("native", BEYOND_OBSERVED, _EVIDENCE, follower=native)
