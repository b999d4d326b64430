"""Reads a Python source of any version, or a compiled module, for facts about other modules and files.

Python's own parser rejects the syntax of other versions; tree-sitter accepts all of them. A source with errors gives the facts of
the parts that can be parsed.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from slimmer.keep.language import Origin, Source
from slimmer.keep.languages.python.calls import read_calls
from slimmer.keep.languages.python.cython_strings import cython_strings
from slimmer.keep.languages.python.facts import LIST_LIMIT, Facts, Import
from slimmer.keep.languages.python.grammar import captures, parse, text
from slimmer.keep.languages.python.offers import read_offers
from slimmer.keep.languages.python.scopes import scopes_of
from slimmer.keep.languages.python.statements import read_imports
from slimmer.keep.languages.python.uses import read_uses
from slimmer.keep.languages.python.walks import read_walks

if TYPE_CHECKING:
    from tree_sitter import Node

EXTENSION = "extension"
"""The dialect of compiled modules."""

SOURCE_LIMIT = 1 << 20
"""The largest source that is parsed, in bytes. A larger one is data."""

BROKEN_LIMIT = 1 << 15
"""The most bytes of a source with syntax errors that are read. Errors make nodes so wide that queries take quadratic time."""

_STRINGS = "(string_content) @content"
_ATTRIBUTES = "(attribute) @attribute"
_EXPORTS = """
(module (expression_statement (assignment left: (identifier) @target right: [(list) (tuple)] @listed)))
(module (expression_statement (augmented_assignment left: (identifier) @target right: [(list) (tuple)] @listed)))
"""

_COOKIE = re.compile(rb"[ \t\f]{0,99}#[^\n]{0,200}?coding[:=][ \t]{0,9}([-\w.]{1,40})")
_DATA = re.compile(
    rb"__file__|importlib[._]resources|pkgutil|pkg_resources|__loader__|\.get_data\(|PackageLoader"
    rb"|(?<!getLogger)\(\s{0,9}__(?:name|package)__\s{0,9}[,)]|,\s{0,9}__(?:name|package)__\s{0,9}[,)]"
)
_IMPORTING = re.compile(rb"import|find_spec|__all__|entry_points|__getattr__")
"""A library's source without any of these words imports nothing: it is data, and is not parsed."""

_COMPUTED_ENCODING = re.compile(
    rb"\.(?:en|de)code\(\s{0,99}(?:encoding\s{0,9}=\s{0,9})?(?!encoding\b|errors\b|\w{0,2}['\"])\w|[(,]\s{0,99}encoding\s{0,9}=\s{0,9}(?!None\b|\w{0,2}['\"])\w"
    rb"|codecs\.(?:lookup|getreader|getwriter|getdecoder|getencoder)\(\s{0,99}(?!\w{0,2}['\"])\w"
)
"""Calls with an encoding that is not a literal."""

_CHARSET = re.compile(rb"""['"]charset=?['"]|get_content_charset""")
"""How sources ask for the parameter of mail and HTTP that names an encoding. A library that asks for it and decodes by a computed name
gets the name from outside."""

_DECODING = re.compile(
    rb"\.decode\(\s{0,99}(?:encoding\s{0,9}=\s{0,9})?(?!errors\b|\w{0,2}['\"])\w|\bstr\([\w.]{1,80},\s{0,9}(?:encoding\s{0,9}=\s{0,9})?(?!errors\b)\w"
    rb"|codecs\.(?:lookup|decode|getreader|getdecoder|getincrementaldecoder)\(\s{0,99}(?!\w{0,2}['\"])\w"
)

_OPENING = re.compile(rb"\bCDLL|find_library|dlopen|LoadLibrary")
"""Calls that open native libraries: ctypes, and cffi's `ffi.dlopen`."""

_LIBRARY_STRING = re.compile(
    rb"""['"](lib[\w.+-]{1,80}\.so(?:\.[0-9]{1,6}){0,3})['"]|(?:\bCDLL|find_library|dlopen|LoadLibrary)\(\s{0,20}['"]([\w.+-]{1,80})['"]"""
)
_STUB = b"attach_stub("
"""How a package asks lazy_loader to take its attributes from the stub beside it."""

_WORD = re.compile(r"[\w.:/+@-]{2,200}")
_DOTTED_STRING = re.compile(rb"""['"]([A-Za-z_]\w{0,79}(?:\.\w{1,80}){2,8})['":]""")
_SCRIPT_STRING = re.compile(rb"""['"]([\w{}%.-]{1,80}\.py)['"]""")
_CHAIN = re.compile(r"\w{1,80}(?:\.\w{1,80}){1,5}")
_NAME = re.compile(r"[A-Za-z_]\w{1,79}(?:\.\w{1,80}){0,9}", re.ASCII)
_IN_ALL_OF_CYTHON = "asyncio.coroutines"
"""A module that each of Cython's modules names. They import it only if asyncio has loaded it before."""

_NAME_IN_EXTENSION = re.compile(rb"\0([A-Za-z_]\w{1,79}(?:\.\w{1,80}){0,9})(?=\0)")


def read(source: Source) -> Facts:
    """Return the facts of a source or a compiled module. An app's source is read for everything that it names."""
    if source.dialect == EXTENSION:
        return _read_extension(source.content)
    return _read_source(source.content, source.origin)


