"""Finds the files that a margin may add: those near to what is in use, in tiers (slimmer.keep.margin.order.Tier).

All walks are bounded. Beyond a bound, the rest of a folder or of the image gives no candidates, so that the same image always gives the
same ones.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from itertools import islice

from slimmer.image import language_packages
from slimmer.image.packages import SYSTEM_MANAGERS, Package
from slimmer.image.tree import Entry
from slimmer.keep.core.packages import languages
from slimmer.keep.ecosystems import code_suffixes, manifests, source_suffixes
from slimmer.keep.evidence import Evidence, reaches
from slimmer.keep.folders import DISTRIBUTION, OWN_PLACES, SHARED
from slimmer.keep.image_view import ImageView, suffix_of
from slimmer.keep.keepset import KeepSetBuilder
from slimmer.keep.margin.declared import Declarations
from slimmer.keep.margin.exclusions import is_never_added, is_useful
from slimmer.keep.margin.order import Candidate, Kind, Tier
from slimmer.keep.margin.package_places import Unit

WALKED = 200_000
"""The most paths that are looked at."""

FOLDER = 2_000
"""The most candidates in one folder."""

CANDIDATES = 60_000
"""The most candidates of an image."""

_OF_PACKAGES = frozenset(
    ("site-packages", "dist-packages", "node_modules", "gems", "vendor", "extensions", "specifications")
)
"""Names of folders in which the folders of many packages of a language lie."""

_INSTALLED = re.compile(r"/(?:node_modules|(?:site|dist)-packages)/")
"""Folders in which everything belongs to a package."""

_BYTECODE = re.compile(r"/__pycache__/[^/]+\.pyc$")
_METADATA = re.compile(r"\.(?:dist|egg)-info(?:/|$)|\.gemspec$")
_COMMANDS = re.compile(r"/s?bin/[^/]+$|^/usr/(?:local/)?lib(?:exec)?/(?!\w{1,20}-linux-)[^/]+/(?:[^/]+/)*[^/.]+$")
"""Programs on PATH, and those that programs start from folders of their own (/usr/lib/cups/backend/ipp)."""

_LIBRARY = re.compile(r"\.(?:so|node)(?:\.[\d.]+)?$")


@dataclass(frozen=True, slots=True)
class InUse:
    """What is in use: the packages with a file that is, the folders of such files without a package, and the number of files of each kind.

    `computed` is the number of those of a kind to which nothing outside of their folder leads, so that their names were computed or come
    from outside. `names` are the names of files in use, each with the folder above its own.
    """

    units: Mapping[Unit, str]
    folders: Mapping[str, str]
    kinds: Mapping[tuple[str, str], int]
    computed: Mapping[tuple[str, str], int]
    names: Set[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class _Place:
    """A folder of the app or a package in which candidates lie, and the detail and the cause of their reason."""

    tier: Tier
    unit: Unit
    detail: str
    cause: str = ""

    @property
    def is_whole(self) -> bool:
        """True for a package of a language of which nothing is in use. It stays whole or not at all."""
        is_system = isinstance(self.unit, Package) and self.unit.manager in SYSTEM_MANAGERS
        return self.tier > Tier.USED and not is_system


def find_candidates(image: ImageView, kept: KeepSetBuilder, cost: Callable[[Entry], int]) -> list[Candidate]:
    """Return all candidates, each once, in its nearest tier. `cost` gives the bytes that a file adds.

    Costs a few round trips for what packages declare.
    """
    search = _Search(image, kept, cost)
    places = list(search.places())
    search.list_packages([place.unit for place in places if isinstance(place.unit, Package)])
    for place in places:
        search.look(place)
    return list(dict.fromkeys(search.found.values()))


def in_use(image: ImageView, kept: KeepSetBuilder) -> InUse:
    """Find out what is in use: files that the app opened, that code leads to, or that are named."""
    seen = (image.tree.get(path) for path in kept if reaches(kept.evidence(path), Evidence.SEEN))
    files = sorted(entry.path for entry in seen if entry is not None and entry.is_file)
    units: dict[Unit, str] = {}
    folders: dict[str, str] = {}
    kinds: Counter[tuple[str, str]] = Counter()
    computed: Counter[tuple[str, str]] = Counter()
    for path, owners in image.packages.owners(files).items():
        kinds[kind_of(path)] += 1
        computed[kind_of(path)] += not _is_led_to(kept, path)
        folder = language_packages.folder_of(image.tree, path)
        is_description = _is_description(path)
        for owner in owners:
            if owner.manager in SYSTEM_MANAGERS or (owner.manager == "python" and not is_description):
                units.setdefault(owner, path)
        if folder is not None and not is_description:
            units.setdefault(folder.path, path)
        if not owners:
            folders.setdefault(posixpath.dirname(path), path)
    return InUse(units, folders, kinds, computed, {name_of(path) for path in files})


def _is_description(path: str) -> bool:
    """Return True for what describes a package of a language. Tools look through the descriptions of all packages."""
    return posixpath.basename(path) in manifests() or _METADATA.search(path) is not None


def kind_of(path: str) -> tuple[str, str]:
    """Return what files of a kind have in common: the folder, and the suffix in lower case, without a library's version."""
    folder, name = posixpath.split(path)
    return folder, ".so" if _LIBRARY.search(name) else suffix_of(name)


