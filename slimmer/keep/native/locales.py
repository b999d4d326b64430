"""Keep the locale that the image's environment chooses, and character sets for code that converts between them.

Locales: if code calls setlocale, the locales of LANG and LC_… in the image's environment stay. If a file of a locale was read, that
locale stays with all its categories. No others stay: a process uses one locale, and nothing shows which one it may choose at run time.

Character sets: glibc has 250 modules (8 MB). Nearly every shell and C++ program imports iconv_open without converting anything, so
the import alone keeps the index and the modules that glibc treats as its main ones (170 kB). A plug-in that imports iconv_open
(PHP's, for example), a program of no package, which the image's author built, or a module that the run loaded shows that the app does
convert. Then the modules for encodings that mail, files
and pages still use stay as well, as listed in the WHATWG Encoding Standard (2 MB).

Sources: setlocale(3), locale(7), glibc, locale/findlocale.c, iconvdata/gconv-modules and gconv-modules-extra.conf; iconv_open(3).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence

from slimmer.image.tree import Tree
from slimmer.keep.analyzer import Kept
from slimmer.keep.core.observed import was_observed
from slimmer.keep.image_view import ImageView, parent, reach
from slimmer.keep.keepset import Finding, Reason
from slimmer.keep.native.code_reader import Code, CodeFollow

RULE = "locales"
CHARACTER_SETS = "character-sets"
LOCALES = "/usr/lib/locale"
ARCHIVE = LOCALES + "/locale-archive"
ARCHIVE_BYTES = 16 << 20
"""The largest archive that stays because a script names a locale in it. One of all locales has over 200 MB."""

_ALIASES = "/usr/share/locale/locale.alias"
_CHOOSERS = frozenset(("setlocale", "newlocale"))
_NAME = re.compile(r"[\w@.-]{1,64}", re.ASCII)

_INDEX = ("gconv-modules", "gconv-modules.cache", "gconv-modules.d")
_CONVERTERS = frozenset(("iconv_open", "libiconv_open"))
_BYSTANDERS = ("libstdc++.", "libidn2.", "libunistring.", "libc.")
_MAIN = frozenset(("ANSI_X3.110", "CP1252", "ISO8859-1", "ISO8859-15", "UNICODE", "UTF-16", "UTF-32", "UTF-7"))
_LISTED_SETS = (
    "IBM866 KOI8-R KOI8-U KOI8-RU MACINTOSH MAC-CYRILLIC MAC-UK GBK GB18030 EUC-CN BIG5 BIG5HKSCS EUC-JP EUC-JP-MS SJIS CP932"
    " ISO-2022-JP EUC-KR UHC TIS-620 CP874 CP1250 CP1251 CP1253 CP1254 CP1255 CP1256 CP1257 CP1258 ISO8859-2 ISO8859-3"
    " ISO8859-4 ISO8859-5 ISO8859-6 ISO8859-7 ISO8859-8 ISO8859-9 ISO8859-9E ISO8859-10 ISO8859-11 ISO8859-13 ISO8859-14 ISO8859-16"
)
_LISTED = _MAIN.union(_LISTED_SETS.split())


def locales(image: ImageView) -> CodeFollow:
    """Keep the environment's locales for code that calls setlocale, and locales that were read."""
    return _Locales(image).follow


class _Locales:
    def __init__(self, image: ImageView) -> None:
        self._image, self._tree = image, image.tree
        self._names = frozenset(_chosen(image.env))
        self._whole: set[str] = set()
        self._answered = not self._names

    def follow(self, codes: Sequence[Code], added: Sequence[str], kept: Kept) -> Iterator[Finding]:
        """Yield the environment's locales once, because of the first code that chooses a locale, and each locale that was read."""
        chooser = next((code for code in codes if not code.elf.imports.isdisjoint(_CHOOSERS)), None)
        if chooser is not None and not self._answered:
            self._answered = True
            yield from self._environment(Reason(RULE, f"the environment's locale, for {chooser.path}", chooser.path))
        for path in added:
            if path.startswith(LOCALES + "/") and path not in self._whole:
                yield from self._locale(path, kept)

    def _environment(self, reason: Reason) -> Iterator[Finding]:
        found = [path for name in sorted(self._names) if (path := posixpath.join(LOCALES, name)) in self._tree]
        for path in found:
            yield from reach(self._tree, path, reason)
            yield from self._categories(path, reason)
        for path in (ARCHIVE, _ALIASES) if not found else ():
            yield from reach(self._tree, path, reason)

    def _locale(self, path: str, kept: Kept) -> Iterator[Finding]:
        """Yield the rest of a locale if the app read this file of it."""
        entry = self._tree.get(path)
        if entry is None or not entry.is_file or not was_observed(path, kept):
            return
        top = posixpath.join(LOCALES, path.removeprefix(LOCALES + "/").partition("/")[0])
        if top != path:
            yield from self._categories(top, Reason(RULE, f"{path} was read", path))

    def _categories(self, folder: str, reason: Reason) -> Iterator[Finding]:
        if folder in self._whole:
            return
        self._whole.add(folder)
        for entry in self._tree.below(folder):
            self._whole.add(entry.path)
            yield Finding(entry.path, reason)


