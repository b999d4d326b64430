"""Finds the Lua in a configuration of nginx (https://github.com/openresty/lua-nginx-module#directives). Pure.

A block ends with the brace that belongs to its first one: braces in texts and comments of Lua do not count.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_DIRECTIVE = re.compile(
    rb"(?<![\w$])(?:(?P<kind>[a-z_]{1,40}_by_lua(?:_block|_file)?)|lua_package_c?path)\s{1,20}(?:\$\w{1,80}\s{1,20})?"
)
_COMMENT = re.compile(rb"(?:^|\s)#[^\n]{0,500}$")
_TEXT = re.compile(
    rb"\"(?P<double>(?:[^\"\\]|\\.)*+)\"?|'(?P<single>(?:[^'\\]|\\.)*+)'?|(?P<bare>[^;\s{}]{1,1024})", re.DOTALL
)
_TOKEN = re.compile(
    rb"\"(?:[^\"\\\n]|\\.)*+\"?|'(?:[^'\\\n]|\\.)*+'?|(?:--)?\[(?P<level>=*+)\[|--[^\n]*+|[{}]", re.DOTALL
)
_ESCAPED = re.compile(rb"\\([\"'\\])")
_VARIABLE = re.compile(rb"\$(?:\w{1,80}|\{\w{1,80}\})")


@dataclass(frozen=True, slots=True)
class Configuration:
    """The Lua code of a configuration, the files that run as Lua, and its load paths. A NUL stands for a variable of nginx."""

    code: bytes
    files: tuple[str, ...]
    paths: tuple[str, ...]


def configuration(content: bytes) -> Configuration:
    """What a configuration says. Its pieces of code lie one after the other."""
    code: list[bytes] = []
    files: list[str] = []
    paths: list[str] = []
    end = 0
    while (directive := _DIRECTIVE.search(content, end)) is not None:
        is_comment = _COMMENT.search(content[max(end, directive.start() - 500) : directive.start()]) is not None
        kind, end = directive["kind"] or b"", directive.end()
        if is_comment:
            continue
        if kind.endswith(b"_block"):
            start, end = end, _end_of_block(content, end)
            code.append(content[start:end].strip().removeprefix(b"{").removesuffix(b"}"))
        elif (text := _TEXT.match(content, end)) is not None:
            end = text.end()
            said = _ESCAPED.sub(rb"\1", text["double"] or text["single"] or text["bare"] or b"")
            if kind and not kind.endswith(b"_file"):
                code.append(said)
            else:
                known = _VARIABLE.sub(b"\0", said[:4096]).decode(errors="surrogateescape")
                (files if kind else paths).append(known)
    return Configuration(b"".join(b"do\n%s\nend\n" % piece for piece in code), tuple(files), tuple(paths))


def _end_of_block(content: bytes, start: int) -> int:
    depth = 0
    for token, end in _tokens(content, start):
        depth += {b"{": 1, b"}": -1}.get(token, 0)
        if depth <= 0:
            return end
    return len(content)


def _tokens(content: bytes, start: int) -> Iterator[tuple[bytes, int]]:
    """Braces, texts and comments of Lua, and where each ends."""
    while (token := _TOKEN.search(content, start)) is not None:
        start = token.end()
        if token["level"] is not None:
            close = b"]%s]" % token["level"]
            start = content.find(close, start)
            if start < 0:
                return
            start += len(close)
        yield token[0], start
