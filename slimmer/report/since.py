"""What changed in the second image of a comparison since a baseline: the slim image of an earlier build."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from slimmer.image.image_stats import ImageStats
from slimmer.image.packages import Package


@dataclass(frozen=True, slots=True)
class Baseline:
    """What is known of the earlier image. `size` is that of its files in bytes. What the baseline's document does not tell is None.

    `privileged` are its files with setuid, setgid or capabilities.
    """

    name: str
    image_id: str
    size: int
    paths: int | None = None
    files: int | None = None
    packages: tuple[Package, ...] | None = None
    shells: tuple[str, ...] | None = None
    package_managers: tuple[str, ...] | None = None
    privileged: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Numbers:
    """A number then and now."""

    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Names:
    """The names that came and that went, each sorted. `updated` are packages of which only the version changed."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Since:
    """What changed since the baseline. `growth` is that of the size in percent, or null if the earlier image was empty.

    `setuid` are files with setuid, setgid or capabilities. A field is null if the baseline's document does not tell.
    """

    name: str
    id: str
    size: Numbers
    growth: float | None
    paths: Numbers | None = None
    files: Numbers | None = None
    packages: Names | None = None
    shells: Names | None = None
    package_managers: Names | None = None
    setuid: Names | None = None


def privileged(stats: ImageStats) -> tuple[str, ...]:
    """Return the files with setuid, setgid or capabilities, sorted, each once."""
    return tuple(sorted({*stats.setuid, *stats.setgid, *stats.capable}))


def since(baseline: Baseline, now: ImageStats) -> Since:
    """Return what changed since the baseline."""
    return Since(
        name=baseline.name,
        id=baseline.image_id,
        size=Numbers(baseline.size, now.size),
        growth=round((now.size - baseline.size) * 100 / baseline.size, 2) if baseline.size else None,
        paths=_numbers(baseline.paths, now.paths),
        files=_numbers(baseline.files, now.files),
        packages=None if baseline.packages is None else _packages(baseline.packages, now.packages),
        shells=_names(baseline.shells, now.shells),
        package_managers=_names(baseline.package_managers, now.package_managers),
        setuid=_names(baseline.privileged, privileged(now)),
    )


def _numbers(before: int | None, after: int) -> Numbers | None:
    return None if before is None else Numbers(before, after)


def _names(before: Collection[str] | None, after: Collection[str]) -> Names | None:
    if before is None:
        return None
    return Names(tuple(sorted({*after} - {*before})), tuple(sorted({*before} - {*after})))


def _packages(before: Iterable[Package], after: Iterable[Package]) -> Names:
    """Return the packages that came, that went, and that have another version. Several versions of one package may be installed."""
    then, now = _versions(before), _versions(after)
    added, removed, updated = list[str](), list[str](), list[str]()
    for key in sorted({*then, *now}):
        gone, new = sorted(then[key] - now[key]), sorted(now[key] - then[key])
        if len(gone) == len(new) == 1:
            updated.append(f"{key[1]} {gone[0]} → {new[0]} ({key[0]})")
        else:
            removed += [package_name(Package(*key, version)) for version in gone]
            added += [package_name(Package(*key, version)) for version in new]
    return Names(tuple(added), tuple(removed), tuple(updated))


def _versions(packages: Iterable[Package]) -> defaultdict[tuple[str, str], set[str]]:
    found = defaultdict[tuple[str, str], set[str]](set)
    for package in packages:
        found[package.manager, package.name].add(package.version)
    return found


def package_name(package: Package) -> str:
    """Return a package in words: "openssl 3.0.1 (deb)"."""
    return " ".join(filter(None, (package.name, package.version, f"({package.manager})")))