def named_locale(tree: Tree, name: str, reason: Reason) -> Iterator[Finding]:
    """Yield findings for the locale with a name, as LANG may hold it; for the archive of all locales if there is no folder of its own."""
    names = list(_spellings(name))
    folders = [path for one in names if (path := posixpath.join(LOCALES, one)) in tree]
    archive = tree.get(ARCHIVE)
    is_in_archive = bool(names) and not name.startswith("C.") and archive is not None and archive.size <= ARCHIVE_BYTES
    for path in folders or ((ARCHIVE, _ALIASES) if is_in_archive else ()):
        yield from reach(tree, path, reason)
        yield from (Finding(entry.path, reason) for entry in tree.below(path))


def _chosen(env: Mapping[str, str]) -> Iterator[str]:
    """Yield the names of folders that may hold the environment's locales."""
    for name, value in env.items():
        if name == "LANG" or name.startswith("LC_"):
            yield from _spellings(value)


def _spellings(value: str) -> Iterator[str]:
    """Yield the names of folders that may hold a locale: "de_DE.UTF-8" may also be in de_DE.utf8."""
    if _NAME.fullmatch(value) and value not in ("C", "POSIX", ".", ".."):
        language, dot, rest = value.partition(".")
        codeset, at, modifier = rest.partition("@")
        plain = re.sub(r"[^a-z0-9]", "", codeset.lower())
        yield from (value, f"{language}{dot}{plain}{at}{modifier}", language)


def character_sets(image: ImageView) -> CodeFollow:
    """Keep gconv's index, and the modules that code in use may ask for."""
    return _CharacterSets(image).follow


class _CharacterSets:
    def __init__(self, image: ImageView) -> None:
        self._image, self._tree = image, image.tree
        self._kept: frozenset[str] = frozenset()

    def follow(self, codes: Sequence[Code], added: Sequence[str], kept: Kept) -> Iterator[Finding]:
        """Yield the main sets first, and the listed ones as soon as there is a reason for them."""
        if self._kept == _LISTED:
            return
        for modules, reason in self._reasons(codes, added, kept):
            if not modules <= self._kept:
                self._kept = modules
                for folder in self._folders():
                    yield from self._modules(folder, modules, reason)

    def _reasons(
        self, codes: Sequence[Code], added: Sequence[str], kept: Kept
    ) -> Iterator[tuple[frozenset[str], Reason]]:
        for code in codes:
            elf = code.elf
            if not elf.imports.isdisjoint(_CONVERTERS) and not elf.soname.startswith(_BYSTANDERS):
                modules = _LISTED if elf.is_named_as_plugin or self._is_own(code) else _MAIN
                yield modules, Reason(CHARACTER_SETS, f"{code.path} calls iconv_open", code.path)
        for path in added:
            if path.endswith(".so") and posixpath.basename(parent(path)) == "gconv" and was_observed(path, kept):
                yield _LISTED, Reason(CHARACTER_SETS, f"{path} was loaded", path)

    def _is_own(self, code: Code) -> bool:
        return code.elf.is_program and not self._image.packages.owners((code.path,))[code.path]

    def _folders(self) -> Iterator[str]:
        """Yield the folders of gconv. They are in the folder of the C library, which differs between distributions."""
        for library in ("/usr/lib", "/usr/lib64"):
            end = self._image.end(library)
            if end is not None:
                folders = [end.path, *(entry.path for entry in self._tree.children(end.path) if entry.is_directory)]
                yield from (path for folder in folders if (path := posixpath.join(folder, "gconv")) in self._tree)

    def _modules(self, folder: str, modules: frozenset[str], reason: Reason) -> Iterator[Finding]:
        for entry in self._tree.children(folder):
            name = posixpath.basename(entry.path)
            if name in _INDEX or name.removesuffix(".so") in modules:
                yield Finding(entry.path, reason)
            if name in _INDEX and entry.is_directory:
                yield from (Finding(part.path, reason) for part in self._tree.children(entry.path))
