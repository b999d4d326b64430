"""Class paths: the jars on them, and folders of classes, which are kept whole.

A jar that was opened is kept already. Java may later load jars that its manifest names ("Class-Path", JAR File Specification), jars
that the command line or CLASSPATH names (java(1)), and, from a folder of classes, all other classes, resources and service files.
The name of a loaded class shows which folder that is: it says how deep the class lies below it.

Programs that the app's own classes start are kept, too: those of its jars (slimmer.keep.languages.java.jar), and of folders of classes.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from urllib.parse import unquote, urlsplit

from slimmer.image.tree import Tree
from slimmer.keep.image_view import ImageView, reach
from slimmer.keep.keepset import Finding, Reason
from slimmer.keep.languages.java.class_file import CLASS_LIMIT, ClassFile, read_class
from slimmer.keep.languages.java.jar import Jar, read_jar
from slimmer.keep.languages.java.log import JavaLog
from slimmer.keep.languages.java.programs import Programs
from slimmer.keep.sources.limits import within_limits
from slimmer.keep.sources.reading import read_files

FOLDER_FILES = 20_000
FOLDER_BYTES = 60 << 20
"""The largest folder of classes that is kept. A larger one also holds something else."""

_JAR_LIMIT = 64 << 20
_PLACES = 100_000
"""The most paths that the manifests of all jars in an image may name."""

_JARS = (".jar", ".war", ".ear")
_OPTIONS = frozenset(("-cp", "-classpath", "--class-path", "-p", "--module-path", "--upgrade-module-path"))
_DEPTH = 20
_WORDS = 1000
"""The most words of the image's command among which the name of the main class is looked for."""


def class_path(image: ImageView, seen: JavaLog) -> Iterator[Finding]:
    """Yield findings for everything on the class paths of the observed programs."""
    homes = tuple(f"{home}/" for home in seen.homes)
    own = [path for path in seen.opened if not path.startswith(homes)]
    jars = [path for path in own if path.endswith(_JARS)]
    for path in _configured(image):
        reason = Reason("java", f"on the class path that the image configures: {path}")
        for place in _expanded(image, path):
            yield from _on_class_path(image, place, reason)
            jars.append(place)
    programs = Programs(image)
    yield from _named_by_jars(image, jars, programs)
    yield from _class_folders(image, [path for path in own if path.endswith(".class")], programs)


def _configured(image: ImageView) -> Iterator[str]:
    """Yield the entries of class paths in the image's command and environment, as absolute paths."""
    words = image.config.command
    values = [following for word, following in pairwise(words) if word in _OPTIONS]
    values += [word.partition("=")[2] for word in words if word.partition("=")[0] in _OPTIONS]
    values.append(image.env.get("CLASSPATH", ""))
    for value in values:
        for part in value.split(":"):
            if part:
                yield image.absolute(part)


def _expanded(image: ImageView, path: str) -> Iterator[str]:
    """Yield a path, or all jars of the folder for `folder/*`."""
    if posixpath.basename(path) != "*":
        yield path
        return
    folder = image.end(posixpath.dirname(path))
    for entry in image.tree.children(folder.path) if folder is not None else ():
        if entry.path.lower().endswith(".jar"):
            yield entry.path


def _on_class_path(image: ImageView, path: str, reason: Reason) -> Iterator[Finding]:
    yield from reach(image.tree, path, reason)
    entry = image.end(path)
    if entry is not None and entry.is_directory:
        yield from _whole(image.tree, entry.path, reason)


def _named_by_jars(image: ImageView, jars: Iterable[str], programs: Programs) -> Iterator[Finding]:
    """Yield what jars start, and jars and folders that their manifests name, directly or through other jars. Each path counts once."""
    words = [word for text in image.config.command for word in text.split()][:_WORDS]
    seen: set[str] = set()
    named: set[str] = set()
    layer = list(jars)
    for _ in range(_DEPTH):
        ends = dict.fromkeys(entry.path for path in layer if (entry := image.end(path)) is not None)
        layer = []
        unread = [end for end in ends if end not in seen]
        for jar, found in read_files(image, read_jar, Jar, unread, _JAR_LIMIT, lambda path: (words,)):
            yield from programs.findings(jar, found.commands)
            for path in (_local(jar, url) for url in found.class_path):
                if path and path not in named and len(named) < _PLACES:
                    named.add(path)
                    yield from _on_class_path(image, path, Reason("java", f"named by the manifest of {jar}", jar))
                    layer.append(path)
        seen.update(ends)
        if not layer:
            return


def _local(jar: str, url: str) -> str:
    """Return the path that a URL in a jar's manifest stands for; "" if it is not a file's."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    path = unquote(parts.path, errors="surrogateescape")
    if parts.scheme not in ("", "file") or not path or "\0" in path:
        return ""
    return posixpath.normpath(posixpath.join(posixpath.dirname(jar), path))


def _class_folders(image: ImageView, classes: Sequence[str], programs: Programs) -> Iterator[Finding]:
    """Yield the contents of the folders that classes were loaded from, and what their classes start.

    One class of each package shows where the folder is.
    """
    examples: dict[str, str] = {}
    for path in classes:
        examples.setdefault(posixpath.dirname(path), path)
    roots: dict[str, str] = {}
    for path, file in read_files(image, read_class, ClassFile, examples.values(), CLASS_LIMIT):
        if file.name and path.endswith(f"/{file.name}.class"):
            roots.setdefault(path.removesuffix(f"/{file.name}.class"), path)
    inside: list[str] = []
    for root, path in roots.items():
        reason = Reason("java", f"in the folder of classes from which {path} was loaded", path)
        for finding in _whole(image.tree, root, reason):
            yield finding
            inside.append(finding.path)
    yield from programs.of_classes([*classes, *(path for path in inside if path.endswith(".class"))])


def _whole(tree: Tree, folder: str, reason: Reason) -> Iterator[Finding]:
    """Yield the contents of a folder of classes; nothing if it is too large, or the root directory."""
    entries = None if folder in ("", "/") else within_limits(tree.below(folder), FOLDER_FILES, FOLDER_BYTES)
    yield from (Finding(entry.path, reason) for entry in entries or ())
