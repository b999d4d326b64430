"""The part that all languages share: first sources, layers, the cache, unreadable sources, and what other analyzers ask of languages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from slimmer.keep import ecosystems, registry
from slimmer.keep.apps.sites import sites
from slimmer.keep.cache import FactsCache
from slimmer.keep.image_view import ImageView
from slimmer.keep.language import Language, Origin
from slimmer.keep.sources.language_analyzer import LanguageAnalyzer
from slimmer.keep.sources.reading import SourceFacts
from slimmer.sandbox.round import Answer, Work
from slimmer.sandbox.sandbox import Sandbox
from slimmer.testing import LocalImage, by_rule, files, opened, run
from tests.unit.keep.recipes import RECIPES, RESOLVERS, Facts

COOKING = LanguageAnalyzer(RECIPES)
SOUP = "/app/soup.rcp"


@pytest.fixture
def image(tmp_path: Path) -> LocalImage:
    image = LocalImage(tmp_path / "image")
    image.add(SOUP, "use stock\nlazily use bread\n")
    image.add("/app/stock.rcp", "use salt")
    image.add("/app/bread.card", "use salt\nuse nothing")
    image.add("/app/salt.rcp")
    image.add("/app/cake.rcp")
    return image


def cooked(image: LocalImage, language: Language[Facts] = RECIPES, *paths: str) -> set[str]:
    """Return the files that are kept of an image in which the cook opened the soup and these other files."""
    view = image.view(*(opened(path, by="/usr/bin/cook2") for path in (SOUP, *paths)))
    return files(view, run(LanguageAnalyzer(language), view))


def test_sources_are_followed_in_layers_one_round_trip_each(image: LocalImage) -> None:
    assert cooked(image) == {SOUP, "/app/stock.rcp", "/app/bread.card", "/app/salt.rcp"}
    assert [list(layer) for layer in RESOLVERS[-1].layers] == [
        [SOUP],
        ["/app/stock.rcp", "/app/bread.card"],
        ["/app/salt.rcp"],
    ]
    assert image.reads == [SOUP, "/app/stock.rcp", "/app/bread.card", "/app/salt.rcp"], "each is read once"


def test_a_reader_gets_suffix_origin_and_dialect(image: LocalImage) -> None:
    image.add("/app/pantry/jam.rcp", "lazily use fruit")
    image.add("/app/pantry/fruit.rcp")
    assert "/app/pantry/fruit.rcp" not in cooked(image, RECIPES, "/app/pantry/jam.rcp")
    told = {path: facts.read_as for layer in RESOLVERS[-1].layers for path, facts in layer.items()}
    assert told[SOUP] == ".rcp app"
    assert told["/app/bread.card"] == ".card app card"
    assert told["/app/pantry/jam.rcp"] == ".rcp library"


@pytest.mark.parametrize(("path", "by"), [(SOUP, "/usr/bin/cat"), ("/app/bread.card", "/usr/bin/cook")])
def test_without_a_source_that_its_interpreter_opened_a_language_does_not_begin(
    image: LocalImage, path: str, by: str
) -> None:
    assert COOKING.start(image.view(opened(path, by=by))) is None
    image.add("/usr/bin/cook", mode=0o755)
    RESOLVERS.clear()
    assert by_rule(run(COOKING, image.view(opened(path, by=by))), "recipes") == set()
    assert RESOLVERS == [] and image.reads == []


def test_a_script_is_handed_to_its_language_no_matter_what_opened_it(image: LocalImage) -> None:
    image.add("/usr/bin/cook", mode=0o755)
    made = (("dinner", 0o755, "waiter"), ("notes", 0o644, "waiter"), ("copied", 0o644, "cp"))
    for name, mode, _ in made:
        image.add(f"/app/{name}.rcp", f"#!/usr/bin/env cook\nuse {name}salt", mode=mode)
        image.add(f"/app/{name}salt.rcp")
    view = image.view(*(opened(f"/app/{name}.rcp", by=f"/usr/bin/{by}") for name, _, by in made))
    assert by_rule(run(COOKING, view), "recipes") == {"/app/dinnersalt.rcp", "/app/copiedsalt.rcp"}


def test_modules_in_a_listed_folder_are_followed(image: LocalImage) -> None:
    image.add("/app/dishes/pie.rcp", "use fruit")
    image.add("/app/dishes/fruit.rcp")
    image.add("/app/dishes/readme.txt")
    image.add("/app/pantry/jam.rcp")
    seen = (
        opened(SOUP, by="/usr/bin/cook"),
        *(opened(f"/app/{name}", by=by, operation="read-dir") for name, by in LISTED),
    )
    listing = LanguageAnalyzer(replace(COOKING.language, lists=True))
    added = by_rule(run(listing, image.view(*seen)), "recipes") - by_rule(run(COOKING, image.view(*seen)), "recipes")
    assert added == {"/app/dishes/pie.rcp", "/app/dishes/fruit.rcp"}, (
        "the pantry holds libraries, and cat does not cook"
    )


LISTED = (("dishes", "/usr/bin/cook"), ("pantry", "/usr/bin/cook"), ("", "/usr/bin/cat"))


def test_a_source_that_cannot_be_read_has_no_facts_and_is_noted(image: LocalImage) -> None:
    image.add("/app/stock.rcp", "hostile")
    view: ImageView = image.view(opened(SOUP, by="/usr/bin/cook"))
    kept = run(COOKING, view)
    assert "/app/stock.rcp" in kept and "/app/salt.rcp" in kept, "bread needs salt, too"
    assert RESOLVERS[-1].layers[1]["/app/stock.rcp"] == Facts()
    assert view.sandbox.unreadable == {"/app/stock.rcp": "its reader failed (OSError)"}


@pytest.mark.parametrize(
    ("language", "is_known"),
    [(RECIPES, True), (replace(RECIPES, version=2), False), (replace(RECIPES, id="menus"), False)],
    ids=["the same", "another version", "another language"],
)
def test_facts_are_remembered_for_a_language_and_version(
    image: LocalImage, language: Language[Facts], is_known: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = image.view(opened(SOUP, by="/usr/bin/cook"), cache=FactsCache(tmp_path / "cache"))
    run(COOKING, view)
    parsed: list[Work] = []

    def parse(sandbox: Sandbox, works: Sequence[Work], share: int) -> Sequence[Answer | None]:
        parsed.extend(works)
        return [None] * len(works)

    monkeypatch.setattr(Sandbox, "_run", parse)
    list(SourceFacts(view, language).read([SOUP], lambda path: Origin.APP))
    assert bool(parsed) is not is_known


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Register the language of recipes, as another package does."""
    own = registry.everything()
    monkeypatch.setattr(registry, "everything", lambda: (*own, COOKING))
    asked = (
        registry.ecosystems,
        ecosystems.ecosystems,
        ecosystems.source_suffixes,
        ecosystems.code_suffixes,
        ecosystems.dependency_folders,
        ecosystems.manifests,
        ecosystems.extension_folders,
    )
    for one in asked:
        one.cache_clear()
    yield
    for one in asked:
        one.cache_clear()


