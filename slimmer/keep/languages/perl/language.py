"""Perl as a language."""

from __future__ import annotations

import re

from slimmer.keep.language import Language
from slimmer.keep.languages.perl.reader import Facts, read
from slimmer.keep.languages.perl.resolver import PerlResolver, is_source


def _sources(opened: frozenset[str]) -> frozenset[str]:
    """Return the sources among the opened files; none if no file has a suffix of Perl's, because web servers open all sorts of files."""
    has_perl = any(path.endswith((".pl", ".pm", ".psgi", ".cgi")) for path in opened)
    return frozenset(path for path in opened if is_source(path)) if has_perl else frozenset()


PERL = Language(
    id="perl",
    version=10,
    facts_type=Facts,
    read=read,
    programs=re.compile(r"perl[0-9.]{0,12}|starman|apache2|httpd|uwsgi(?:-core)?"),
    sources=_sources,
    resolver=PerlResolver,
    lists=True,
    suffixes=frozenset((".pl", ".pm")),
    extension_folders=r"perl[\d.]*|perl-base",
)
