"""Follow native code: its libraries, and the system's data that its imports call for.

One follower for all of these, so that each ELF file is read once. Code that is kept only as a filling (a hollow folder, a
directory that was listed for its names) is not followed: nothing says that it is ever loaded, and the libraries of a whole
/usr/bin would be much. It is followed as soon as another rule has a use for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from slimmer.keep.context import Context, Follow, Kept
from slimmer.keep.keepset import Finding
from slimmer.keep.rules import certificates, locales, name_service, time_zones
from slimmer.keep.rules.code_reader import CodeReader
from slimmer.keep.rules.elf import libraries
from slimmer.keep.rules.library_search import LibrarySearch

FILLING = frozenset(("not-hollow", "listed", "link", "leads-to", "licence"))
"""Rules whose findings are there to be seen, not to be run."""

_PHRASES = (*certificates.PHRASES, *name_service.PHRASES, *time_zones.PHRASES)


def native(context: Context) -> Follow:
    """What kept native code leads to: libraries, name service, certificates, time zones, locales, character sets."""
    reader = CodeReader(context, _PHRASES, certificates.USERS)
    search = LibrarySearch(context)
    rules = (
        libraries(context, reader, search),
        name_service.name_service(context, search),
        certificates.certificates(context),
        time_zones.time_zones(context),
        locales.locales(context),
        locales.character_sets(context),
    )
    filling: dict[str, None] = {}

    def follow(fresh: Sequence[str], kept: Kept) -> Iterator[Finding]:
        filling.update(dict.fromkeys(path for path in fresh if reader.may_be_code(path)))
        used = [path for path in filling if _is_used(path, kept)]
        for path in used:
            del filling[path]
        codes = tuple(reader.read(used).values())
        for rule in rules:
            yield from rule(codes, fresh, kept)

    return follow


def _is_used(path: str, kept: Kept) -> bool:
    return any(reason.rule not in FILLING for reason in kept.reasons(path))
