"""Where .NET keeps frameworks, Mono's global assembly cache and settings."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from slimmer.image.tree import Tree
from slimmer.keep.languages.dotnet.reader import Dialect

SUFFIXES = (".dll", ".exe")
_DESCRIPTIONS = {".deps.json": Dialect.DEPENDENCIES, ".runtimeconfig.json": Dialect.RUNTIME}
_SETTINGS = (".dll.config", ".exe.config", "/machine.config", "/web.config", "/Web.config", "/mono/config")
_FRAMEWORK = re.compile(
    r"(?P<root>/.{0,400}?)/shared/[\w.-]{1,100}/[0-9][\w.+-]{0,60}|/.{0,400}/mono/(?:gac/.{1,300}|[0-9][\w.-]{0,20}(?:/Facades)?)"
)
VERSIONS = 20
"""The most versions of an assembly in Mono's cache that are looked at."""


def is_assembly(path: str) -> bool:
    """Return True if a file has the suffix of an assembly."""
    return path.lower().endswith(SUFFIXES)


def dialect(path: str) -> Dialect:
    """Return the kind of a file, by its name."""
    for suffix, found in _DESCRIPTIONS.items():
        if path.endswith(suffix):
            return found
    return Dialect.SETTINGS if path.endswith(_SETTINGS) else Dialect.ASSEMBLY


def is_source(path: str) -> bool:
    """Return True if a file is an assembly, or describes one."""
    return is_assembly(path) or dialect(path) is not Dialect.ASSEMBLY


def framework_of(folder: str) -> str:
    """Return a folder if it holds a framework's assemblies: shared/NAME/VERSION, or a part of Mono's; "" otherwise."""
    return folder if _FRAMEWORK.fullmatch(folder) else ""


def dotnet_root(folder: str) -> str:
    """Return the folder in which .NET is installed, for that of a framework; "" for others."""
    match = _FRAMEWORK.fullmatch(folder)
    return match["root"] or "" if match else ""


def cached(tree: Tree, library_folder: str, name: str, version: str) -> Iterator[str]:
    """Yield an assembly in Mono's cache: of this version if it is there, otherwise of each version (mono(1), gacutil(1))."""
    folders = [entry.path for entry in tree.children(f"{library_folder}/mono/gac/{name}") if entry.is_directory]
    exact = [folder for folder in folders if posixpath.basename(folder).startswith(f"{version}_")] if version else []
    for folder in (exact or folders)[:VERSIONS]:
        yield f"{folder}/{name}.dll"


def fits_machine(rid: str, architecture: str) -> bool:
    """Return True if assets for a RID run on Linux and on an architecture (Docker's name for it): linux-x64, unix, linux-musl-arm64, any."""
    if not rid or rid in ("any", "base", "unix", "linux"):
        return True
    system, _, machine = rid.partition("-")
    known = {"amd64": "x64", "arm64": "arm64", "386": "x86", "arm": "arm"}
    return not system.startswith(
        ("win", "osx", "ios", "android", "tvos", "browser", "maccatalyst")
    ) and machine.endswith(known.get(architecture, ""))
