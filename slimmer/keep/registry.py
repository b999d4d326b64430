"""The analyzers of this installation: slimmer's own in their order, then those of other packages (slimmer.keep.installed)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

from slimmer.errors import PluginFailed
from slimmer.keep import installed
from slimmer.keep.analyzer import Analyzer, Policy
from slimmer.keep.apps import (
    configurations,
    empty_folders,
    environment_choices,
    language_folders,
    plugins,
    postgresql,
    program_data,
    servers,
    sibling_files,
    sites,
    state,
    static_roots,
    unknown_languages,
)
from slimmer.keep.apps.web_server import follower as web_server
from slimmer.keep.core import (
    engine_needs,
    hard_links,
    interpreters,
    licences,
    links,
    listed,
    nonempty_dirs,
    observed,
    own_layers,
    package_data,
    packages,
    user_selection,
)
from slimmer.keep.core.user_selection import OnlySelected
from slimmer.keep.ecosystems import provide
from slimmer.keep.evidence import Evidence
from slimmer.keep.keepset import LEADS_TO, MISSED
from slimmer.keep.language import Ecosystem
from slimmer.keep.languages.dotnet.language import DOTNET
from slimmer.keep.languages.erlang import applications as erlang
from slimmer.keep.languages.erlang.language import ERLANG
from slimmer.keep.languages.java import rule as java
from slimmer.keep.languages.java.language import JAVA
from slimmer.keep.languages.lua.language import LUA
from slimmer.keep.languages.node.language import NODE
from slimmer.keep.languages.perl.language import PERL
from slimmer.keep.languages.php.language import PHP
from slimmer.keep.languages.python import startup as python_startup
from slimmer.keep.languages.python.language import PYTHON
from slimmer.keep.languages.r import packages as r_packages
from slimmer.keep.languages.ruby.language import RUBY
from slimmer.keep.languages.shell.language import SHELL
from slimmer.keep.margin import margin
from slimmer.keep.native import native
from slimmer.keep.sources.language_analyzer import LanguageAnalyzer

KEEPER_RULES: Mapping[str, Evidence] = {
    LEADS_TO: Evidence.STRUCTURAL,
    nonempty_dirs.RULE: Evidence.STRUCTURAL,
    MISSED: Evidence.USED,
    package_data.RULE: Evidence.STRUCTURAL,
    margin.RULE: Evidence.USED,
}
"""The rules of the keeper itself, of the margin, and of the findings that a verification adds. Files of the margin are followed as if they
were used."""


BUILTIN: tuple[Analyzer, ...] = (
    user_selection.ANALYZER,
    observed.ANALYZER,
    listed.ANALYZER,
    engine_needs.ANALYZER,
    own_layers.ANALYZER,
    state.ANALYZER,
    empty_folders.ANALYZER,
    java.ANALYZER,
    sibling_files.ANALYZER,
    environment_choices.ANALYZER,
    language_folders.ANALYZER,
    sites.ANALYZER,
    static_roots.ANALYZER,
    unknown_languages.ANALYZER,
    plugins.ANALYZER,
    configurations.ANALYZER,
    postgresql.ANALYZER,
    servers.ANALYZER,
    r_packages.ANALYZER,
    erlang.ANALYZER,
    links.ANALYZER,
    hard_links.ANALYZER,
    OnlySelected("native-chosen", (interpreters.ANALYZER, native.ANALYZER)),
    OnlySelected("shell-chosen", (interpreters.ANALYZER, LanguageAnalyzer(SHELL))),
    native.ANALYZER,
    interpreters.ANALYZER,
    LanguageAnalyzer(SHELL),
    web_server.ANALYZER,
    python_startup.ANALYZER,
    LanguageAnalyzer(PYTHON),
    LanguageAnalyzer(NODE),
    LanguageAnalyzer(RUBY),
    LanguageAnalyzer(PHP),
    LanguageAnalyzer(PERL),
    LanguageAnalyzer(LUA),
    LanguageAnalyzer(DOTNET),
    program_data.ANALYZER,
    packages.ANALYZER,
    licences.ANALYZER,
)
"""slimmer's own analyzers. The order of a path's reasons follows it."""


_ECOSYSTEMS: tuple[Ecosystem, ...] = (JAVA, ERLANG)
"""The ecosystems of languages whose analyzers have no attribute `language`."""


def analyzers(policy: Policy) -> tuple[Analyzer, ...]:
    """The analyzers that run under a policy, in their order. Raises PluginFailed."""
    return tuple(one for one in everything() if policy in one.policies)


@cache
def everything() -> tuple[Analyzer, ...]:
    """All analyzers. Raises PluginFailed if one of another package cannot be used."""
    return (*BUILTIN, *installed.analyzers(frozenset(one.id for one in BUILTIN)))


@cache
def ecosystems() -> tuple[Ecosystem, ...]:
    """The languages of all analyzers that have one in an attribute `language`, as LanguageAnalyzer does. Raises PluginFailed."""
    found = (getattr(analyzer, "language", None) for analyzer in everything())
    return (*_ECOSYSTEMS, *(language for language in found if isinstance(language, Ecosystem)))


provide(ecosystems)


@cache
def evidence() -> Mapping[str, Evidence]:
    """The evidence of each rule. Raises PluginFailed if an analyzer cannot be used, or two of them disagree about a rule."""
    return merged(everything())


def merged(analyzers: Iterable[Analyzer]) -> Mapping[str, Evidence]:
    """The rules of these analyzers and of the keeper. Raises PluginFailed if two of them disagree about a rule."""
    found = dict(KEEPER_RULES)
    for analyzer in analyzers:
        for rule, strength in analyzer.rules.items():
            if found.setdefault(rule, strength) is not strength:
                raise PluginFailed(
                    f"the analyzer {analyzer.id} gives the rule {rule} the evidence {strength.name}, "
                    f"another one gives it {found[rule].name}",
                    hint="A rule means the same wherever it is used: give one of them another name.",
                )
    return found
