"""The sys.path of each Python: libraries, virtual environments, .pth files, PYTHONPATH, and the folders of the app.

Sources: Python's docs, "The initialization of the sys.path module search path", site (.pth files) and venv (pyvenv.cfg).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence

from slimmer.image.tree import Tree
from slimmer.keep.image_view import ImageView
from slimmer.keep.language import Origin
from slimmer.keep.languages.python.finder import Finder, Root
from slimmer.keep.languages.python.installation import Installation, site_folders

SETTINGS = "/pyvenv.cfg"
"""The end of the path of a virtual environment's settings."""

SETTINGS_LIMIT = 1 << 16
"""The largest .pth file or pyvenv.cfg that is read, in bytes."""

PATHS_LIMIT = 1000
"""The most folders that .pth files may add."""

_SYSTEM_SITES = re.compile(rb"^\s{0,99}include-system-site-packages\s{0,99}=\s{0,99}true\s{0,99}$", re.I | re.M)


def find_modules(image: ImageView, installation: Installation, used: Sequence[str]) -> Finder:
    """Return the modules of a Python. `used` are the kept paths that are in use, including the pyvenv.cfg of virtual environments."""
    libraries = [installation.stdlib, f"{installation.stdlib}/lib-dynload"]
    sites = _existing(image, _sites(image, installation, used))
    added = list(_added(image, sites))
    known = {*libraries, *sites}
    app = [folder for folder in _app_folders(image, used, known) if folder not in known]
    roots = [Root(path, Origin.APP) for path in app]
    roots += [Root(path, Origin.STDLIB) for path in libraries]
    roots += [Root(path, Origin.LIBRARY) for path in sites]
    roots += [Root(path, _origin_of_added(path)) for path in added]
    return Finder(image.tree, installation.version, roots)


def _sites(image: ImageView, installation: Installation, used: Sequence[str]) -> Iterator[str]:
    """Yield the folders of installed packages: those of virtual environments first, and the system's only if Python looks there."""
    settings = [path for path in used if path.endswith(SETTINGS) and _size(image.tree, path) <= SETTINGS_LIMIT]
    alone = bool(settings)
    for path, content in list(image.read(settings)) if settings else ():
        yield from site_folders(posixpath.dirname(path), installation.version)
        alone = alone and not _SYSTEM_SITES.search(content or b"")
    if image.home:
        yield from site_folders(f"{image.home}/.local", installation.version)
    for folder in installation.sites():
        entry = image.end(folder)
        if entry and (not alone or any(path.startswith(entry.path + "/") for path in used)):
            yield entry.path


def _existing(image: ImageView, folders: Iterable[str]) -> list[str]:
    """Return the real paths of those folders that exist, each once."""
    entries = (image.end(folder) for folder in folders)
    return list(dict.fromkeys(entry.path for entry in entries if entry and entry.is_directory))


def _added(image: ImageView, sites: Sequence[str]) -> Iterator[str]:
    """Yield the folders that .pth files name, one on each line, relative to the folder of the file."""
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


def _origin_of_added(path: str) -> Origin:
    """Return the origin of a folder that a .pth file names: LIBRARY for an installer's (eggs), APP for one of the app's developers."""
    return Origin.LIBRARY if "/site-packages/" in path or path.endswith(".egg") else Origin.APP


def _app_folders(image: ImageView, used: Sequence[str], known: Iterable[str]) -> Iterator[str]:
    """Yield PYTHONPATH, the working directory, and the folders above the outermost packages of the app's own files."""
    yield from (part for part in image.env.get("PYTHONPATH", "").split(":") if part.startswith("/"))
    if image.config.working_dir:
        yield image.config.working_dir
    libraries = tuple(folder + "/" for folder in known)
    folders = {posixpath.dirname(path) for path in used if path.endswith(".py") and not path.startswith(libraries)}
    yield from sorted({_outermost(image.tree, folder) for folder in folders})


def _outermost(tree: Tree, folder: str) -> str:
    """Return the folder that the package in a folder is imported from: the first one upwards that is not a package."""
    while folder != "/" and f"{folder}/__init__.py" in tree:
        folder = posixpath.dirname(folder)
    return folder


def _size(tree: Tree, path: str) -> int:
    entry = tree.get(path)
    return entry.size if entry else 0
