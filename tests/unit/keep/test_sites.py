"""A start page keeps the files that a browser loads with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from slimmer.keep.apps import sites as rule
from slimmer.keep.apps.sites import ANALYZER
from slimmer.testing import LocalImage, by_rule, opened, run

WWW = "/usr/lib/queue/plugins/console/priv/www"
ASSETS = ("js/main.js", "css/main.css", "img/logo.SVG", "index.html", "deep/er/font.woff2")


@pytest.fixture
def image(tmp_path: Path) -> LocalImage:
    image = LocalImage(tmp_path)
    for name in (*ASSETS, "js/list.ejs", "node_modules/x/x.js"):
        image.add(f"{WWW}/{name}", "12345")
    image.add("/usr/lib/queue/other.js")
    image.add("/index.html")
    return image


def kept(image: LocalImage, path: str, *, operation: str = "open") -> set[str]:
    return by_rule(run(ANALYZER, image.view(opened(path, operation=operation))), rule.RULE)


def test_a_site_stays_with_its_page(image: LocalImage) -> None:
    assert kept(image, f"{WWW}/index.html") == {f"{WWW}/{name}" for name in (*ASSETS, "js/list.ejs")}


@pytest.mark.parametrize("name", ["server.py", "package.json"])
def test_beside_an_apps_code_what_browsers_load_stays(image: LocalImage, name: str) -> None:
    image.add(f"{WWW}/{name}")
    found = {path for path in kept(image, f"{WWW}/index.html") if not path.endswith("package.json")}
    assert found == {f"{WWW}/{name}" for name in ASSETS}


@pytest.mark.parametrize(("path", "operation"), [(f"{WWW}/js/main.js", "open"), (f"{WWW}/index.html", "look-up")])
def test_only_a_page_that_was_opened_counts(image: LocalImage, path: str, operation: str) -> None:
    assert kept(image, path, operation=operation) == set()


def test_the_images_root_is_no_site(image: LocalImage) -> None:
    assert kept(image, "/index.html") == set()


@pytest.mark.parametrize(("limit", "value"), [("SITE_FILES", 5), ("SITE_BYTES", 29)])
def test_a_site_is_bounded(image: LocalImage, monkeypatch: pytest.MonkeyPatch, limit: str, value: int) -> None:
    monkeypatch.setattr(rule, limit, value)
    assert kept(image, f"{WWW}/index.html") == set()


def test_pages_in_each_others_sites_are_bounded_together(image: LocalImage, monkeypatch: pytest.MonkeyPatch) -> None:
    """An app may open a page in each of a thousand nested folders, with any number of files below them."""
    folders = [WWW + "/d" * depth for depth in range(6)]
    for folder in folders:
        image.add(f"{folder}/index.html")
    context = image.view(*(opened(f"{folder}/index.html") for folder in folders))
    everything = by_rule(run(ANALYZER, context), rule.RULE)
    assert f"{folders[-1]}/index.html" in everything
    monkeypatch.setattr(rule, "LOOKED_AT", sum(1 for _ in context.tree.below(WWW)) + 5)
    kept = run(ANALYZER, context)
    assert by_rule(kept, rule.RULE) == everything
    causes = {reason.cause for reasons in kept.reasons.values() for reason in reasons if reason.rule == rule.RULE}
    assert len(causes) < len(folders)
