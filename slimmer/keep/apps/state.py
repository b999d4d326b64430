"""Keep the state of an app whole: databases, spools, queues, uploads, wikis, git repositories.

State is content, not code. A program that opens a database's files reads those of another database when it is asked for that one, and
no rule for code finds them. A folder counts as state if a program wrote or made files in it, or listed it while it belongs to a user other
than root (an image gives folders away so that its app may write there). Then everything below it stays, whatever its size, and a note
tells the user (slimmer.keep.notices).

Where a folder lies and what it holds decide (slimmer.keep.apps.state_places): a folder below /var/lib or /var/spool holds the state of
one program, as the Filesystem Hierarchy Standard says (3.0, sections 5.8 and 5.14). Any other folder counts only if no code lies below
it. In a folder with code, an app may keep a database beside its sources: then files of the same kind as one that it wrote stay, up to
KIND_FILES and KIND_BYTES. Folders that are only listed stay up to LISTED_BYTES outside of /var.

A git repository counts if a program read its objects. Others beside it stay, too, and their hooks count as programs.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from slimmer.image.tree import Entry, Tree
from slimmer.keep.analyzer import BEYOND_OBSERVED, FunctionAnalyzer
from slimmer.keep.apps.state_places import StatePlaces
from slimmer.keep.evidence import Evidence
from slimmer.keep.image_view import ImageView, parent, suffix_of
from slimmer.keep.keepset import Finding, KeepSet, Reason
from slimmer.keep.sources.limits import within_limits
from slimmer.keep.sources.named_paths import PROGRAM
from slimmer.observe.log import PROBE, Operation

RULE = "state"
KIND_FILES, KIND_BYTES = 200, 50 << 20
"""The most files of one kind that stay in a folder that holds code, too."""

LISTED_BYTES = 100 << 20
"""The largest folder outside of /var that stays because it was listed."""

_FOLDERS = 10_000
"""The most folders that are looked at. A log may name millions."""

_LOOK_UPS = 200_000
"""The most paths of the log that are looked up. A run may write millions of files."""

_DEPTH = 64
"""The most missing folders on the way to one that was asked for."""

_REPOSITORIES = 1000
_PREPARING = frozenset(("chgrp", "chmod", "chown", "install", "ln", "mkdir", "touch", "busybox"))
"""Commands that entry points prepare folders with. What they do says nothing about what a folder holds."""

_OBJECTS = re.compile(r"(/.{1,4000})/objects(?:/.*)?", re.DOTALL)
_PARTS_OF_REPOSITORY = ("HEAD", "objects", "refs")
_NO_KIND = re.compile(
    r"|\.(?:log|pid|lock|tmp|swp|bak|out|err|sock|txt|json|ya?ml|ini|conf|cfg|env|html?|css)", re.IGNORECASE
)
"""Suffixes of files that are no state beside code: logs, marks of a running process, and settings."""


@dataclass(slots=True)
class _Signs:
    """What the log says about folders: those in which files were made or written, and those that were listed, each with its program.

    `written` maps files of the image that were opened for writing to the program.
    """

    made: dict[str, str] = field(default_factory=dict)
    listed: dict[str, str] = field(default_factory=dict)
    written: dict[str, str] = field(default_factory=dict)
    repositories: dict[str, str] = field(default_factory=dict)


def state(image: ImageView) -> Iterator[Finding] | None:
    """Yield a finding for each path of the folders in which the app keeps state. None if there are none."""
    signs = _signs(image)
    return _findings(image, signs) if signs.made or signs.listed or signs.written or signs.repositories else None


def sizes(tree: Tree, kept: KeepSet) -> Mapping[str, int]:
    """Return the folders that stay as state, each with the bytes of its files, sorted by path."""
    found: dict[str, int] = {}
    for path, reasons in kept.reasons.items():
        folder = next((reason.cause for reason in reasons if reason.rule == RULE), "")
        entry = tree.get(path) if folder else None
        if entry is not None and entry.is_file:
            found[folder] = found.get(folder, 0) + entry.size
    return dict(sorted(found.items()))


def _signs(image: ImageView) -> _Signs:
    signs, tree = _Signs(), image.tree
    seen: set[tuple[Operation, str]] = set()
    left = _LOOK_UPS
    for access in image.log.accesses:
        operation, path = access.operation, access.resolved or access.asked
        if access.executable == PROBE or posixpath.basename(access.executable) in _PREPARING:
            continue
        if operation in (Operation.WRITE, Operation.CREATE):
            left -= 1
            if left < 0:
                continue
            entry = image.end(path)
            if entry is not None and entry.is_file and len(signs.written) < _FOLDERS:
                signs.written.setdefault(entry.path, access.by)
            if (
                entry is None or not entry.is_directory
            ):  # mkdir of a folder that is there shows that the app wants to write in it
                path = parent(entry.path if entry is not None else path)
        elif operation is not Operation.READ_DIR and not (operation is Operation.OPEN and "/objects" in path):
            continue
        if (operation, path) in seen or len(seen) > _FOLDERS:
            continue
        seen.add((operation, path))
        if "/objects" in path and (repository := _repository(tree, path)):
            signs.repositories.setdefault(repository, access.by)
        elif operation is Operation.READ_DIR:
            entry = image.end(path)
            if entry is not None and entry.uid and entry.is_directory:
                signs.listed.setdefault(entry.path, access.by)
        elif operation is not Operation.OPEN and (folder := _existing(image, path)):
            signs.made.setdefault(folder, access.by)
    return signs


def _findings(image: ImageView, signs: _Signs) -> Iterator[Finding]:
    tree, places = image.tree, StatePlaces(image)
    roots: dict[str, str] = {}
    for folder, program in signs.made.items():
        if root := places.root(folder):
            roots.setdefault(root, f"where {program} keeps state")
    for folder, program in signs.listed.items():
        if (root := places.listed(folder)) and (places.is_area(root) or _is_small(tree, root)):
            roots.setdefault(root, f"which {program} listed, and which belongs to another user than root")
    for repository, program in _repositories(tree, signs.repositories).items():
        roots.setdefault(repository, f"a git repository like one that {program} read")
        yield from _hooks(tree, repository)
    done = ""
    for root in sorted(roots, key=lambda path: path + "/"):
        if done and root.startswith(done):
            continue
        done = root + "/"
        yield Finding(root, Reason(RULE, roots[root]))
        reason = Reason(RULE, f"in {root}, {roots[root]}", root)
        yield from (Finding(entry.path, reason) for entry in tree.below(root))
    yield from _kinds(tree, places, signs.written)


def _kinds(tree: Tree, places: StatePlaces, written: Mapping[str, str]) -> Iterator[Finding]:
    """Yield the files of the same kind as one that was opened for writing, in folders that hold code, too."""
    kinds: dict[str, dict[str, str]] = {}
    for path in written:
        folder, suffix = parent(path), suffix_of(path)
        if not _NO_KIND.fullmatch(suffix) and places.may_hold_files(folder):
            kinds.setdefault(folder, {}).setdefault(suffix, path)
    for folder, examples in kinds.items():
        for suffix, alike in _by_suffix(tree, folder, examples).items():
            path = examples[suffix]
            reason = Reason(RULE, f"a {suffix} file like {path}, which {written[path]} opened for writing", folder)
            yield from (Finding(entry.path, reason) for entry in within_limits(alike, KIND_FILES, KIND_BYTES) or ())


def _by_suffix(tree: Tree, folder: str, suffixes: Iterable[str]) -> Mapping[str, list[Entry]]:
    """Return the files of a folder with each of these suffixes; of each, at most one more than KIND_FILES. Reads the folder once."""
    found: dict[str, list[Entry]] = {suffix: [] for suffix in suffixes}
    for entry in tree.children(folder):
        alike = found.get(suffix_of(entry.path)) if entry.is_file else None
        if alike is not None and len(alike) <= KIND_FILES:
            alike.append(entry)
    return found


def _repositories(tree: Tree, read: Mapping[str, str]) -> Mapping[str, str]:
    """Return the git repositories that were read, and those beside them."""
    found = dict(read)
    folders: dict[str, str] = {}
    for repository, program in read.items():
        if posixpath.basename(repository) != ".git":
            folders.setdefault(parent(repository), program)
    for folder, program in folders.items():
        for entry in tree.children(folder):
            if len(found) >= _REPOSITORIES:
                return found
            if entry.is_directory and _is_repository(tree, entry.path):
                found.setdefault(entry.path, program)
    return found


def _hooks(tree: Tree, repository: str) -> Iterator[Finding]:
    reason = Reason(PROGRAM, f"a hook of {repository}", repository)
    for entry in tree.children(f"{repository}/hooks"):
        if entry.is_file and entry.mode & 0o111 and not entry.path.endswith(".sample"):
            yield Finding(entry.path, reason)


def _repository(tree: Tree, path: str) -> str:
    match = _OBJECTS.fullmatch(path)
    return match[1] if match is not None and _is_repository(tree, match[1]) else ""


def _is_repository(tree: Tree, folder: str) -> bool:
    """Return True if a folder is a git repository: gitrepository-layout(5)."""
    return all(f"{folder}/{name}" in tree for name in _PARTS_OF_REPOSITORY)


def _existing(image: ImageView, folder: str) -> str:
    """Return the deepest folder of the image on the way to this one: an app makes folders in which it then makes files."""
    for _ in range(_DEPTH):
        if not folder.strip("/"):
            return ""
        entry = image.end(folder)
        if entry is not None:
            return entry.path if entry.is_directory else ""
        folder = parent(folder)
    return ""


def _is_small(tree: Tree, folder: str) -> bool:
    return within_limits(_files(tree, folder), 1 << 30, LISTED_BYTES) is not None


def _files(tree: Tree, folder: str) -> Iterator[Entry]:
    return (entry for entry in tree.below(folder) if entry.is_file)


ANALYZER = FunctionAnalyzer("state", BEYOND_OBSERVED, {RULE: Evidence.SEEN, PROGRAM: Evidence.USED}, state)
