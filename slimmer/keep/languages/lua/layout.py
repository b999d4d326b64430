"""Where Lua's interpreters look, and where installed modules lie.

The folders are those of luaconf.h (`LUA_PATH_DEFAULT`), of Debian's and Alpine's packages, and of OpenResty's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from slimmer.keep.image_view import ImageView
from slimmer.keep.sources.load_path import library_folders, searched

TREE = re.compile(r"(?P<root>(?P<tree>/[^\0]{0,400}?)/(?:share|lib|lib/[\w.-]{1,80})/lua/(?P<version>5\.\d))/")
"""A folder of modules in a tree, as LuaRocks lays them out: /usr/local/share/lua/5.1/."""

PREFIXES = ("/usr/local/openresty/nginx", "/usr/local/kong", "/usr/share/nginx", "/etc/nginx")
"""Folders to which nginx's usual builds take paths to be relative."""

_INTERPRETER = re.compile(r".*/(?:tex)?lua(5\.\d)")
_LIBRARY = re.compile(r"/lua/5\.\d/|/lualib/|/lua_modules/|/\.luarocks/")
_ALWAYS_LOADED = ("resty/core.lua", "socket.lua", "cjson.so", "lfs.so")


def is_library(path: str) -> bool:
    """Return True if a source lies where packages are installed."""
    return _LIBRARY.search(path) is not None


def package(name: str) -> str:
    """The package of a module: that of resty/core/base is resty/core, since packages share the name resty."""
    parts = name.split("/")
    return "/".join(parts[:2] if parts[0] == "resty" else parts[:1])


def module_folders(image: ImageView) -> Iterator[str]:
    """Where interpreters were seen to look, and where those of the versions in use look by default."""
    yield from searched(image.log, _ALWAYS_LOADED)
    versions: dict[str, None] = {}
    for access in image.log.accesses:
        if (tree := TREE.match(access.asked)) is not None:
            versions[tree["version"]] = None
            yield tree["root"]
        elif (interpreter := _INTERPRETER.match(access.executable or "")) is not None:
            versions[interpreter[1]] = None
    folders = [folder for folder in library_folders(image) if folder.startswith("/usr")]
    for version in versions or ("5.1",):  # LuaJIT, which nginx has, is 5.1
        for folder in ("/usr/local/share", *folders, "/usr/share"):
            yield f"{folder}/lua/{version}"
    yield from ("/usr/local/openresty/site/lualib", "/usr/local/openresty/lualib")
    yield from (entry.path for entry in image.tree.children("/usr/share") if "/luajit-" in entry.path)
