"""Finds the modules, encodings, database drivers and files that strings in the app's own code may name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from slimmer.image.tree import Tree
from slimmer.keep.language import Origin
from slimmer.keep.languages.python.finder import Finder

COMMON_ENCODINGS = (
    "aliases", "ascii", "base64_codec", "cp1252", "cp437", "hex_codec", "idna", "latin_1", "punycode", "raw_unicode_escape",
    "unicode_escape", "utf_16", "utf_16_be", "utf_16_le", "utf_32", "utf_7", "utf_8", "utf_8_sig",
)  # fmt: skip
"""Encodings that protocols and file formats need in any app: about 100 kB."""

LISTED_ENCODINGS = (
    "big5", "big5hkscs", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "cp866", "cp874", "cp932", "cp949",
    "euc_jp", "euc_kr", "gb18030", "gb2312", "gbk", "hz", "iso2022_jp", "iso8859_10", "iso8859_11", "iso8859_13", "iso8859_14", "iso8859_15",
    "iso8859_16", "iso8859_2", "iso8859_3", "iso8859_4", "iso8859_5", "iso8859_6", "iso8859_7", "iso8859_8", "iso8859_9", "koi8_r", "koi8_u",
    "mac_cyrillic", "mac_roman", "shift_jis", "tis_620",
)  # fmt: skip
"""Encodings that are still in use, for an app that gets an encoding's name from outside: 1.5 MB. Source: the WHATWG Encoding Standard."""

FILES_LIMIT = 20_000
"""The most files of the app that are compared with its strings."""

_DOTTED = re.compile(r"\w{1,80}(?:\.\w{1,80}){1,19}")
_REFERENCE = re.compile(r"(\w{1,80}(?:\.\w{1,80}){0,19}):[\w.]{1,100}")
_ALIAS = re.compile(rb"'([\w.-]{1,60})'\s{0,20}:\s{0,20}'(\w{1,60})'")
_SCHEME = re.compile(r"(\w{1,40})(?:\+(\w{1,40}))?://?\S{0,200}")
_SKIPPED = ("node_modules", ".git", "__pycache__", ".venv", "venv")


def module_names(finder: Finder, words: Iterable[str]) -> Iterator[str]:
    """Yield the modules that dotted strings name, with or without an attribute: "a.b", "a.b.Class", "a.b:attribute".

    A string of one part counts only if it is a module of the app, because too many words are also names of other modules.
    """
    for word in words:
        reference = _REFERENCE.fullmatch(word)
        name = reference[1] if reference else word
        if not reference and not _DOTTED.fullmatch(word):
            if word.isidentifier() and (module := finder.find(word)) and module.root.origin is Origin.APP:
                yield word
            continue
        found = list(finder.components(name))
        if found and (reference or len(found) > 1 or found[0].root.origin is not Origin.STDLIB):
            yield found[-1].name


def encoding_names(words: Iterable[str], aliases: bytes) -> Iterator[str]:
    """Yield names of modules in the package `encodings` that words may stand for: normalized, then looked up in the aliases.

    The modules need not exist.

    Source: encodings.normalize_encoding and encodings.search_function. `aliases` is the source of encodings.aliases.
    """
    known = {match[1].decode(): match[2].decode() for match in _ALIAS.finditer(aliases)}
    for word in words:
        name = re.sub(r"[^\w.]+", "_", word).lower()
        yield known.get(name) or known.get(name.replace(".", "_")) or name


def schemes(words: Iterable[str]) -> Iterator[str]:
    """Yield the parts of URL schemes ("postgresql+psycopg://"). They select drivers and dialects of databases."""
    for word in words:
        if match := _SCHEME.fullmatch(word):
            yield from (part for part in match.groups() if part)


def named_files(tree: Tree, finder: Finder, words: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the files of the app whose paths end in one of the words ("page.html", "data/rates.json"), each with the word."""
    wanted = {word.lstrip("./"): word for word in words if "." in word.rpartition("/")[2].strip(".")}
    if not wanted:
        return
    for path in _app_files(tree, finder):
        tail = path
        while tail:
            tail = tail.partition("/")[2]
            if tail in wanted:
                yield path, wanted[tail]
                break


def _app_files(tree: Tree, finder: Finder) -> Iterator[str]:
    """Yield the files below the app's roots, without those of libraries. Looks at FILES_LIMIT entries at most."""
    left = FILES_LIMIT
    pending = [root.path for root in finder.roots if root.origin is Origin.APP]
    libraries = {root.path for root in finder.roots if root.origin is not Origin.APP}
    while pending:
        for entry in tree.children(pending.pop()):
            left -= 1
            if left < 0:
                return
            if entry.is_directory:
                if entry.path not in libraries and entry.path.rpartition("/")[2] not in _SKIPPED:
                    pending.append(entry.path)
            elif entry.is_file:
                yield entry.path
