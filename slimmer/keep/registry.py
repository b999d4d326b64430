"""The analyzers of this installation: slimmer's own in their order, then those of installed packages.

A package adds an analyzer with an entry point of the group `slimmer.analyzers` that names an Analyzer object
(https://packaging.python.org/en/latest/specifications/entry-points/).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import entry_points

from slimmer.errors import PluginFailed
from slimmer.keep.analyzer import Analyzer, Follower, FunctionAnalyzer, Policy, Seed
from slimmer.keep.apps.plugins import plugins
from slimmer.keep.apps.postgresql import postgresql
from slimmer.keep.apps.sibling_files import sibling_files
from slimmer.keep.apps.sites import sites
from slimmer.keep.apps.web_server.follower import web_server
from slimmer.keep.core.engine_needs import engine_needs
from slimmer.keep.core.interpreters import interpreters
from slimmer.keep.core.licences import licences
from slimmer.keep.core.links import links
from slimmer.keep.core.listed import listed
from slimmer.keep.core.observed import observed
from slimmer.keep.core.packages import packages
from slimmer.keep.core.user_selection import only_selected, user_selection
from slimmer.keep.evidence import Evidence
from slimmer.keep.languages.java.rule import java
from slimmer.keep.languages.node.language import NODE
from slimmer.keep.languages.perl.language import PERL
from slimmer.keep.languages.php.language import PHP
from slimmer.keep.languages.python.language import PYTHON
from slimmer.keep.languages.r.packages import r_packages
from slimmer.keep.languages.ruby.language import RUBY
from slimmer.keep.languages.shell.follower import shell
from slimmer.keep.native.native import native
from slimmer.keep.sources.language_analyzer import LanguageAnalyzer

GROUP = "slimmer.analyzers"
"""The group of entry points that other packages use."""

_ALL = frozenset(Policy)
_OBSERVED = frozenset((Policy.OBSERVED,))
_REACHABLE = frozenset((Policy.BALANCED, Policy.GENEROUS))
_GENEROUS = frozenset((Policy.GENEROUS,))

KEEPER_RULES: Mapping[str, Evidence] = {
    "leads-to": Evidence.STRUCTURAL,
    "not-hollow": Evidence.STRUCTURAL,
    "missed": Evidence.USED,
}
"""The rules of the keeper itself, and of the findings that a verification adds."""

_NATIVE = ("elf", "certificates", "name-service", "time-zones", "locales", "character-sets", "fonts")
_SOURCE = ("program", "time-zones")
"""Rules that several languages use."""


def _analyzer(
    id: str,
    policies: frozenset[Policy],
    rules: Mapping[str, Evidence],
    seed: Seed | None = None,
    follower: Follower | None = None,
) -> Analyzer:
    return FunctionAnalyzer(id, policies, rules, seed, follower)


def _used(*rules: str) -> dict[str, Evidence]:
    return dict.fromkeys(rules, Evidence.USED)


def _language(id: str) -> dict[str, Evidence]:
    return {**_used(id, *_SOURCE), "named-path": Evidence.SEEN}


BUILTIN: tuple[Analyzer, ...] = (
    _analyzer("chosen", _ALL, _used("chosen"), user_selection),
    _analyzer("observed", _ALL, {"observed": Evidence.SEEN}, observed),
    _analyzer("listed", _ALL, {"listed": Evidence.LISTED}, listed),
    _analyzer("engine", _ALL, {"engine": Evidence.ENGINE}, engine_needs),
    _analyzer("java", _REACHABLE, _used("java"), java),
    _analyzer("like-files", _REACHABLE, _used("like-files"), sibling_files),
    _analyzer("site", _REACHABLE, _used("site"), sites),
    _analyzer("plug-ins", _REACHABLE, _used("plug-ins"), plugins),
    _analyzer("postgresql", _REACHABLE, _used("postgresql"), postgresql),
    _analyzer("r", _REACHABLE, _used("r", "time-zones"), r_packages),
    _analyzer("link", _ALL, {"link": Evidence.STRUCTURAL}, follower=links),
    _analyzer("native-chosen", _OBSERVED, _used("interpreter", *_NATIVE), follower=only_selected(native)),
    _analyzer(
        "shell-chosen",
        _OBSERVED,
        _used("interpreter", *_language("shell")) | _language("shell"),
        follower=only_selected(shell),
    ),
    _analyzer("native", _REACHABLE, _used(*_NATIVE), follower=native),
    _analyzer("interpreter", _REACHABLE, _used("interpreter"), follower=interpreters),
    _analyzer("shell", _REACHABLE, _language("shell"), follower=shell),
    _analyzer("web-server", _REACHABLE, _used("web-server"), follower=web_server),
    LanguageAnalyzer(PYTHON),
    LanguageAnalyzer(NODE),
    LanguageAnalyzer(RUBY),
    LanguageAnalyzer(PHP),
    LanguageAnalyzer(PERL),
    _analyzer("package", _GENEROUS, _used("package"), follower=packages),
    _analyzer("licence", _ALL, {"licence": Evidence.LISTED}, follower=licences),
)
"""slimmer's own analyzers. The order of a path's reasons follows it."""


@cache
def installed() -> tuple[Analyzer, ...]:
    """The analyzers of other packages, sorted by the names of their entry points. Raises PluginFailed."""
    found: list[Analyzer] = []
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        try:
            found.append(point.load())
        except Exception as error:
            raise PluginFailed(
                f"the analyzer {point.name} ({point.value}) cannot be loaded: {type(error).__name__}: {error}",
                hint="Update or uninstall the package that brings it.",
            ) from error
    return tuple(found)


def analyzers(policy: Policy) -> tuple[Analyzer, ...]:
    """The analyzers that run under a policy, in their order."""
    return tuple(one for one in (*BUILTIN, *installed()) if policy in one.policies)


@cache
def evidence() -> Mapping[str, Evidence]:
    """The evidence of each rule. Raises PluginFailed if two analyzers disagree about a rule."""
    return merged((*BUILTIN, *installed()))


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
