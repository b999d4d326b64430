"""Reads a Ruby source for what it loads and names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from slimmer.keep.language import Origin, Source
from slimmer.keep.languages.ruby.expressions import Ruby
from slimmer.keep.sources.named_paths import HOLE, Base, Mention
from slimmer.keep.sources.source_reader import LIMIT, Named, SourceReader
from slimmer.keep.sources.syntax import Found, Grammar, find, first_child, is_source, text

if TYPE_CHECKING:
    from tree_sitter import Node

_FUNCTIONS = frozenset(("method", "singleton_method", "lambda", "begin", "do_block", "block"))
_WANTED = frozenset(("call", "string", "string_array", "binary", "assignment", "subshell"))
_RUBY = Grammar("tree_sitter_ruby", _FUNCTIONS, _WANTED, frozenset(("comment", "simple_symbol", "heredoc_body")))
_LOADS = re.compile(rb"\b(?:require|load|autoload)|__dir__|__FILE__")
_STARTERS = frozenset(("system", "exec", "spawn", "popen", "popen2", "popen3", "capture2", "capture2e", "capture3"))
_OPENERS = re.compile(rb"%[wWiIqQrxs]?[^\w\s=]|<<[~-]?[\"'A-Z_a-z]")
_OPENED = 2000
"""The most literals that may nest in a source that is parsed. The parser's time grows with the square of their depth."""

_FOLDER = re.compile(r"[a-z][a-z0-9_]{1,40}(?:/[a-z][a-z0-9_]{1,40}){1,4}")
_WORDS = 400
"""The most characters of a list of words that are read: `%w(rails/commands commands)`."""

_TEXTS = re.compile(rb"(?<![a-z0-9_/.])([a-z][a-z0-9_]{1,40}(?:/[a-z][a-z0-9_]{1,40}){1,4})\0")
_ENCODINGS = re.compile(rb"\bencode\b|force_encoding|Encoding::|external_encoding|encoding:")


@dataclass(frozen=True, slots=True)
class ModuleRequest:
    """A file that a source loads. `how` is the method ("require", "require_relative", "load", "autoload" …).

    If `relative` is true, `name` is relative to the source's folder. If `how` is "own", a method of the source's own library loads it
    (`Shop.load_file "cart"`). For an autoload without a path, `how` is "constant" and `name` the
    name of the constant. If `how` is "folder", a text names what may be a folder of the
    library: frameworks look for their commands there by computed names.
    """

    how: str
    name: str
    relative: bool
    lazy: bool
    place: str = ""


@dataclass(frozen=True, slots=True)
class Facts(Named):
    """The facts of one source. `encodings` is true if it may ask for any character encoding.

    `autoloads` is true if Zeitwerk loads the constants of the source's own gem from the folder that has its name.
    """

    requests: tuple[ModuleRequest, ...] = ()
    encodings: bool = False
    autoloads: bool = False


def _read_extension(content: bytes) -> Facts:
    """Return the modules that compiled code may require: texts in it that look like the path of a file in a folder."""
    names = dict.fromkeys(match[1].decode("ascii") for match in _TEXTS.finditer(content))
    return Facts(requests=tuple(ModuleRequest("require", name, False, False) for name in list(names)[:LIMIT]))


def read(source: Source) -> Facts:
    """Return the facts of a source. For a library's source, these include only paths that start from its own folder."""
    content, whole = source.content, source.origin is Origin.APP
    if source.suffix == ".so":
        return _read_extension(content)
    if not is_source(content) or (not whole and not _LOADS.search(content)):
        return Facts()
    if len(_OPENERS.findall(content)) > _OPENED:
        return Facts()
    return _Reader(whole).read(find(_RUBY, content), whole and _ENCODINGS.search(content) is not None)


class _Reader(SourceReader[Ruby]):
    """Reads one Ruby source."""

    takers = frozenset(("argument_list", "pair"))

    def __init__(self, whole: bool) -> None:
        super().__init__(Ruby(), whole)
        self._requests: dict[ModuleRequest, None] = {}
        self._autoloads = False

    def read(self, nodes: Iterator[Found], encodings: bool) -> Facts:
        self.look_at(nodes)
        return Facts(tuple(self._mentions), tuple(self._commands), tuple(self._requests), encodings, self._autoloads)

    def _look(self, found: Found) -> None:
        node = found.node
        if node.type == "assignment":
            self._evaluator.define(node)
        elif node.type == "subshell":
            self._start(text(node)[1:-1], found)
            value = self._evaluator.value(node)
            if value.base is not Base.ANY and value.path.split():  # a program of the app, with arguments
                self._mentions[Mention(value.path.split()[0], value.base, True, found.place)] = None
        elif node.type != "call" or not self._is_request(found):
            self._mention(found)
            if not self._whole and node.type in ("string", "string_array"):
                for word in text(node, _WORDS).strip("\"'%wWiI()[]{}<>|").split():
                    if _FOLDER.fullmatch(word):
                        self._requests[ModuleRequest("folder", word, False, True, found.place)] = None

    def _is_request(self, found: Found) -> bool:
        """Return True if a call loads a file. Notes the file, or a command that the call starts."""
        method = text(found.node.child_by_field_name("method"), 100)
        self._autoloads = self._autoloads or method in ("for_gem", "for_gem_extension")
        arguments = found.node.child_by_field_name("arguments")
        first = first_child(arguments)
        if first is None or arguments is None:
            return False
        if method in ("require", "require_relative", "load", "gem", "require_dependency"):
            self._request(method, first, found)
            return True
        if method == "autoload_at":
            self._request("autoload", first, found)
            return True
        if method.endswith("autoload"):  # also a method of the library that calls it (`register_autoload :A, "lib/a"`)
            second = arguments.named_child(1) if arguments.named_child_count > 1 else None
            if second is not None:
                self._request("autoload", second, found)
            elif first.type == "simple_symbol":
                self._requests[ModuleRequest("constant", text(first, 200).lstrip(":"), False, True, found.place)] = None
            return True
        if method.startswith(("load_", "require_")) and first.type == "string":
            value = self._evaluator.value(first)
            if value.path.strip(HOLE) and value.base is Base.ANY:
                self._requests[ModuleRequest("own", value.path, False, found.lazy, found.place)] = None
        if method in _STARTERS:
            self._start(self._command(first), found)
        return False

    def _command(self, node: Node) -> str:
        """Return a command line, or the first of a list of words: `["sort", "-r"]`, `%w[sort -r]`."""
        first = first_child(node) if node.type in ("array", "string_array") else node
        if first is None:
            return ""
        return text(first, 200) if node.type == "string_array" else self._evaluator.value(first).path

    def _request(self, how: str, node: Node, found: Found) -> None:
        value = self._evaluator.value(node)
        if not value.path.strip(HOLE):
            return
        self._understand(node)
        relative = value.base is Base.FOLDER or how == "require_relative"
        if value.base is Base.WORKING:
            self._mentions[Mention(value.path, value.base, True, found.place)] = None
        lazy = found.lazy or how == "autoload"
        self._requests[ModuleRequest(how, value.path, relative, lazy, found.place)] = None