def name_of(path: str) -> tuple[str, str]:
    """Return what files of one name in sibling folders have in common: the folder above their folders, and the name."""
    folder, name = posixpath.split(path)
    return posixpath.dirname(folder), name


class _Search:
    def __init__(self, image: ImageView, kept: KeepSetBuilder, cost: Callable[[Entry], int]) -> None:
        self._image, self._kept, self._cost = image, kept, cost
        self._languages = languages(image.env)
        self._used = in_use(image, kept)
        self._left = WALKED
        self._basic: Collection[Unit] = ()
        self._files: dict[Package, list[str]] = {}
        self._in_folder: Counter[str] = Counter()
        self.found: dict[str, Candidate] = {}

    def places(self) -> Iterator[_Place]:
        """Yield the folders of the app, those of the author, and then the packages, tier by tier."""
        units = self._used.units
        roots = dict(self._roots({**self._used.folders, **self._working_folder()}))
        for folder, cause in roots.items():
            yield _Place(Tier.APP, folder, f"near {cause}, which is in use", cause)
        for folder in self._of_author():
            yield _Place(Tier.APP, folder, f"in {folder}, which the author of the image added")
        for unit, cause in units.items():
            yield _Place(Tier.USED, unit, f"of {_told(unit)}, of which {cause} is in use", cause)
        declared = Declarations(self._image, units, [*roots, self._image.config.working_dir or "/"])
        self._basic = declared.basic
        for unit, user in declared.needed.items():
            yield _Place(Tier.DECLARED, unit, f"of {_told(unit)}, which {_told(user)} declares as needed", units[user])
        for unit in declared.requested:
            yield _Place(Tier.REQUESTED, unit, f"of {_told(unit)}, which the author of the image asked for by name")

    def list_packages(self, packages: Iterable[Package]) -> None:
        """Learn the files of these packages."""
        for package, path in islice(self._image.packages.files(packages, nested=False), WALKED):
            self._files.setdefault(package, []).append(path)

    def look(self, place: _Place) -> None:
        """Note the candidates of a folder or a package."""
        unit = place.unit
        entries = self._of_package(unit) if isinstance(unit, Package) else self._below(unit, place.tier)
        if place.is_whole:
            self._look_at_all(list(islice(entries, FOLDER + 1)), place)
            return
        for entry in entries:
            self._left -= 1
            if self._left < 0 or len(self.found) >= CANDIDATES:
                return
            if self._is_candidate(entry, is_own=place.tier is Tier.APP):
                self._in_folder[posixpath.dirname(entry.path)] += 1
                self.found[entry.path] = self._candidate(entry, place)

    def _look_at_all(self, entries: Sequence[Entry], place: _Place) -> None:
        """Note all files of a package as one candidate, unless there are too many."""
        self._left -= len(entries)
        chosen = [entry for entry in entries if self._is_candidate(entry, is_own=False)]
        if not chosen or len(entries) > FOLDER or self._left < 0 or len(self.found) + len(chosen) > CANDIDATES:
            return
        first = min(chosen, key=lambda entry: (kind(entry), entry.path))
        others = tuple(entry.path for entry in chosen if entry is not first)
        size = sum(map(self._cost, chosen))
        candidate = replace(self._candidate(first, place), size=size, others=others)
        self.found.update((entry.path, candidate) for entry in chosen)

    def _working_folder(self) -> dict[str, str]:
        """Return the working directory, if the app lies in folders below it. Its settings and commands are files right in it."""
        folder = self._image.tree.resolve(self._image.config.working_dir or "/").end or "/"
        below = (user for place, user in sorted(self._used.folders.items()) if place.startswith(f"{folder}/"))
        if folder in self._used.folders or (_is_shared(folder) and folder not in OWN_PLACES):
            return {}
        return dict.fromkeys((folder,), user) if (user := next(below, "")) else {}

    def _roots(self, folders: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        """Yield the app's folders, without those below another one."""
        last = "\0"
        for folder, cause in sorted(folders.items(), key=lambda pair: pair[0].replace("/", "\0")):
            if folder.startswith(last):
                continue
            yield folder, cause
            last = "\0" if self._is_shared(folder) else f"{folder}/"

    def _of_author(self) -> Iterator[str]:
        """Yield the folders that packages of a distribution leave to the author (Filesystem Hierarchy Standard, 3 and 4.9)."""
        tree = self._image.tree
        local = (entry.path for entry in tree.children("/usr/local") if entry.path not in DISTRIBUTION)
        for above in ("/opt", "/srv", *local):
            yield from (entry.path for entry in tree.children(above) if entry.is_directory)
        yield from (top.path for top in tree.children("/") if top.is_directory and top.path not in DISTRIBUTION)

    def _is_shared(self, folder: str) -> bool:
        is_own = folder == self._image.config.working_dir and folder in OWN_PLACES
        return _is_shared(folder) and not is_own

    def _below(self, folder: str, tier: Tier) -> Iterator[Entry]:
        tree = self._image.tree
        if tier is Tier.APP:
            is_shared = self._is_shared(folder)
            inside = tree.children(folder) if is_shared else tree.below(folder)
            files = (entry for entry in inside if entry.is_file and not _INSTALLED.search(entry.path))
            yield from self._unowned(e for e in files if not is_shared or self._used.kinds.get(kind_of(e.path)))
            return
        for entry in tree.below(folder):
            inner = language_packages.folder_of(tree, entry.path) if "/" in entry.path[len(folder) + 1 :] else None
            if entry.is_file and (inner is None or inner.path == folder):
                yield entry

    def _unowned(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """Yield the files that belong to no package. They are looked up in groups, because look-ups may cost a round trip."""
        group: list[Entry] = []
        for entry in entries:
            group.append(entry)
            if len(group) >= FOLDER:
                yield from self._without_owner(group)
                group = []
                if self._left < 0:
                    return
        yield from self._without_owner(group)

    def _without_owner(self, entries: list[Entry]) -> Iterator[Entry]:
        candidates = [entry for entry in entries if self._is_candidate(entry, is_own=True)]
        self._left -= len(entries) - len(candidates)
        owners = self._image.packages.owners(entry.path for entry in candidates)
        return (entry for entry in candidates if not owners[entry.path])

    def _of_package(self, package: Package) -> Iterator[Entry]:
        entries = (self._image.tree.get(path) for path in self._files.get(package, ()))
        return (entry for entry in entries if entry is not None and entry.is_file)

    def _is_candidate(self, entry: Entry, *, is_own: bool) -> bool:
        path = entry.path
        if path in self.found or self._in_folder[posixpath.dirname(path)] >= FOLDER:
            return False
        if path in self._kept and reaches(self._kept.evidence(path), Evidence.ENGINE):
            return False
        return is_useful(path, self._languages, is_own=is_own) and not is_never_added(entry)

    def _candidate(self, entry: Entry, place: _Place) -> Candidate:
        kin = self._used.kinds.get(kind_of(entry.path), 0)
        is_computed = kin > 0 and 2 * self._used.computed.get(kind_of(entry.path), 0) >= kin
        is_namesake = name_of(entry.path) in self._used.names and entry.path.count("/") > 3
        is_basic = place.unit in self._basic
        group = _told(place.unit)
        return Candidate(
            entry.path,
            self._cost(entry),
            place.tier,
            kind(entry),
            is_native(entry),
            kin,
            is_computed,
            is_namesake,
            group,
            is_basic,
            place.detail,
            place.cause,
        )


def is_native(entry: Entry) -> bool:
    """Return True if a file may be native code, judged by its name and mode."""
    suffix = suffix_of(entry.path)
    return _LIBRARY.search(entry.path) is not None or (entry.mode & 0o111 > 0 and suffix not in code_suffixes())


def kind(entry: Entry) -> Kind:
    """Return what a file is to a program, judged by its name and mode."""
    if entry.mode & 0o111 and _COMMANDS.search(entry.path):
        return Kind.COMMAND
    suffix = suffix_of(entry.path)
    return Kind.CODE if suffix in code_suffixes() or is_native(entry) else Kind.DATA


def _is_led_to(kept: KeepSetBuilder, path: str) -> bool:
    """Return True if another file leads to this one: for a source, one in another folder, since sources often find those beside them by name."""
    folder, suffix = posixpath.dirname(path), suffix_of(path)
    causes = [reason.cause for reason in kept.reasons(path) if reason.cause and not _BYTECODE.search(reason.cause)]
    return any(posixpath.dirname(cause) != folder for cause in causes) if suffix in source_suffixes() else bool(causes)


def _is_shared(folder: str) -> bool:
    """Return True for a folder that apps and packages share. Only what is of a kind with files in use there is near to them."""
    return folder in SHARED or posixpath.basename(folder) in _OF_PACKAGES


def _told(unit: Unit) -> str:
    return unit if isinstance(unit, str) else f"{unit.manager} package {unit.name}"
