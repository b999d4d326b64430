"""Lua as a language: the interpreters, and nginx with its module for Lua (OpenResty, Kong)."""

from __future__ import annotations

import posixpath
import re

from slimmer.keep.language import Language
from slimmer.keep.languages.lua.reader import Facts, read
from slimmer.keep.languages.lua.resolver import LuaResolver


def _sources(opened: frozenset[str]) -> frozenset[str]:
    """Lua's own, and what may be a script or a configuration of nginx. nginx with Lua opens a `.lua` file whenever it starts."""
    found = frozenset(path for path in opened if posixpath.splitext(path)[1] in (".lua", ".conf", ""))
    kinds = {posixpath.splitext(path)[1] for path in found}
    return found if ".lua" in kinds or ".conf" not in kinds else frozenset()


LUA = Language(
    id="lua",
    version=3,
    facts_type=Facts,
    read=read,
    programs=re.compile(r"(?:tex)?lua(?:jit|tex)?[0-9.-]{0,9}(?:beta[0-9])?|nginx|openresty|tarantool"),
    sources=_sources,
    resolver=LuaResolver,
    suffixes=frozenset((".lua",)),
    compiled_suffixes=frozenset((".luac", ".ljbc")),
    dependency_folders=frozenset(("lua_modules",)),
    manifests=frozenset(("luarocks.lock",)),
    extension_folders=r"lua|lualib",
)
