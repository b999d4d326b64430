"""Names in the strings of the app's own code: modules, encodings, files and commands that it may ask for later."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from slimmer.image.tree import Tree
from slimmer.keep.languages.python.search import APP, STDLIB, Finder

COMMON_ENCODINGS = (
    "aliases", "ascii", "base64_codec", "cp1252", "cp437", "hex_codec", "idna", "latin_1", "punycode", "raw_unicode_escape",
    "unicode_escape", "utf_16", "utf_16_be", "utf_16_le", "utf_32", "utf_7", "utf_8", "utf_8_sig",
)  # fmt: skip
"""Encodings that protocols and file formats ask for, whatever the app says: about 100 kB."""

LISTED_ENCODINGS = (
    "big5", "big5hkscs", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "cp866", "cp874", "cp932", "cp949",
    "euc_jp", "euc_kr", "gb18030", "gb2312", "gbk", "hz", "iso2022_jp", "iso8859_10", "iso8859_11", "iso8859_13", "iso8859_14", "iso8859_15",
    "iso8859_16", "iso8859_2", "iso8859_3", "iso8859_4", "iso8859_5", "iso8859_6", "iso8859_7", "iso8859_8", "iso8859_9", "koi8_r", "koi8_u",
    "mac_cyrillic", "mac_roman", "shift_jis", "tis_620",
)  # fmt: skip
"""What text still comes in, for an app that takes an encoding's name from elsewhere: the WHATWG Encoding Standard's list, 1.5 MB."""

FILES_LIMIT = 20_000
"""Files of the app among which its strings are looked up."""

_DOTTED = re.compile(r"\w{1,80}(?:\.\w{1,80}){1,19}")
_REFERENCE = re.compile(r"(\w{1,80}(?:\.\w{1,80}){0,19}):[\w.]{1,100}")
_ALIAS = re.compile(rb"'([\w.-]{1,60})'\s{0,20}:\s{0,20}'(\w{1,60})'")
_SCHEME = re.compile(r"(\w{1,40})(?:\+(\w{1,40}))?://?\S{0,200}")
_SKIPPED = ("node_modules", ".git", "__pycache__", ".venv", "venv")


def module_names(finder: Finder, words: Iterable[str]) -> Iterator[str]:
    """Modules that dotted strings name, with or without an attribute behind: "a.b", "a.b.Class", "a.b:attribute".

    One part alone is a module's name only when the module is the app's own: too many words are names of modules.
    """
    for word in words:
        reference = _REFERENCE.fullmatch(word)
        name = reference[1] if reference else word
        if not reference and not _DOTTED.fullmatch(word):
            if word.isidentifier() and (module := finder.find(word)) and module.root.kind == APP:
                yield word
            continue
        found = list(finder.way(name))
        if found and (reference or len(found) > 1 or found[0].root.kind != STDLIB):
            yield found[-1].name


def encoding_names(words: Iterable[str], aliases: bytes) -> Iterator[str]:
    """Modules of the package `encodings` that these words may ask for (encodings.normalize_encoding, then its aliases)."""
    known = {match[1].decode(): match[2].decode() for match in _ALIAS.finditer(aliases)}
    for word in words:
        name = re.sub(r"[^\w.]+", "_", word).lower()
        yield known.get(name) or known.get(name.replace(".", "_")) or name


def schemes(words: Iterable[str]) -> Iterator[str]:
    """What stands before "://", in parts: drivers and dialects of databases are chosen by it."""
    for word in words:
        if match := _SCHEME.fullmatch(word):
            yield from (part for part in match.groups() if part)


def named_files(tree: Tree, finder: Finder, words: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Files of the app that end like one of the words ("page.html", "data/rates.json"): path and word."""
    wanted = {word.lstrip("./"): word for word in words if "." in word.rpartition("/")[2].strip(".")}
    if not wanted:
        return
    for path in _app_files(tree, finder):
        end = path
        while end:
            end = end.partition("/")[2]
            if end in wanted:
                yield path, wanted[end]
                break


def _app_files(tree: Tree, finder: Finder) -> Iterator[str]:
    left = FILES_LIMIT
    pending = [root.path for root in finder.roots if root.kind == APP]
    libraries = {root.path for root in finder.roots if root.kind != APP}
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
