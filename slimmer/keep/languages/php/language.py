"""PHP as a language."""

from __future__ import annotations

import re

from slimmer.keep.language import Language
from slimmer.keep.languages.php.reader import Facts, read
from slimmer.keep.languages.php.resolver import PhpResolver


def _sources(opened: frozenset[str]) -> frozenset[str]:
    """Return the sources among the opened files, judged by their names, because web servers that run PHP open all sorts of files."""
    return frozenset(path for path in opened if path.endswith((".php", ".phtml", ".inc")) or "." not in path)


PHP = Language(
    id="php",
    version=7,
    facts_type=Facts,
    read=read,
    programs=re.compile(
        r"php(?:-fpm|-cgi|dbg)?[0-9.]{0,8}|apache2|httpd|frankenphp|unitd|uwsgi(?:-core)?|roadrunner|rr"
    ),
    sources=_sources,
    resolver=PhpResolver,
    lists=True,
    suffixes=frozenset((".php",)),
    dependency_folders=frozenset(("vendor",)),
    manifests=frozenset(("composer.json",)),
    extension_folders=r"php[\d.]*|extensions",
)
