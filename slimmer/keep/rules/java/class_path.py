"""Class paths: jars that stand on them, and folders of classes, which are kept whole.

A jar that was opened is one file, and kept. What may follow later are jars that its manifest names ("Class-Path", JAR File
Specification), those that the command line or CLASSPATH names (java(1)), and, of a folder from which a class was loaded,
all other classes, resources and service files. Which folder that is, the class says itself: its name tells how deep it lies.
"""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from itertools import pairwise
from urllib.parse import unquote, urlsplit

from slimmer.image.config import ImageConfig
from slimmer.image.tree import Tree
from slimmer.keep.context import Context, reach
from slimmer.keep.keepset import Finding, Reason
from slimmer.keep.rules.bounds import bounded
from slimmer.keep.rules.java.class_file import ClassFile
from slimmer.keep.rules.java.log import JavaLog
from slimmer.keep.rules.reading import read_files

FOLDER_FILES = 20_000
FOLDER_BYTES = 60 << 20
"""Bounds on what is kept of a folder of classes; where there is more, it is something else, too."""

_JAR_LIMIT = 16 << 20
_MANIFEST_LIMIT = 1 << 20
_MANIFEST = "META-INF/MANIFEST.MF"
_CLASS_PATH = re.compile(r"^Class-Path:[ ]?([^\n]*)$", re.MULTILINE | re.IGNORECASE)
_OPTIONS = frozenset(("-cp", "-classpath", "--class-path", "-p", "--module-path", "--upgrade-module-path"))
_DEPTH = 20


def class_path(context: Context, seen: JavaLog) -> Iterator[Finding]:
    """What the class paths of the observed programs hold."""
    homes = tuple(f"{home}/" for home in seen.homes)
    own = [path for path in seen.opened if not path.startswith(homes)]
    jars = [path for path in own if path.endswith((".jar", ".war", ".ear"))]
    for path in _configured(context.config):
        reason = Reason("java", f"on the class path that the image configures: {path}")
        for place in _expanded(context.tree, path):
            yield from _on_class_path(context.tree, place, reason)
            jars.append(place)
    yield from _named_by_jars(context, jars)
    yield from _class_folders(context, [path for path in own if path.endswith(".class")])


def _configured(config: ImageConfig) -> Iterator[str]:
    """The entries of class paths in the image's command and environment, absolute."""
    words = config.command
    values = [following for word, following in pairwise(words) if word in _OPTIONS]
    values += [word.partition("=")[2] for word in words if word.partition("=")[0] in _OPTIONS]
    values += [entry[10:] for entry in config.env if entry.startswith("CLASSPATH=")]
    for value in values:
        for part in value.split(":"):
            if part:
                yield posixpath.normpath(posixpath.join("/", config.working_dir, part))


def _expanded(tree: Tree, path: str) -> Iterator[str]:
    """`folder/*` stands for all jars of a folder."""
    if posixpath.basename(path) != "*":
        yield path
        return
    end = tree.resolve(posixpath.dirname(path)).end
    for entry in tree.children(end) if end is not None else ():
        if entry.path.lower().endswith(".jar"):
            yield entry.path


def _on_class_path(tree: Tree, path: str, reason: Reason) -> Iterator[Finding]:
    yield from reach(tree, path, reason)
    end = tree.resolve(path).end
    entry = tree.get(end) if end is not None else None
    if entry is not None and entry.is_directory:
        yield from _whole(tree, entry.path, reason)


def _named_by_jars(context: Context, jars: Iterable[str]) -> Iterator[Finding]:
    """Jars and folders that the manifests of jars name, and what those name in their turn."""
    seen: set[str] = set()
    layer = list(jars)
    for _ in range(_DEPTH):
        ends = dict.fromkeys(end for path in layer if (end := context.tree.resolve(path).end) is not None)
        layer = [end for end in ends if end not in seen and _is_small(context.tree, end)]
        seen.update(ends)
        if not layer:
            return
        named = {jar: _class_path_of(content) for jar, content in context.read(layer) if content}
        layer = []
        for jar, urls in named.items():
            for path in _local(jar, urls):
                yield from _on_class_path(context.tree, path, Reason("java", f"named by the manifest of {jar}", jar))
                layer.append(path)


def _is_small(tree: Tree, path: str) -> bool:
    entry = tree.get(path)
    return entry is not None and entry.is_file and 0 < entry.size <= _JAR_LIMIT


def _class_path_of(content: bytes) -> list[str]:
    """The URLs of a jar's Class-Path; none where it is broken."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as jar, jar.open(_MANIFEST) as file:
            text = file.read(_MANIFEST_LIMIT).decode("utf-8", "replace")
    except (zipfile.BadZipFile, KeyError, OSError, RuntimeError, ValueError, NotImplementedError, EOFError, zlib.error):
        return []
    unfolded = re.sub(r"\r?\n ", "", text).replace("\r\n", "\n")
    match = _CLASS_PATH.search(unfolded)
    return match[1].split() if match else []


def _local(jar: str, urls: Iterable[str]) -> Iterator[str]:
    for url in urls:
        try:
            parts = urlsplit(url)
        except ValueError:
            continue
        path = unquote(parts.path, errors="surrogateescape")
        if parts.scheme in ("", "file") and path and "\0" not in path:
            yield posixpath.normpath(posixpath.join(posixpath.dirname(jar), path))


def _class_folders(context: Context, classes: Iterable[str]) -> Iterator[Finding]:
    """All that lies in the folders from which classes were loaded; one class of a folder tells where its root is."""
    examples: dict[str, str] = {}
    for path in classes:
        examples.setdefault(posixpath.dirname(path), path)
    roots: dict[str, str] = {}
    wanted = [path for path in examples.values() if _is_small(context.tree, path)]
    for path, file in read_files(context, "class", ClassFile, wanted, _JAR_LIMIT):
        if file.name and path.endswith(f"/{file.name}.class"):
            roots.setdefault(path.removesuffix(f"/{file.name}.class"), path)
    for root, path in roots.items():
        yield from _whole(
            context.tree, root, Reason("java", f"in the folder of classes from which {path} was loaded", path)
        )


def _whole(tree: Tree, folder: str, reason: Reason) -> Iterator[Finding]:
    """A folder of classes; nothing of one that is too large, or the root."""
    entries = None if folder in ("", "/") else bounded(tree.below(folder), FOLDER_FILES, FOLDER_BYTES)
    yield from (Finding(entry.path, reason) for entry in entries or ())