@pytest.mark.usefixtures("registered")
def test_other_analyzers_know_a_registered_language() -> None:
    assert {".rcp", ".rb", ".ts", ".php", ".pl", ".py", ".java", ".sh"} <= ecosystems.source_suffixes()
    assert {".rcp", ".card", ".pyc", ".jar", ".node"} <= ecosystems.code_suffixes()
    assert {"pantry", "node_modules", "gems", "vendor", "site-packages"} <= ecosystems.dependency_folders()
    assert {"menu.toml", "package.json", "Gemfile", "pom.xml"} <= ecosystems.manifests()
    assert ecosystems.extension_folders().fullmatch("spoons2") and ecosystems.extension_folders().fullmatch("perl5.36")
    assert not ecosystems.extension_folders().fullmatch("lib")


def page(image: LocalImage) -> set[str]:
    for path in ("/srv/shop/index.html", "/srv/shop/shop.css", "/srv/shop/server.bin", "/srv/shop/menu.toml"):
        image.add(path)
    view = image.view(opened("/srv/shop/index.html", by="/srv/shop/server"))
    return {finding.path for finding in sites(view) or ()}


def test_a_folder_with_an_unknown_manifest_is_a_site(image: LocalImage) -> None:
    assert "/srv/shop/server.bin" in page(image)


@pytest.mark.usefixtures("registered")
def test_a_folder_with_a_registered_languages_manifest_is_an_app(image: LocalImage) -> None:
    assert page(image) == {"/srv/shop/index.html", "/srv/shop/shop.css"}
