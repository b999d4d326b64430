"""Texts in other languages stay: folders of languages, files of languages, and what stays of too many."""

from __future__ import annotations

from pathlib import Path

import pytest

from slimmer.image.config import ImageConfig
from slimmer.keep.apps import language_folders as rule
from slimmer.keep.apps.language_folders import ANALYZER
from slimmer.testing import LocalImage, by_rule, opened, run


@pytest.fixture
def image(tmp_path: Path) -> LocalImage:
    return LocalImage(tmp_path)


def kept(image: LocalImage, *paths: str, env: tuple[str, ...] = ()) -> set[str]:
    config = ImageConfig("sha256:1", "amd64", "linux", env=env)
    return by_rule(run(ANALYZER, image.view(*(opened(path) for path in paths), config=config)), rule.RULE)


@pytest.mark.parametrize("opened_in", ["en", "templates", "de"])
def test_error_pages_of_other_languages(image: LocalImage, opened_in: str) -> None:
    for language in ("templates", "en", "de", "zh-hant", "pt_BR", "fr"):
        image.add(f"/usr/share/errors/{language}/ERR_DNS", "x")
        image.add(f"/usr/share/errors/{language}/ERR_NEVER", "x")
    image.add("/usr/share/errors/tools/ERR_DNS", "x")
    found = kept(image, f"/usr/share/errors/{opened_in}/ERR_DNS")
    assert {f"/usr/share/errors/{one}/ERR_DNS" for one in ("templates", "en", "de", "zh-hant", "pt_BR", "fr")} == found


def test_files_named_like_languages(image: LocalImage) -> None:
    for name in ("en.json", "de.json", "zh-CN.json", "fr.json", "fr.txt", "package.json"):
        image.add(f"/opt/x/words/{name}", "x")
    assert kept(image, "/opt/x/words/en.json") == {f"/opt/x/words/{one}.json" for one in ("en", "de", "zh-CN", "fr")}


def test_deeper_paths(image: LocalImage) -> None:
    for language in ("en", "de", "fr"):
        image.add(f"/opt/x/{language}/mail/welcome.txt", "x")
    assert len(kept(image, "/opt/x/en/mail/welcome.txt")) == 3


def test_how_a_language_writes_numbers_lies_above_its_texts(image: LocalImage) -> None:
    for language in ("en", "de", "fr"):
        image.add(f"/opt/x/{language}/LC_MESSAGES/app.mo", "x")
        image.add(f"/opt/x/{language}/formats.py", "x")
        image.add(f"/opt/x/{language}/big.dat", "x" * (1 << 17))
    found = kept(image, "/opt/x/en/LC_MESSAGES/app.mo")
    assert {f"/opt/x/{one}/formats.py" for one in ("en", "de", "fr")} <= found
    assert not any(path.endswith("big.dat") for path in found)


def test_many_files_right_in_the_folder_of_a_language_are_none_of_its_texts(image: LocalImage) -> None:
    for language in ("en", "de", "fr"):
        image.add(f"/opt/x/{language}/mail/welcome.txt", "x")
        for number in range(20):
            image.add(f"/opt/x/{language}/{number}.txt", "x")
    assert len(kept(image, "/opt/x/en/mail/welcome.txt")) == 3


@pytest.mark.parametrize("folder", ["/usr/share/locale", "/usr/share/man", "/proc"])
def test_the_systems_own_catalogues_are_left_out(image: LocalImage, folder: str) -> None:
    for language in ("en", "de", "fr"):
        image.add(f"{folder}/{language}/LC_MESSAGES/x.mo", "x")
    assert not kept(image, f"{folder}/en/LC_MESSAGES/x.mo")


def test_short_names_alone_are_no_languages(image: LocalImage) -> None:
    for name in ("bin", "lib", "src", "css", "img", "js"):
        image.add(f"/opt/x/{name}/a.txt", "x")
    image.add("/opt/x/en/a.txt", "x")
    assert not kept(image, "/opt/x/en/a.txt")


def test_beyond_the_bound_the_root_english_and_the_environments_languages_stay(
    image: LocalImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rule, "FILES", 4)
    for name in ("root", "en", "en_GB", "de", "fr", "it", "es"):
        image.add(f"/opt/x/data/{name}.dat", "x")
    found = kept(image, "/opt/x/data/en.dat", env=("LANG=de_DE.UTF-8",))
    assert found == {f"/opt/x/data/{one}.dat" for one in ("root", "en", "en_GB", "de")}
