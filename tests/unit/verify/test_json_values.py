"""JSON answers of three runs: what counts as a change, under which path, and what is noise."""

from __future__ import annotations

from typing import Any

import pytest

from slimmer.verify.json_values import MISSING, Change, changes, parse


def told(before: Any, after: Any, *again: Any) -> list[str]:
    return [f"{c.path}: {c.before} -> {c.after}" for c in changes(before, after, *again)]


def paths(before: Any, after: Any, *again: Any) -> list[str]:
    """Where the candidate differs."""
    return [change.path for change in changes(before, after, *again)]


@pytest.mark.parametrize(
    ("before", "after", "paths"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, []),
        ({"a": 1}, {"a": 1.0}, []),
        ({"a": 1}, {"a": True}, ["$.a: 1 -> true"]),
        ({"a": 0}, {"a": None}, ["$.a: 0 -> null"]),
        ({"a": None}, {}, ["$.a: null -> "]),
        ({}, {"a": None}, ["$.a:  -> null"]),
        ({"a": {"b c": [1, {"d": "x"}]}}, {"a": {"b c": [1, {"d": "y"}]}}, ['$.a["b c"][1].d: "x" -> "y"']),
        ([1, 2], [2, 1], ["$: [1, 2] -> [2, 1]"]),
        ([1, 2, 3], [1, 3], ["$: 3 entries, with 2 -> 2 entries"]),
        ([], [1], ["$: 0 entries -> 1 entries, with 1"]),
        ({"a": []}, {"a": {}}, ["$.a: [] -> {}"]),
        ("x", "", ['$: "x" -> ""']),
        ([[1]], [[2]], ["$[0][0]: 1 -> 2"]),
        (1, 1, []),
    ],
)
def test_without_noise_every_change_counts(before: Any, after: Any, paths: list[str]) -> None:
    assert told(before, after, before) == paths


@pytest.mark.parametrize(
    ("before", "again", "fits", "fits_not"),
    [
        ({"pid": 7}, {"pid": 9}, {"pid": 8}, {"pid": "8"}),
        ({"ok": True}, {"ok": False}, {"ok": True}, {"ok": None}),
        ({"at": "2026-01-01T10:00:00Z"}, {"at": "2026-01-01T10:00:05Z"}, {"at": "2026-01-02T11:01:09Z"}, {"at": ""}),
        ({"id": "3f2a9b"}, {"id": "77c01d"}, {"id": "abcdef"}, {"id": "Error: no random device"}),
        ({"id": "3f2a9b"}, {"id": "77c01d"}, {"id": "abcdef"}, {}),
        ({"id": "3f2a9b"}, {"id": "77c01d"}, {"id": "abcdef"}, {"id": None}),
        ({"hit": 1}, {}, {"hit": 2}, {"hit": "no"}),  # there by chance
        ({"hit": 1}, {}, {}, {"other": 1}),
        ({"a1": 1, "s": 1}, {"b2": 1, "s": 1}, {"c3": 1, "s": 1}, {"c3": 1}),  # keys that are made up
        ([1, 2, 3], [3, 1, 2], [2, 3, 1], [2, 3, 4]),  # a set
        ([{"id": 1, "n": "x"}], [{"id": 2, "n": "x"}], [{"id": 3, "n": "x"}], [{"id": 3, "n": "y"}]),
        ([1, 1], [1, 1, 1], [1], []),  # a queue
        ([1, 1], [1, 1, 1], [1, 1, 1, 1], ["1"]),
        ({"v": 1}, {"v": None}, {"v": 2}, {"v": "x"}),
        ({"v": [1]}, {"v": None}, {"v": [2]}, {"v": {}}),
    ],
)
def test_noise_is_of_its_kind(before: Any, again: Any, fits: Any, fits_not: Any) -> None:
    assert told(before, fits, again) == []
    assert told(before, before, again) == told(before, again, again) == []
    assert told(before, fits_not, again) != []


@pytest.mark.parametrize("key", ["elapsed_ms", "took", "pid", "ppid", "uptime", "query_latency", "memory_rss"])
def test_measured_numbers_may_agree_by_chance(key: str) -> None:
    assert told({key: 3}, {key: 4}, {key: 3}) == []
    assert told({"x": {key: 3}}, {"x": {key: "4"}}, {"x": {key: 3}}) != []
    assert told({key: 3}, {}, {key: 3}) != []


@pytest.mark.parametrize("key", ["message", "items", "rapid", "timeout_ms", "age", "mistook"])
def test_other_numbers_may_not(key: str) -> None:
    assert told({key: 3}, {key: 4}, {key: 3}) != []


def test_measured_times_in_a_text_may_agree_by_chance() -> None:
    assert told({"m": "done in 3 ms"}, {"m": "done in 4 ms"}, {"m": "done in 3 ms"}) == []
    assert told({"m": "3 mice"}, {"m": "4 mice"}, {"m": "3 mice"}) != []


def test_what_is_not_noise_still_counts_beside_it() -> None:
    before, again = ({"time": time, "fonts": ["serif", "sans"]} for time in (1, 2))
    assert told(before, {"time": 3, "fonts": ["serif"]}, again) == ['$.fonts: 2 entries, with "sans" -> 1 entries']


