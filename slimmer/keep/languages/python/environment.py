"""The Pythons of an image with their sys.path: libraries, virtual environments, .pth files, PYTHONPATH, the app's folders."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence

from slimmer.image.tree import Tree
from slimmer.keep.image_view import ImageView
from slimmer.keep.languages.python.search import APP, SITE, STDLIB, Finder, Installation, Root, site_folders

SETTINGS_LIMIT = 1 << 16
"""Bytes of a .pth file or pyvenv.cfg; a larger one is none."""

PATHS_LIMIT = 1000
"""Folders that .pth files may add."""

_SYSTEM_SITES = re.compile(rb"^\s{0,99}include-system-site-packages\s{0,99}=\s{0,99}true\s{0,99}$", re.I | re.M)


def finders(image: ImageView, found: Sequence[Installation], used: Sequence[str]) -> tuple[Finder, ...]:
    """A finder for each Python. `used` are the kept paths, among them pyvenv.cfg of the virtual environments in use."""
    return tuple(_finder(image, installation, used) for installation in found)


def _finder(image: ImageView, installation: Installation, used: Sequence[str]) -> Finder:
    tree = image.tree
    libraries = [installation.stdlib, f"{installation.stdlib}/lib-dynload"]
    sites = _existing(tree, _sites(image, installation, used))
    added = list(_added(image, sites))
    known = {*libraries, *sites}
    app = [folder for folder in _app_folders(image, used, known) if folder not in known]
    roots = [Root(path, APP) for path in app]
    roots += [Root(path, STDLIB) for path in libraries]
    roots += [Root(path, SITE) for path in sites]
    roots += [Root(path, SITE if "/site-packages/" in path or path.endswith(".egg") else APP) for path in added]
    return Finder(tree, installation.version, roots)


def _sites(image: ImageView, installation: Installation, used: Sequence[str]) -> Iterator[str]:
    """Folders of installed packages: those of virtual environments first; the system's where they are looked into."""
    settings = [path for path in used if path.endswith("/pyvenv.cfg") and _size(image.tree, path) <= SETTINGS_LIMIT]
    alone = bool(settings)
    for path, content in list(image.read(settings)) if settings else ():
        yield from site_folders(posixpath.dirname(path), installation.version)
        alone = alone and not _SYSTEM_SITES.search(content or b"")
    if image.home:
        yield from site_folders(f"{image.home}/.local", installation.version)
    for folder in installation.sites():
        end = image.tree.resolve(folder).end
        if end and (not alone or any(path.startswith(end + "/") for path in used)):
            yield end


def _existing(tree: Tree, folders: Iterable[str]) -> list[str]:
    ends = (tree.resolve(folder).end for folder in folders)
    return list(dict.fromkeys(end for end in ends if end and (entry := tree.get(end)) and entry.is_directory))


def _added(image: ImageView, sites: Sequence[str]) -> Iterator[str]:
    """Folders that .pth files name (site, "Module contents"): a line each, relative to the folder of the file."""
    files = [
        entry.path
        for site in sites
        for entry in image.tree.children(site)
        if entry.path.endswith(".pth") and entry.is_file and entry.size <= SETTINGS_LIMIT
    ]
    count = 0
    for file, content in list(image.read(files)) if files else ():
        for line in (content or b"").decode(errors="surrogateescape").splitlines():
            written = line.strip()
            if not written or written.startswith(("#", "import ", "import\t")) or "\0" in written:
                continue
            count += 1
            if count > PATHS_LIMIT:
                return
            yield posixpath.normpath(posixpath.join(posixpath.dirname(file), written))


def _app_folders(image: ImageView, used: Sequence[str], known: Iterable[str]) -> Iterator[str]:
    """PYTHONPATH, the working directory, and the folders above the outermost packages of the app's own files."""
    for setting in image.config.env:
        if setting.startswith("PYTHONPATH="):
            yield from (part for part in setting.partition("=")[2].split(":") if part.startswith("/"))
    if image.config.working_dir:
        yield image.config.working_dir
    libraries = tuple(folder + "/" for folder in known)
    folders = {posixpath.dirname(path) for path in used if path.endswith(".py") and not path.startswith(libraries)}
    yield from sorted({_outermost(image.tree, folder) for folder in folders})


def _outermost(tree: Tree, folder: str) -> str:
    while folder != "/" and f"{folder}/__init__.py" in tree:
        folder = posixpath.dirname(folder)
    return folder


def _size(tree: Tree, path: str) -> int:
    entry = tree.get(path)
    return entry.size if entry else 0
