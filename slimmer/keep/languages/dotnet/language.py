""".NET as a language: Mono, and .NET (Core), whose programs have the name of the app."""

from __future__ import annotations

import re

from slimmer.keep.evidence import Evidence
from slimmer.keep.language import Language
from slimmer.keep.languages.dotnet.layout import is_assembly, is_source
from slimmer.keep.languages.dotnet.reader import Facts, read
from slimmer.keep.languages.dotnet.resolver import DotnetResolver
from slimmer.keep.native import time_zones


def _sources(opened: frozenset[str]) -> frozenset[str]:
    """Assemblies, and what describes them. Without assemblies, the image does not use .NET."""
    found = frozenset(path for path in opened if is_source(path))
    return found if any(is_assembly(path) for path in found) else frozenset()


DOTNET = Language(
    id="dotnet",
    version=1,
    facts_type=Facts,
    read=read,
    programs=re.compile(r".{1,255}", re.DOTALL),
    sources=_sources,
    resolver=DotnetResolver,
    rules={time_zones.RULE: Evidence.USED},
    suffixes=frozenset((".cs", ".fs", ".vb")),
    compiled_suffixes=frozenset((".dll", ".exe", ".pdb")),
    extension_folders=r"mono|dotnet",
)
