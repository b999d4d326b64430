"""Ruby as a language."""

from __future__ import annotations

import re

from slimmer.keep.language import Language
from slimmer.keep.languages.ruby.reader import Facts, read
from slimmer.keep.languages.ruby.resolver import RubyResolver

RUBY = Language(
    id="ruby",
    version=8,
    facts_type=Facts,
    read=read,
    programs=re.compile(r"(?:j|truffle)?ruby[0-9.]{0,8}"),
    resolver=RubyResolver,
    lists=True,
    suffixes=frozenset((".rb",)),
    compiled_suffixes=frozenset((".gem",)),
    dependency_folders=frozenset(("gems",)),
    manifests=frozenset(("Gemfile",)),
    extension_folders=r"ruby|gems",
)