def test_another_order_is_told_as_such() -> None:
    """A sort by a locale that is gone: no entry is missing."""
    assert list(changes(["ä", "b"], ["b", "ä"], ["ä", "b"])) == [Change("$", '["ä", "b"]', '["b", "ä"]', order=True)]


def test_long_values_are_shown_where_they_differ() -> None:
    (change,) = changes({"a": "x" * 500 + "old"}, {"a": "x" * 500 + "new"}, {"a": "x" * 500 + "old"})
    assert "old" in change.before and "new" in change.after and len(change.before + change.after) < 300


@pytest.mark.parametrize("text", ["", "{", "NaN", "[1, Infinity]", "<html>", "1" * 5000, "{} x"])
def test_what_is_no_json(text: str) -> None:
    assert parse(text) is MISSING


def test_what_two_originals_share_by_chance_a_third_tells() -> None:
    originals = {"a": 1, "b": 1}, {"a": 1, "b": 5}, {"a": 5, "b": 1}
    assert paths(originals[0], {"a": 2, "b": 2}, *originals[1:]) == []
    assert paths(originals[0], {"a": 2, "b": 2}, originals[1]) == ["$.a"]
    assert paths({"a": [1, 2]}, {"a": [1]}, {"a": [1, 2]}, {"a": [1]}) == []


def test_an_error_in_place_of_a_token_is_no_token() -> None:
    originals = [{"job": "a81f"}, {"job": "77e0"}]
    assert paths(originals[0], {"job": "9c3d"}, originals[1]) == []
    for wrong in ("error", "None", "undefined", "unavailable"):
        assert paths(originals[0], {"job": wrong}, originals[1]) == ["$.job"]
    assert paths({"job": "error"}, {"job": "None"}, {"job": "77e0"}) == []


NAMED = {"a": 1, "b": 2, "c": 3}


def entries(order: str, load: float, **more: Any) -> list[dict[str, Any]]:
    """Named entries in an order, each with some noise."""
    return [{"name": name, "weight": NAMED[name], "load": load + at, **more} for at, name in enumerate(order)]


def test_entries_without_an_order_are_told_apart_by_what_never_changes() -> None:
    originals = entries("abc", 0.1), entries("bac", 0.2)
    assert paths(originals[0], entries("cba", 0.3), originals[1]) == []
    assert paths(originals[0], entries("cba", 0.3, down=True), originals[1]) == ["$[0].down", "$[1].down", "$[2].down"]
    assert paths(originals[0], entries("cbb", 0.3), originals[1]) == ["$"]
    broken = entries("cba", 0.3)
    broken[1]["weight"] = 9
    assert paths(originals[0], broken, originals[1]) == ["$"]


def test_entries_that_keep_their_order_must_keep_it() -> None:
    assert paths(entries("abc", 0.1), entries("bac", 0.3), entries("abc", 0.2)) != []


def test_keys_that_are_made_up_are_as_many_and_of_the_same_kind() -> None:
    one, other = {"k1": {"new": True}, "n": 1}, {"k2": {"new": True}, "n": 1}
    assert paths(one, {"k3": {}, "n": 1}, other) == []
    assert paths(one, {"k3": {}, "n": 2}, other) == ["$.n"]
    assert paths(one, {"n": 1}, other) == ["$"]
    assert paths(one, {"k3": None, "n": 1}, other) == ["$"]
    assert paths(one, {"k3": {}, "n": 1, "error": "no such file"}, other) == ["$"]
    assert paths(one, {"k3": {}, "k4": {}, "n": 1}, other, {"k5": {}, "k6": {}, "n": 1}) == []


def test_nothing_is_not_one_of_many() -> None:
    assert paths({"n": 130}, {"n": 0}, {"n": 170}) == paths({"n": 130}, {"n": -1}, {"n": 170}) == ["$.n"]
    assert paths({"n": 3}, {"n": 0}, {"n": 170}) == paths({"n": 130}, {"n": 1}, {"n": 170}) == []
    assert paths({"uptime": 130}, {"uptime": 0}, {"uptime": 130}) == ["$.uptime"]


@pytest.mark.timeout(30)
def test_long_names_and_many_levels_cost_no_more_than_their_length() -> None:
    """Names come from the app: their words for each value would take gigabytes, and looking for "pid" in them hours."""
    name, many = "pid_" * 100_000, [0] * 100_000
    [path] = paths({name: many}, {name: [*many[1:], 1]}, {name: many})
    assert path.startswith("$.pid_pid_") and path.endswith("…[99999]") and len(path) < 200
    assert len(paths({name: {"ms": 1}}, {name: {"ms": 2}}, {name: {"ms": 1}})) == 1
    sides: list[Any] = [list(range(end)) for end in (50_000, 50_001, 50_002)]
    for _ in range(400):
        sides = [[side] for side in sides]
    assert paths(sides[0], sides[1], sides[2]) == []


def test_of_a_path_with_many_steps_the_last_ones_are_shown() -> None:
    before: Any = 1
    after: Any = 2
    for _ in range(100):
        before, after = {"a": before}, {"a": after}
    assert paths(before, after) == ["$…" + ".a" * 20]
