"""Facts of sources survive the cache as they were, and what is no facts is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from slimmer.keep.languages.node import source as node
from slimmer.keep.languages.node.follower import node as follow_node
from slimmer.keep.languages.perl import source as perl
from slimmer.keep.languages.php import source as php
from slimmer.keep.languages.ruby import source as ruby
from slimmer.sandbox.facts import dump_facts, load_facts
from slimmer.sandbox.sandbox import Sandbox
from tests.unit.local_image import LocalImage, followed, opened

SOURCES = [
    node.read_source(b"import 'x'; spawn('git'); use('./views/' + n); f(`\xff`); set('a', 'ejs')", ".js", whole=True),
    ruby.read_source(b"require 'x'; autoload :A, 'b'; system('git'); File.read('a'); x.encode('y')", whole=True),
    php.read_source(b"<?php require __DIR__ . '/x.php'; new \\A\\B; exec('git'); f('a/b');", whole=True),
    perl.read_source(b"use A; require 'b.pl'; use lib 'c'; system('git'); /\\p{Greek}/; f('d/e');", whole=True),
]


@pytest.mark.parametrize("facts", SOURCES, ids=lambda facts: type(facts).__module__.split(".")[-2])
def test_facts_survive(facts: object) -> None:
    assert load_facts(type(facts), dump_facts(facts)) == facts
    assert facts != type(facts)()


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"requests": 1}', b'{"requests": [{"specifier": 7}]}'],
)
def test_what_is_no_facts_is_none(data: bytes) -> None:
    assert load_facts(node.Facts, data) is None


def test_what_was_parsed_once_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    image = LocalImage(tmp_path / "image")
    image.add("/srv/app.js", "require('./late')")
    image.add("/srv/late.js")
    context = image.context(opened("/srv/app.js", by="/usr/bin/node"))
    assert "/srv/late.js" in followed(context, follow_node, "/srv/app.js")
    monkeypatch.setattr(Sandbox, "_run", pytest.fail)
    assert "/srv/late.js" in followed(context, follow_node, "/srv/app.js")
