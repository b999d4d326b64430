"""The names and suffixes of files of all languages together, for analyzers of other files.

The languages are those of slimmer.keep.registry, including those that other packages add. The registry hands them over when it is
imported, because it imports the analyzers that use this module.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from slimmer.keep.language import Ecosystem

Provider = Callable[[], tuple[Ecosystem, ...]]
"""Returns the ecosystems of all registered languages. Raises PluginFailed if another package's analyzer cannot be used."""

_providers: list[Provider] = []


def provide(provider: Provider) -> None:
    """Set where the ecosystems come from. The registry calls this once."""
    _providers[:] = [provider]


@cache
def ecosystems() -> tuple[Ecosystem, ...]:
    """Return the ecosystems of all registered languages. Raise PluginFailed, or LookupError if the registry was not imported."""
    if not _providers:
        raise LookupError("slimmer.keep.registry was not imported, so no language is known")
    return _providers[0]()


@cache
def source_suffixes() -> frozenset[str]:
    """Return the suffixes of sources, in lower case with the dot."""
    return frozenset().union(*(one.suffixes for one in ecosystems()))


@cache
def code_suffixes() -> frozenset[str]:
    """Return the suffixes of sources and of files compiled from them, in lower case with the dot."""
    return source_suffixes().union(*(one.compiled_suffixes for one in ecosystems()))


@cache
def dependency_folders() -> frozenset[str]:
    """Return the names of folders that hold installed libraries."""
    return frozenset().union(*(one.dependency_folders for one in ecosystems()))


@cache
def manifests() -> frozenset[str]:
    """Return the names of files that describe a project and lie at its top."""
    return frozenset().union(*(one.manifests for one in ecosystems()))


@cache
def extension_folders() -> re.Pattern[str]:
    """Return a pattern for the names of folders below which interpreters find native modules."""
    return re.compile("|".join(pattern for one in ecosystems() if (pattern := one.extension_folders)), re.DOTALL)
