"""Sources and configuration in an image, as far as slimmer reads them with patterns of its own, and the user's patterns of paths.

What tree-sitter parses is not here: its C is not slimmer's.
"""

from __future__ import annotations

from contextlib import suppress

from slimmer.errors import UsageError
from slimmer.image.tree import Tree
from slimmer.keep.apps.web_server.directives import read_configuration
from slimmer.keep.language import Origin, Source
from slimmer.keep.languages.dotnet import reader as dotnet
from slimmer.keep.languages.lua.nginx import configuration
from slimmer.keep.languages.node.manifest import read_manifest, targets
from slimmer.keep.languages.perl import reader as perl
from slimmer.keep.languages.php.composer import INSTALLED, read_list, read_map
from slimmer.keep.languages.python.metadata import _entry_points
from slimmer.keep.languages.python.string_names import encoding_names, schemes
from slimmer.keep.languages.shell.command_files import KINDS, script_of
from slimmer.keep.languages.shell.crontab import commands_of
from slimmer.keep.selection import Patterns, literal_path
from slimmer.sandbox.facts import dump_facts, load_facts

CONDITIONS = frozenset(("node", "import", "require", "default"))
HEAD = b"%s 0 0 0 0 0 1 %d 0 0 0\0"
TREE = Tree(
    HEAD % (b"40755", 1) + b"/\0\0\0" + HEAD % (b"120777", 2) + b"/lib\0usr/lib\0\0" + HEAD % (b"40755", 3) + b"/usr\0\0\0"
    + HEAD % (b"40755", 4) + b"/usr/lib\0\0\0" + HEAD % (b"100644", 5) + b"/usr/lib/a b.so\0\0\0"
)  # fmt: skip


def perl_source(data: bytes) -> None:
    """Never raises; the facts come back from the cache as they went there."""
    for origin in Origin:
        facts = perl.read(Source(".pl", data, origin))
        assert len(facts.requests) <= perl.LIMIT
        assert load_facts(perl.Facts, dump_facts(facts)) == facts


def lua_source(data: bytes) -> None:
    """Never raises; the Lua in a configuration of nginx is a part of it."""
    found = configuration(data)
    assert len(found.code) <= 10 * (len(data) + 1)
    assert all(len(path) <= len(data) for path in (*found.files, *found.paths))


def assembly(data: bytes) -> None:
    """Never raises; lists are bounded; the facts come back from the cache as they went there."""
    for dialect in dotnet.Dialect:
        facts = dotnet.read(Source(".dll", data, Origin.APP, dialect))
        assert max(len(facts.references), len(facts.words), len(facts.assets)) <= dotnet.LIMIT
        assert load_facts(dotnet.Facts, dump_facts(facts)) == facts


def cached_facts(data: bytes) -> None:
    """Facts, or None for what is none."""
    facts = load_facts(perl.Facts, data)
    assert facts is None or load_facts(perl.Facts, dump_facts(facts)) == facts


def crontab(data: bytes) -> None:
    """Never raises; as many lines as there were. The same for other files that name commands."""
    for system in (False, True):
        assert len(commands_of(data, system=system)) <= len(data) + 1
    for kind in KINDS:
        script_of(data, kind)


def directives(data: bytes) -> None:
    """Never raises; arguments are bounded."""
    for directive in read_configuration(data).directives:
        assert all(isinstance(path, str) for path in directive.paths)


def node_manifest(data: bytes) -> None:
    """Never raises; what a subpath leads to is bounded."""
    found = read_manifest(data)
    for mapping in (found.exports, found.imports):
        for subpath in (".", "./a", "#a"):
            assert sum(1 for _ in targets(mapping, subpath, CONDITIONS)) <= 1 << 16


def words(data: bytes) -> None:
    """Never raises; lists of classes, names in metadata and words of a source."""
    read_list(data, "/usr/share/php")
    for name in (INSTALLED, "autoload_psr4.php"):
        read_map(data, name, "/srv/vendor")
    _entry_points(data)
    text = data.decode(errors="surrogateescape").split("\n")
    list(encoding_names(text, data))
    list(schemes(text))


def path_patterns(data: bytes) -> None:
    """UsageError, or patterns that say of each path whether it fits."""
    lines = data.decode(errors="surrogateescape").split("\n")[:20]
    with suppress(UsageError):
        patterns = Patterns(TREE, lines, "--include")
        chosen = {entry.path for entry in TREE if patterns.match(entry)}
        assert all(entry.path in chosen for _, found in patterns.matches() for entry in found)
        assert not patterns.excludes("/")
    for line in lines:
        assert literal_path(line) == "" or literal_path(line).startswith("/")


TARGETS = {
    "perl_source": perl_source,
    "lua_source": lua_source,
    "assembly": assembly,
    "cached_facts": cached_facts,
    "crontab": crontab,
    "directives": directives,
    "node_manifest": node_manifest,
    "words": words,
    "path_patterns": path_patterns,
}
