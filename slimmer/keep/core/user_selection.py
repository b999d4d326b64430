"""Keep what the user asked for by name: paths, commands, packages, a working shell.

If the image does not have what the user asked for, this analyzer raises UsageError and suggests similar names. No other analyzer
raises an error for what an image lacks.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from slimmer.errors import UsageError
from slimmer.image.packages import SYSTEM_MANAGERS
from slimmer.image.suggestions import did_you_mean, near_names, near_paths
from slimmer.image.tree import Entry, Tree
from slimmer.keep.analyzer import EVERY_POLICY, Analysis, Analyzer, FunctionAnalyzer, Kept, Policy
from slimmer.keep.core import own_layers
from slimmer.keep.core.shell_tools import shell_tools
from slimmer.keep.evidence import Evidence
from slimmer.keep.image_view import ImageView, reach
from slimmer.keep.keepset import Finding, Reason
from slimmer.keep.selection import Patterns, literal_path

RULE = "chosen"
TRACED = (RULE, own_layers.RULE)
"""The rules of what the user chose by name or by layer."""

SHOWN = 3
"""The most unreadable databases that a message names."""


def user_selection(image: ImageView) -> Iterator[Finding] | None:
    """Yield findings for --include, --include-bin, --include-package and --include-shell, each with its option as the reason."""
    return None if image.selection.is_empty else _selected(image)


def _selected(image: ImageView) -> Iterator[Finding]:
    selection = image.selection
    yield from _included(image.tree, selection.include)
    for name in selection.bins:
        yield from _bin(image, name)
    yield from _packages(image, selection.packages)
    if selection.shell:
        for path in shell_tools(image):
            yield from reach(image.tree, path, Reason(RULE, "--include-shell"))


@dataclass(frozen=True, slots=True)
class OnlySelected:
    """Analyzers that see only what the user chose or what is in a layer that stays whole, and what they found because of it.

    So even the policy `observed` keeps a chosen program together with its libraries.
    """

    id: str
    analyzers: tuple[Analyzer, ...]
    policies: frozenset[Policy] = frozenset((Policy.OBSERVED,))

    @property
    def rules(self) -> Mapping[str, Evidence]:
        """The rules of all these analyzers."""
        return {rule: evidence for analyzer in self.analyzers for rule, evidence in analyzer.rules.items()}

    def start(self, image: ImageView) -> Analysis | None:
        """Start an analysis of an image. Return None if the user chose nothing and no layer stays whole."""
        if image.selection.is_empty and image.own_layers is None:
            return None
        return _Traced(image, [found for one in self.analyzers if (found := one.start(image)) is not None])


class _Traced:
    def __init__(self, image: ImageView, analyses: Sequence[Analysis]) -> None:
        self._tree, self._own, self._analyses = image.tree, image.own_layers, analyses
        self._others: dict[str, None] = {}
        self._traced: set[str] = set()

    def seeds(self) -> Iterable[Finding]:
        return ()

    def follow(self, added: Sequence[str], kept: Kept) -> Iterator[Finding]:
        self._others.update(dict.fromkeys(added))
        new = [path for path in self._others if self._is_traced(path, kept)]
        for path in new:
            del self._others[path]
        self._traced.update(new)
        for analysis in self._analyses if new else ():
            yield from analysis.follow(new, kept)

    def _is_traced(self, path: str, kept: Kept) -> bool:
        if self._own is not None and self._own.has(self._tree, path) and not own_layers.is_record(path):
            return True
        return any(reason.rule in TRACED or reason.cause in self._traced for reason in kept.reasons(path))


def _included(tree: Tree, patterns: Iterable[str]) -> Iterator[Finding]:
    for pattern, entries in Patterns(tree, patterns, "--include").matches():
        reason = Reason(RULE, f"--include {pattern}")
        linked = _behind_link(tree, pattern)
        if not entries and not linked:
            path = literal_path(pattern)
            hint = did_you_mean(near_paths(tree, path or pattern), "Patterns are those of .gitignore: /srv/**/*.html")
            raise UsageError(f"--include {pattern} matches nothing in the image", hint=hint)
        for entry in (*entries, *linked):
            yield from reach(tree, entry.path, reason)


def _behind_link(tree: Tree, pattern: str) -> list[Entry]:
    """Return the contents of a folder if the pattern names it by a link, as `/lib` or `/lib/` does."""
    path = literal_path(pattern)
    entry = tree.get(path) if path else None
    end = tree.resolve(path).end if entry is not None and entry.is_link else None
    return list(tree.below(end)) if end is not None and end != "/" else []


def _bin(image: ImageView, name: str) -> Iterator[Finding]:
    """Yield a command, and the whole package if a language's package manager installed it: such a command only starts the package."""
    path = _command(image, name)
    yield from reach(image.tree, path, Reason(RULE, f"--include-bin {name}"))
    end = image.tree.resolve(path).end or path
    image.packages.know_all()
    own = [package for package in image.packages.owners([end])[end] if package.manager not in SYSTEM_MANAGERS]
    for package, file in image.packages.files(own) if own else ():
        yield Finding(file, Reason(RULE, f"--include-bin {name} is of {package.manager} package {package.name}"))


def _command(image: ImageView, name: str) -> str:
    """Return the path of a command. Raise UsageError, which suggests similar names, if the image does not have it."""
    found = image.which(name)
    if found is not None:
        return found
    near = near_names(posixpath.basename(name), _commands(image))
    hint = did_you_mean(near, f"Its PATH is {':'.join(image.config.search_path)}; --include takes any path.")
    raise UsageError(f"--include-bin {name}: the image has no such command on its PATH", hint=hint)


def _commands(image: ImageView) -> Iterator[str]:
    """Yield the names of all files on the image's PATH."""
    for folder in image.config.search_path:
        end = image.end(folder)
        for entry in image.tree.children(end.path) if end is not None else ():
            if not entry.is_directory:
                yield posixpath.basename(entry.path)


def _packages(image: ImageView, names: Sequence[str]) -> Iterator[Finding]:
    for name in names:
        packages = image.packages.named(name)
        if not packages:
            raise _no_such_package(image, name)
        for package, path in image.packages.files(packages):
            detail = f"--include-package {name}: part of {package.manager} package {package.name}"
            yield Finding(path, Reason(RULE, detail))


def _no_such_package(image: ImageView, name: str) -> UsageError:
    near = near_names(name.rpartition(":")[2], (package.name for package in image.packages.everything()))
    unreadable = image.packages.unreadable
    more = f" and {len(unreadable) - SHOWN} more" if len(unreadable) > SHOWN else ""
    otherwise = f"slimmer cannot read {', '.join(unreadable[:SHOWN])}{more}." if unreadable else ""
    hint = did_you_mean(
        near, otherwise or "`slimmer compare IMAGE IMAGE --format json` lists the packages of an image."
    )
    return UsageError(f"--include-package {name}: the image has no such package", hint=hint)


ANALYZER = FunctionAnalyzer("chosen", EVERY_POLICY, {RULE: Evidence.USED}, user_selection)
