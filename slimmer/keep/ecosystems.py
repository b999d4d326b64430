"""How the files of all languages together are called, for analyzers of other files.

The languages are those of slimmer.keep.registry, also of other packages' analyzers.
"""

from __future__ import annotations

import re
from functools import cache

from slimmer.keep.language import Ecosystem


@cache
def ecosystems() -> tuple[Ecosystem, ...]:
    """Those of all registered languages. Raises PluginFailed."""
    from slimmer.keep import registry  # only now: it imports the analyzers, which ask for this

    return registry.ecosystems()


@cache
def source_suffixes() -> frozenset[str]:
    """Suffixes of sources, in lower case with the dot."""
    return frozenset().union(*(one.suffixes for one in ecosystems()))


@cache
def code_suffixes() -> frozenset[str]:
    """Suffixes of sources and of what is made from them, in lower case with the dot."""
    return source_suffixes().union(*(one.compiled_suffixes for one in ecosystems()))


@cache
def dependency_folders() -> frozenset[str]:
    """Names of folders that hold installed libraries."""
    return frozenset().union(*(one.dependency_folders for one in ecosystems()))


@cache
def manifests() -> frozenset[str]:
    """Names of files that describe a project, at its top."""
    return frozenset().union(*(one.manifests for one in ecosystems()))


@cache
def extension_folders() -> re.Pattern[str]:
    """Matches the name of a folder below which interpreters find modules of native code."""
    return re.compile("|".join(pattern for one in ecosystems() if (pattern := one.extension_folders)), re.DOTALL)
