"""Files that PostgreSQL may read later: extensions, dictionaries, abbreviations of time zones."""

from __future__ import annotations

from pathlib import Path

import pytest

from slimmer.keep.apps import postgresql as rule
from slimmer.keep.apps.postgresql import ANALYZER
from slimmer.testing import LocalImage, by_rule, opened, run

SHARED = "/usr/share/postgresql/15"
SERVER = "/usr/lib/postgresql/15/bin/postgres"
EXTENSIONS = ("pg_trgm.control", "pg_trgm--1.5.sql", "pg_trgm--1.4--1.5.sql", "plpgsql.control")


@pytest.fixture
def image(tmp_path: Path) -> LocalImage:
    image = LocalImage(tmp_path)
    for name in EXTENSIONS:
        image.add(f"{SHARED}/extension/{name}", "12345")
    for name in ("tsearch_data/german.stop", "timezonesets/Default", "timezonesets/India", "man/man1/psql.1"):
        image.add(f"{SHARED}/{name}")
    return image


def kept(image: LocalImage, path: str, by: str = SERVER) -> set[str]:
    found = by_rule(run(ANALYZER, image.view(opened(path, by=by))), rule.RULE)
    return {path.removeprefix(f"{SHARED}/") for path in found}


@pytest.mark.parametrize("read", ["extension/plpgsql.control", "timezonesets/Default"])
def test_files_read_at_the_start_show_where_the_others_are(image: LocalImage, read: str) -> None:
    others = {"tsearch_data/german.stop", "timezonesets/Default", "timezonesets/India"}
    assert kept(image, f"{SHARED}/{read}") == {f"extension/{name}" for name in EXTENSIONS} | others


def test_only_install_scripts_of_too_many_extensions_are_kept(
    image: LocalImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rule, "EXTENSION_BYTES", 10)
    found = {path for path in kept(image, f"{SHARED}/timezonesets/Default") if path.startswith("extension/")}
    assert found == {f"extension/{name}" for name in EXTENSIONS} - {"extension/pg_trgm--1.4--1.5.sql"}


def test_who_is_no_server_asks_for_nothing_later(image: LocalImage) -> None:
    assert kept(image, f"{SHARED}/extension/plpgsql.control", by="/usr/bin/grep") == set()
