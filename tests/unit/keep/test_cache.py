"""The cache of facts: it remembers, stays private and small, and never makes a run fail."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from slimmer.keep import cache
from slimmer.keep.cache import FactsCache, default_folder


def test_what_was_put_is_got_by_another(tmp_path: Path) -> None:
    FactsCache(tmp_path / "new").put({"a": b"1", "b": b"2"})
    assert FactsCache(tmp_path / "new").get(["a", "c"]) == {"a": b"1"}


def test_many_are_asked_for_at_once(tmp_path: Path) -> None:
    values = {str(number): b"x" for number in range(5000)}
    FactsCache(tmp_path).put(values)
    assert FactsCache(tmp_path).get(values) == values


def test_it_is_the_users_own(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        FactsCache(tmp_path / "own").put({"a": b"1"})
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "own").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "own/facts.sqlite3").stat().st_mode) == 0o600


def test_a_broken_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "facts.sqlite3").write_bytes(b"this is no database, however long one looks at it" * 100)
    held = FactsCache(tmp_path)
    assert held.get(["a"]) == {}
    held.put({"a": b"1"})
    held.put({"a": b"1"})
    assert held.get(["a"]) == {"a": b"1"}


def test_a_damaged_file_does_no_harm(tmp_path: Path) -> None:
    held = FactsCache(tmp_path)
    held.put({str(number): b"x" * 500 for number in range(1000)})
    file = tmp_path / "facts.sqlite3"
    content = bytearray(file.read_bytes())
    content[4096:40960] = b"\xff" * (40960 - 4096)
    file.write_bytes(content)
    held.get(["1"])
    held.put({"a": b"1"})
    held.put({"a": b"1"})
    assert held.get(["a"]) == {"a": b"1"}


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/facts.sqlite3").symlink_to(tmp_path / "elsewhere")
    FactsCache(tmp_path / "folder").put({"a": b"1"})
    assert not (tmp_path / "elsewhere").exists()


def test_where_nothing_can_be_written_nothing_is_known(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    held = FactsCache(tmp_path / "file/below")
    held.put({"a": b"1"})
    assert held.get(["a"]) == {}


def test_it_forgets_the_oldest_when_it_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "SIZE_LIMIT", 1 << 18)
    held = FactsCache(tmp_path)
    for number in range(100):
        held.put({str(number): bytes(10_000)})
    assert held.get(["99"]) and not held.get(["0"])
    assert (tmp_path / "facts.sqlite3").stat().st_size < 2 << 18


@pytest.mark.parametrize(("value", "used"), [("/caches", "/caches/slimmer"), ("caches", None), ("", None)])
def test_the_users_cache_folder(value: str, used: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", value)
    assert default_folder() == Path(used or Path.home() / ".cache/slimmer")
