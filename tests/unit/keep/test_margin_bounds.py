"""The margin on images that mean harm: it ends soon, and is the same each time."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from slimmer.image.tree import Tree
from slimmer.keep import registry
from slimmer.keep.image_view import ImageView
from slimmer.keep.keepset import Finding, KeepSetBuilder, Reason
from slimmer.keep.margin import candidates as search
from slimmer.keep.margin.amount import Margin
from slimmer.keep.margin.margin import RULE, add_margin
from slimmer.keep.margin.order import Candidate, Kind, Order, Tier
from slimmer.keep.margin.purse import Purse
from slimmer.keep.margin.trial import Trial
from slimmer.observe.log import AccessLog
from slimmer.testing import LocalImage
from slimmer.testing.image import CONFIG

USED = Reason("observed", "opened by /app")


def tree_of(sizes: dict[str, int]) -> Tree:
    """A tree of regular files and the folders above them."""
    folders = {"/"}
    for path in sizes:
        parts = path.split("/")[1:-1]
        folders.update("/" + "/".join(parts[: number + 1]) for number in range(len(parts)))
    entries = [(path, 0o40755, 0) for path in folders] + [(path, 0o100644, size) for path, size in sizes.items()]
    records = (
        f"{mode:o} 0 0 {size} 1000 0 1 {number} 1000 0 0\0{path}\0\0\0"
        for number, (path, mode, size) in enumerate(entries)
    )
    return Tree("".join(records).encode())


def _follow_nothing(trial: KeepSetBuilder) -> None:
    trial.take_added()


def added(tree: Tree, used: Iterable[str], size: int) -> tuple[list[str], int]:
    """What a margin adds to these used files, with no contents to read, and the number of its candidates."""
    view = ImageView(tree, AccessLog(CONFIG.image_id, ()), CONFIG, lambda paths: ((path, None) for path in paths))
    builder = KeepSetBuilder(tree, evidence=registry.evidence())
    builder.add(Finding(path, USED) for path in used)
    builder.take_added()
    spent = add_margin(view, builder, Margin(size=size), _follow_nothing)
    return [path for path in builder if any(one.rule == RULE for one in builder.reasons(path))], spent.candidates


def test_a_folder_of_300000_tiny_files_gives_a_bounded_number() -> None:
    tree = tree_of({f"/app/data/{number}.txt": 1 for number in range(300_000)} | {"/app/main.txt": 1})
    start = time.process_time()
    files, candidates = added(tree, ["/app/main.txt"], 10**9)
    assert time.process_time() - start < 60
    assert candidates == len(files) == search.FOLDER


def test_many_folders_give_a_bounded_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "WALKED", 5_000)
    monkeypatch.setattr(search, "CANDIDATES", 700)
    tree = tree_of({f"/app/{number}/x.txt": 1 for number in range(3_000)} | {"/app/main.txt": 1})
    assert added(tree, ["/app/main.txt"], 10**9)[1] == 700
    monkeypatch.setattr(search, "WALKED", 300)
    assert added(tree, ["/app/main.txt"], 10**9)[1] <= 300


def test_files_without_bytes_cost_something() -> None:
    tree = tree_of({f"/app/{number}.txt": 0 for number in range(1_000)} | {"/app/main.txt": 1})
    first = added(tree, ["/app/main.txt"], 6_400)[0]
    assert len(first) == 100
    assert added(tree, ["/app/main.txt"], 6_400)[0] == first


def test_wrong_sizes_do_not_enlarge_the_budget() -> None:
    sizes = {"/app/main.txt": 100, "/app/huge.txt": 1 << 62, "/app/small.txt": 100}
    assert added(tree_of(sizes), ["/app/main.txt"], 1_000)[0] == ["/app/small.txt"]


def test_a_package_that_lists_files_without_end(tmp_path: Path) -> None:
    image = LocalImage(tmp_path / "image")
    listed = ["/usr/share/x/used.txt", "/usr/share/x/more.txt"]
    for path in listed:
        image.add(path, "x")
    image.add(
        "/var/lib/dpkg/info/x.list", "\n".join([*listed, *(f"/usr/share/x/{number}" for number in range(300_000))])
    )
    builder = KeepSetBuilder(image.tree(), evidence=registry.evidence())
    builder.add([Finding(listed[0], USED)])
    view = image.view()
    found = search.find_candidates(view, builder, lambda entry: 1)
    assert [one.path for one in found] == [listed[1]]


def trial_of(
    tree: Tree, starts: Iterable[str], leads: dict[str, list[str]], room: int = 1_000_000
) -> tuple[KeepSetBuilder, Trial]:
    base = KeepSetBuilder(tree, evidence=registry.evidence())
    base.add([Finding("/base", USED)])
    trial = Trial(base, tree, room)
    trial.start(Finding(path, Reason(RULE, "near", "/base")) for path in starts)
    trial.add(Finding(to, Reason("elf", "", path)) for path, ends in leads.items() for to in ends)
    return base, trial


def candidates(*paths: str) -> list[Candidate]:
    return [Candidate(path, 1, Tier.APP, Kind.DATA, False, 0, False, False, "/", False, "", "") for path in paths]


def test_loops_and_shared_parts_are_paid_for_once() -> None:
    tree = tree_of(dict.fromkeys(("/base", "/a", "/b", "/c", "/shared"), 10_000))
    leads = {"/a": ["/b", "/shared"], "/b": ["/a"], "/c": ["/shared"], "/shared": ["/shared"]}
    base, trial = trial_of(tree, ["/a", "/c"], leads)
    purse = Purse(tree, base, 10**6)
    purse.choose(trial, candidates("/a", "/c"), Order.SIZE)
    assert purse.chosen == {"/a", "/b", "/c", "/shared"}
    assert {finding.path for finding in trial.findings(purse.chosen)} == purse.chosen


def test_without_room_for_leads_only_files_that_lead_nowhere_are_added() -> None:
    tree = tree_of(dict.fromkeys(("/base", "/a", "/b", "/c"), 10))
    base, trial = trial_of(tree, ["/a", "/c"], {"/a": ["/b", "/c"]}, room=1)
    assert trial.is_full
    purse = Purse(tree, base, 10**6)
    purse.choose(trial, candidates("/a", "/c"), Order.SIZE)
    assert purse.chosen == {"/c"}


def test_the_work_of_choosing_is_bounded() -> None:
    names = [f"/{number}" for number in range(200)]
    tree = tree_of(dict.fromkeys(("/base", *names), 10))
    base, trial = trial_of(tree, names, dict.fromkeys(names, names))
    purse = Purse(tree, base, 64 * 199, steps=2_000)
    purse.choose(trial, candidates(*names), Order.SIZE)
    assert purse.chosen == set()
