"""Facts of sources come back from the cache unchanged, and other values are rejected."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from slimmer.keep.language import Language, Origin, Source
from slimmer.keep.languages.dotnet.language import DOTNET
from slimmer.keep.languages.lua.language import LUA
from slimmer.keep.languages.node.language import NODE
from slimmer.keep.languages.perl.language import PERL
from slimmer.keep.languages.php.language import PHP
from slimmer.keep.languages.ruby.language import RUBY
from slimmer.keep.sources.language_analyzer import LanguageAnalyzer
from slimmer.sandbox.facts import dump_facts, load_facts
from slimmer.sandbox.sandbox import Sandbox
from tests.unit.assembly_maker import make_assembly
from tests.unit.local_image import LocalImage, followed, follower, opened

SOURCES: list[tuple[Language[Any], bytes]] = [
    (NODE, b"import 'x'; spawn('git'); use('./views/' + n); f(`\xff`); set('a', 'ejs')"),
    (RUBY, b"require 'x'; autoload :A, 'b'; system('git'); File.read('a'); x.encode('y')"),
    (PHP, b"<?php require __DIR__ . '/x.php'; new \\A\\B; exec('git'); f('a/b');"),
    (PERL, b"use A; require 'b.pl'; use lib 'c'; system('git'); /\\p{Greek}/; f('d/e');"),
    (LUA, b"#!/usr/bin/lua\nrequire 'x'; io.popen('git'); package.path = './?.lua'; f('a/b')"),
    (DOTNET, make_assembly(["A.B"], calls=["c"], literals=["d/e", "f"], members=["GetEncoding"])),
]


@pytest.mark.parametrize(("language", "content"), SOURCES, ids=[language.id for language, _ in SOURCES])
def test_facts_survive(language: Language[Any], content: bytes) -> None:
    facts = language.read(Source("", content, Origin.APP))
    assert load_facts(language.facts_type, dump_facts(facts)) == facts
    assert facts != language.facts_type()


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"requests": 1}', b'{"requests": [{"specifier": 7}]}'],
)
def test_what_is_no_facts_is_none(data: bytes) -> None:
    assert load_facts(NODE.facts_type, data) is None


def test_what_was_parsed_once_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    image = LocalImage(tmp_path / "image")
    image.add("/srv/app.js", "require('./late')")
    image.add("/srv/late.js")
    context = image.context(opened("/srv/app.js", by="/usr/bin/node"))
    assert "/srv/late.js" in followed(context, follower(LanguageAnalyzer(NODE)), "/srv/app.js")
    monkeypatch.setattr(Sandbox, "_run", pytest.fail)
    assert "/srv/late.js" in followed(context, follower(LanguageAnalyzer(NODE)), "/srv/app.js")
