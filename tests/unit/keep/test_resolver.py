"""Decisions of a Resolver beyond the defaults (texts, contents, variables, kept paths), and the bounds of a Language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from slimmer.image.tree import Entry
from slimmer.keep.analyzer import Kept
from slimmer.keep.cache import FactsCache
from slimmer.keep.evidence import Evidence
from slimmer.keep.language import Language, Limits, Source, Text
from slimmer.keep.sources.language_analyzer import LanguageAnalyzer
from slimmer.keep.sources.reading import SourceFacts
from slimmer.testing import LocalImage, files, run
from tests.unit.keep.recipes import RECIPES, RESOLVERS, Facts, RecipeResolver, read

FLOUR, BREAD, EGG = "/usr/share/flour", "/app/bread.rcp", "/app/egg.rcp"


def read_menu(source: Source) -> Facts:
    """Recipes that may use `$NAME`."""
    content = source.content
    for name, value in source.variables.items():
        content = content.replace(b"$" + name.encode(), value.encode())
    return read(replace(source, content=content))


class MenuResolver(RecipeResolver):
    """Menus are texts of the configuration; flour has no suffix; a recipe begins with a word."""

    @property
    def variables(self) -> Mapping[str, str]:
        return {"MAIN": "bread"}

    def texts(self) -> Sequence[Text]:
        return [Text("/app/the menu", b"use $MAIN", "card")]

    def accepts(self, path: str) -> bool:
        return path == FLOUR or super().accepts(path)

    def takes(self, path: str, kept: Kept, *, opened: bool) -> bool:
        return opened or path == FLOUR

    def is_data(self, entry: Entry) -> bool:
        return False

    def recognizes(self, path: str, content: bytes) -> bool:
        return content.startswith(b"use")


MENU = replace(
    RECIPES,
    id="menu",
    read=read_menu,
    resolver=MenuResolver,
    rules={"recipes": Evidence.USED},
    unopened=True,
)


@pytest.fixture
def image(tmp_path: Path) -> LocalImage:
    image = LocalImage(tmp_path / "image")
    image.add(BREAD, "use egg")
    image.add(EGG, "use salt")
    image.add("/app/salt.rcp", "use")
    image.add(FLOUR, "use wheat")
    image.add("/usr/share/wheat.rcp", "use")
    return image


def kept(image: LocalImage, language: Language[Facts] = MENU) -> set[str]:
    """Return the files that are kept of an image in which no recipe was opened."""
    view = image.view()
    return files(view, run(LanguageAnalyzer(language), view, "/app"))


def test_texts_are_the_first_sources_and_variables_have_values(image: LocalImage) -> None:
    assert kept(image) == {BREAD, EGG, "/app/salt.rcp"}
    first = RESOLVERS[-1].layers[0]
    assert first == {"/app/the menu": Facts(("bread",), "app card")}


def test_without_texts_a_configured_language_costs_nothing(image: LocalImage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MenuResolver, "texts", lambda self: ())
    assert kept(image) == set()
    assert RESOLVERS[-1].layers == []


def test_what_is_no_source_by_its_content_says_nothing(image: LocalImage) -> None:
    image.add(BREAD, "# a text\nuse egg")
    assert kept(image) == {BREAD}


def test_a_language_chooses_the_kept_paths_that_it_follows(image: LocalImage) -> None:
    view = image.view()
    assert files(view, run(LanguageAnalyzer(MENU), view, FLOUR)) >= {FLOUR, "/usr/share/wheat.rcp"}
    plain = replace(RECIPES, unopened=True)
    assert files(view, run(LanguageAnalyzer(plain), view, FLOUR, EGG)) == {FLOUR, EGG}


def test_data_of_the_system_is_no_source_by_default(image: LocalImage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(MenuResolver, "is_data")
    view = image.view()
    assert "/usr/share/wheat.rcp" not in run(LanguageAnalyzer(MENU), view, FLOUR)


@pytest.mark.parametrize(
    ("limits", "read_too"), [(Limits(), True), (Limits(source=5), False), (Limits(total=9), False)]
)
def test_what_is_beyond_the_limits_of_a_language_stays_unread(
    image: LocalImage, limits: Limits, read_too: bool
) -> None:
    found = kept(image, replace(MENU, limits=limits))
    assert BREAD in found
    assert ("/app/salt.rcp" in found) is read_too


def test_facts_are_remembered_for_the_values_of_variables(image: LocalImage, tmp_path: Path) -> None:
    cache = FactsCache(tmp_path / "cache")
    answers = [
        dict(SourceFacts(image.view(cache=cache), MENU).read_texts([Text("menu", b"use $MAIN")], {"MAIN": value}))
        for value in ("bread", "egg", "bread")
    ]
    assert [answer["menu"].used for answer in answers] == [("bread",), ("egg",), ("bread",)]