def _read_source(content: bytes, origin: Origin) -> Facts:
    is_app = origin is Origin.APP
    source = _utf8(content) if len(content) <= SOURCE_LIMIT else b"\0"
    if b"\0" in source:
        return Facts()  # Python rejects a source with a zero byte
    if not is_app and not _IMPORTING.search(source):
        return Facts(words=_dotted_strings(source), reads_data=_DATA.search(source) is not None)
    source, root = _parsed(source)
    scopes = scopes_of(source, root)
    imports = tuple(read_imports(source, scopes))
    calls = read_calls(source, scopes, commands=is_app)
    groups = b"entry_points" in source
    words = _words(root) if is_app or groups else ()
    is_stdlib = origin is Origin.STDLIB
    return Facts(
        imports=imports,
        dynamic=calls.dynamic[:LIST_LIMIT],
        words=words if is_app else _dotted_strings(source),
        attributes=_attributes(root, imports) if is_app else (),
        groups=words if groups else (),
        exports=_exports(root) if b"__all__" in source else (),
        commands=calls.commands[:LIST_LIMIT],
        reads_data=_DATA.search(source) is not None,
        lazy=b"def __getattr__(" in source,
        walks=read_walks(source, root, is_app=is_app),
        any_encoding=_is_by_any_name(source, is_app=is_app),
        libraries=_libraries(source),
        offers=() if is_stdlib else read_offers(source, root, scopes),
        uses=() if is_stdlib else read_uses(source, root, scopes),
        stub=_STUB in source,
    )


def _libraries(source: bytes) -> tuple[str, ...]:
    """Return the names of native libraries that a source opens: file names, and short names as find_library takes them."""
    if not _OPENING.search(source):
        return ()
    found = dict.fromkeys((match[1] or match[2]).decode() for match in _LIBRARY_STRING.finditer(source))
    return tuple(found)[:LIST_LIMIT]


def _is_by_any_name(source: bytes, *, is_app: bool) -> bool:
    """Return True if a source encodes or decodes by a name that is not in it.

    In an app's source, this is any computed name; in a library's, one that comes from outside.
    """
    if is_app:
        return _COMPUTED_ENCODING.search(source) is not None
    return _CHARSET.search(source) is not None and _DECODING.search(source) is not None


def _read_extension(content: bytes) -> Facts:
    """Return the names in a compiled module. Compiled code (such as Cython's) has no other list of its imports."""
    names = dict.fromkeys(match[1].decode() for match in _NAME_IN_EXTENSION.finditer(content))
    names |= dict.fromkeys(text for text in cython_strings(content) if _NAME.fullmatch(text))
    names.pop(_IN_ALL_OF_CYTHON, None)
    return Facts(words=tuple(names)[:LIST_LIMIT])


def _parsed(source: bytes) -> tuple[bytes, Node]:
    """Return the part of a source that is read, and the root of its tree."""
    root = parse(source)
    if root.has_error and len(source) > BROKEN_LIMIT:
        source = source[:BROKEN_LIMIT]
        root = parse(source)
    return source, root


def _utf8(content: bytes) -> bytes:
    """Return the source in UTF-8, as tree-sitter needs it. One of the first two lines may declare another encoding (PEP 263)."""
    for line in content[:1000].split(b"\n")[:2]:
        if match := _COOKIE.match(line):
            name = match[1].decode("ascii", "replace")
            try:
                if codecs.lookup(name).name not in ("utf-8", "ascii"):
                    return content.decode(name, "replace").encode(errors="replace")
            except (LookupError, ValueError, TypeError):
                return content  # there is no such encoding, or it is not for text
    return content


def _words(root: Node) -> tuple[str, ...]:
    found = dict.fromkeys(text(node) for node in captures(_STRINGS, root).get("content", ()) if _is_short(node))
    return tuple(word for word in found if _WORD.fullmatch(word))[:LIST_LIMIT]


def _dotted_strings(source: bytes) -> tuple[str, ...]:
    """Return strings of three parts or more, which are how libraries name their own modules and classes, and names of scripts.

    Needs no tree.
    """
    found = dict.fromkeys(match[1].decode(errors="replace") for match in _DOTTED_STRING.finditer(source))
    found |= dict.fromkeys(match[1].decode(errors="replace") for match in _SCRIPT_STRING.finditer(source))
    return tuple(found)[:LIST_LIMIT]


def _is_short(node: Node) -> bool:
    return node.end_byte - node.start_byte <= 200


def _attributes(root: Node, imports: Sequence[Import]) -> tuple[str, ...]:
    """Return dotted names that begin with the first part of an imported module: `a.b.c` after `import a`."""
    starts = {entry.module.split(".")[0] for entry in imports if not entry.names}
    chains = (text(node) for node in captures(_ATTRIBUTES, root).get("attribute", ()) if _is_short(node))
    found = dict.fromkeys(chain for chain in chains if chain.split(".")[0] in starts and _CHAIN.fullmatch(chain))
    return tuple(found)[:LIST_LIMIT]


def _exports(root: Node) -> tuple[str, ...]:
    """Return the strings of `__all__ = […]`."""
    found = captures(_EXPORTS, root)
    names: list[str] = []
    for target, listed in zip(found.get("target", ()), found.get("listed", ()), strict=False):
        if text(target) == "__all__":
            names += [text(node) for node in captures(_STRINGS, listed).get("content", ())]
    return tuple(dict.fromkeys(names))[:LIST_LIMIT]
