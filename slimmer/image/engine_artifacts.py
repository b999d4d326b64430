"""Find and leave out what the engine, not the image, put into a container's root file system.

The pristine tree is read in a container, where the engine has already made changes. moby's init layer (daemon/initlayer/
setup_unix.go) makes the entries of `INIT_LAYER` that the image lacks, podman (libpod/container_internal_common.go) files to mount
over, runc makes mount points, and the directories that hold them get new times. An entry counts as the engine's only if its name, its type and its change time all say so.
"""

from __future__ import annotations

import posixpath
import stat
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from slimmer.image.tree import Entry, Tree

INIT_LAYER = {
    "/.dockerenv": stat.S_IFREG,
    "/dev": stat.S_IFDIR,
    "/dev/console": stat.S_IFREG,
    "/dev/pts": stat.S_IFDIR,
    "/dev/shm": stat.S_IFDIR,
    "/etc": stat.S_IFDIR,
    "/etc/group": stat.S_IFREG,
    "/etc/hostname": stat.S_IFREG,
    "/etc/hosts": stat.S_IFREG,
    "/etc/mtab": stat.S_IFLNK,
    "/etc/passwd": stat.S_IFREG,
    "/etc/resolv.conf": stat.S_IFREG,
    "/proc": stat.S_IFDIR,
    "/run": stat.S_IFDIR,
    "/run/.containerenv": stat.S_IFREG,
    "/sys": stat.S_IFDIR,
}
PODMANS_OWN = "/run/.containerenv"
"""A file that podman makes in every container, and moby in none."""

ACCOUNTS = ("/etc/group", "/etc/passwd")
ACCOUNTS_MODE, ACCOUNTS_SIZE = 0o600, 64
"""In an image that lacks these files, podman writes a line for the container's user into each, which is root where slimmer looks at an
image. `root:*:0:0:root:/:/bin/sh` is shorter than this."""

MOBYS_MODE, PODMANS_MODE = 0o755, 0o644
"""The modes of files that the engine makes. Podman left them to runc up to version 4, so moby's mode may also be podman's."""

CREATION_TIME = 60
"""Seconds that may pass between the creation of the init layer and the mount of the probe's folder."""

OVERFLOW = 65534
"""The ID that stands for one that a user namespace does not map (user_namespaces(7))."""

Mtime = Callable[[Entry], tuple[int, int]]
"""Returns the modification time that an entry has in the image itself (seconds, nanoseconds)."""


@dataclass(frozen=True, slots=True)
class ImageTree:
    """The tree of the image itself, and the modification time of each of its paths."""

    tree: Tree
    mtime: Mtime


def read_image_tree(
    index: bytes | bytearray, probe_folder: str, created: str, mount_points: Collection[str] = ()
) -> ImageTree:
    """Turn a pristine container's index into the image's tree: without what the engine made, and with the image's own times.

    `probe_folder` is where the engine mounted the probe; the image has nothing there (slimmer.engine.probe_lender).
    `created` is the image's creation time (RFC 3339). Raises ObservationIncomplete if the index is cut short.
    """
    shown = Tree(index)
    made = engine_made(shown, probe_folder, mount_points)
    return ImageTree(shown.without(made), own_times(shown, probe_folder, created, mount_points))


def engine_made(tree: Tree, probe_folder: str, mount_points: Collection[str] = ()) -> tuple[str, ...]:
    """Return the paths of a pristine container's tree that the engine made. `mount_points` are those that slimmer asked for."""
    started = _started(tree, probe_folder)
    if started is None:
        return ()
    by_podman = PODMANS_OWN in tree
    made = {probe_folder}
    names = sorted({*INIT_LAYER, *mount_points}, key=lambda name: -name.count("/"))
    for name in names:
        entry = tree.get(name)
        if entry is not None and _looks_made(tree, entry, made, started, by_podman=by_podman):
            made.add(name)
    return tuple(sorted(made))


def _looks_made(tree: Tree, entry: Entry, made: Collection[str], started: int, *, by_podman: bool) -> bool:
    if stat.S_IFMT(entry.mode) != INIT_LAYER.get(entry.path, stat.S_IFDIR):
        return False
    if entry.ctime < started - CREATION_TIME or not _is_owned_by_engine(entry) or entry.xattrs:
        return False
    if entry.is_link:
        return entry.target == "/proc/mounts"
    mode = stat.S_IMODE(entry.mode)
    if entry.is_directory:
        return (
            mode == 0o755
            and entry.mtime[0] >= started - CREATION_TIME
            and all(e.path in made for e in tree.children(entry.path))
        )
    if entry.path in ACCOUNTS:
        return by_podman and mode == ACCOUNTS_MODE and entry.size <= ACCOUNTS_SIZE
    return entry.size == 0 and (mode == MOBYS_MODE or (by_podman and mode == PODMANS_MODE))


def own_times(tree: Tree, probe_folder: str, created: str, mount_points: Collection[str] = ()) -> Mtime:
    """Return a function for the time that an entry of a pristine container's tree has in the image itself.

    That is the entry's own time, except for directories that the engine wrote into. Their time is lost, so they get the time at
    which the image was created (`created`, RFC 3339).
    """
    started = _started(tree, probe_folder)
    written = {posixpath.dirname(name) for name in (*INIT_LAYER, *mount_points, probe_folder)}
    fallback = (creation_second(created), 0)

    def mtime(entry: Entry) -> tuple[int, int]:
        lost = (
            started is not None
            and entry.path in written
            and entry.mtime[0] >= started - CREATION_TIME
            and entry.mtime > fallback
        )
        return fallback if lost else entry.mtime

    return mtime


def creation_second(created: str) -> int:
    """Return an RFC 3339 time as seconds since 1970, at least 0; 0 if there is none."""
    head = created.split(".", 1)[0].removesuffix("Z")
    try:
        return max(0, int(datetime.fromisoformat(head + "+00:00").timestamp()))
    except (ValueError, OverflowError):
        return 0


def _started(tree: Tree, probe_folder: str) -> int | None:
    entry = tree.get(probe_folder)
    return None if entry is None else entry.ctime


def overrides(paths: Collection[str], own: ImageTree) -> Iterator[tuple[str, str]]:
    """Yield the pairs that the probe's `pack` takes: each path, and its time if the container shows another one; else ""."""
    for path in paths:
        entry = own.tree.get(path)
        if entry is not None:
            seconds = own.mtime(entry)
            yield path, "" if seconds == entry.mtime else f"mtime={seconds[0]}"


def _is_owned_by_engine(entry: Entry) -> bool:
    """Return True if root owns it. With userns-remap, moby gives all but its link to the container's root; the link stays the host's."""
    owner = (entry.uid, entry.gid)
    return owner == (0, 0) or (entry.is_link and owner == (OVERFLOW, OVERFLOW))
