"""Names with unknown parts: the files of a folder that they stand for, and the cost of finding them."""

from __future__ import annotations

from pathlib import Path

import pytest

from slimmer.image.config import ImageConfig
from slimmer.image.tree import Tree
from slimmer.keep.analyzer import Policy
from slimmer.keep.keepset import Reason
from slimmer.keep.sources import globs as glob_module
from slimmer.keep.sources.globs import VISITED, globs
from slimmer.keep.sources.named_paths import FOLDER_FILES, HOLE, fitting
from slimmer.testing import LocalImage, opened, run_policy
from tests.unit.tree_maker import make_tree, record

REASON = Reason("test")


def found(tree: Tree, folder: str, pattern: str) -> list[str]:
    return [finding.path for finding in fitting(tree, folder, pattern, REASON)]


def test_files_match_a_pattern_by_their_beginning_and_end() -> None:
    tree = make_tree(
        "f /app/a.ejs\nf /app/b.ejs\nf /app/b.js\nd /app/b.d.ejs\nf /app/below/b.ejs\nl /views -> app\nf /b.ejs"
    )
    assert found(tree, "/app", f"{HOLE}.ejs") == ["/app/a.ejs", "/app/b.ejs"]
    assert found(tree, "/app", f"b{HOLE}") == ["/app/b.ejs", "/app/b.js"]
    assert found(tree, "/views", f"b{HOLE}.ejs") == ["/app/b.ejs"]
    assert found(tree, "/", f"b{HOLE}") == ["/b.ejs"]
    assert found(tree, "/app", f"c{HOLE}") == found(tree, "/none", HOLE) == []


@pytest.mark.timeout(30)
def test_a_folder_of_very_many_files_is_read_once() -> None:
    """A source may have thousands of names with unknown parts, and its image a folder of 100,000 files."""
    folders = [record("d", path, mode=0o755) for path in ("/", "/app", "/app/icons")]
    tree = Tree(b"".join([*folders, *(record("f", f"/app/icons/{number:06}.svg") for number in range(100_000))]))
    for number in range(1000):
        assert len(found(tree, "/app/icons", f"{number:05}{HOLE}.svg")) == 10
    assert found(tree, "/app/icons", f"{HOLE}99.svg") == [f"/app/icons/{n:04}99.svg" for n in range(1000)]
    assert found(tree, "/app/icons", f"0{HOLE}.svg") == []  # more than FOLDER_FILES
    assert FOLDER_FILES < 10_000


@pytest.mark.parametrize(
    ("source", "content", "program"),
    [
        ("main.rb", "ENV['TZ'] = 'Europe/Berlin'", "ruby3.1"),
        ("main.pl", '$ENV{TZ} = "Europe/Berlin"; print localtime;', "perl"),
        ("main.py", "import os, time\nos.environ['TZ'] = 'Europe/Berlin'\ntime.tzset()\n", "python3.11"),
    ],
)
def test_time_zones_that_an_app_names(tmp_path: Path, source: str, content: str, program: str) -> None:
    image = LocalImage(tmp_path)
    image.add(f"/srv/app/{source}", content)
    image.add(f"/usr/bin/{program}", "x", mode=0o755)
    image.add("/usr/lib/python3.11/os.py")
    for zone in ("Europe/Berlin", "Asia/Tokyo"):
        image.add(f"/usr/share/zoneinfo/{zone}", "x")
    config = ImageConfig("sha256:1", "amd64", "linux", working_dir="/srv/app", cmd=(program, source))
    by = f"/usr/bin/{program}"
    view = image.view(opened(f"/srv/app/{source}", by=by), opened("/usr/lib/python3.11/os.py", by=by), config=config)
    kept = run_policy(Policy.BALANCED, view)
    assert "/usr/share/zoneinfo/Europe/Berlin" in kept
    assert "/usr/share/zoneinfo/Asia/Tokyo" not in kept


FILES = (
    "a.js",
    "b.ts",
    "src/a.job.js",
    "src/deep/b.job.ts",
    "src/deep/er/c.job.js",
    "src/x.d.ts",
    "node_modules/m/d.job.js",
)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("/app/*.js", {"a.js"}),
        ("/app/*.{js,ts}", {"a.js", "b.ts"}),
        ("/app/src/**/*.job.js", {"src/a.job.js", "src/deep/er/c.job.js"}),
        ("/app/**/*.job.?s", {"src/a.job.js", "src/deep/b.job.ts", "src/deep/er/c.job.js"}),
        ("/app/src/**", {"src/a.job.js", "src/deep/b.job.ts", "src/deep/er/c.job.js", "src/x.d.ts"}),
        ("/app/src/*/*", {"src/deep/b.job.ts"}),
        ("/app/**/deep/*", {"src/deep/b.job.ts"}),
        ("/app/**/er/**/c.job.@(js|ts)", {"src/deep/er/c.job.js"}),
        (f"/app/src/{HOLE}/{HOLE}{HOLE}.job.ts", {"src/deep/b.job.ts"}),
        ("/app/src/+(x|y).d.ts", {"src/x.d.ts"}),
        ("/app/none/**/*", set()),
        ("/app/src", set()),
    ],
)
def test_globs_span_folders(pattern: str, expected: set[str]) -> None:
    folders = ("/app", "/app/src", "/app/src/deep", "/app/src/deep/er", "/app/node_modules", "/app/node_modules/m")
    tree = make_tree("\n".join([*(f"d {folder}" for folder in folders), *(f"f /app/{name}" for name in FILES)]))
    left_out = frozenset(("node_modules",))
    found = [entry for glob in globs(pattern, HOLE) for entry in glob.matches(tree, glob.folder, left_out)]
    assert {entry.path.removeprefix("/app/") for entry in found} == expected


@pytest.mark.timeout(30)
def test_hostile_globs_end_soon() -> None:
    folders = [record("d", path, mode=0o755) for path in ("/", "/app", "/app/icons")]
    tree = Tree(
        b"".join([*folders, *(record("f", f"/app/icons/{'a' * 60}{number:06}") for number in range(2 * VISITED))])
    )
    for pattern in ("/app/**/**/**/" + "*a" * 300 + "b", "/app/" + "{a,b}" * 100, "/app/" + "**/" * 300 + "a"):
        for glob in globs(pattern, HOLE):
            assert list(glob.matches(tree, "/app", frozenset())) == []


def test_a_glob_does_not_enter_folders_that_it_cannot_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(glob_module, "VISITED", 20)
    many = "\n".join(f"f /app/data/{number}/x.js" for number in range(100))
    tree = make_tree(f"{many}\nf /app/src/deep/a.js\nf /app/src2/b.js")
    (glob,) = globs("/app/src*/**/*.js", "\0")
    assert [entry.path for entry in glob.matches(tree, "/app", frozenset())] == ["/app/src/deep/a.js", "/app/src2/b.js"]


def test_a_folder_that_the_author_put_among_the_system_s_stays_if_a_source_names_it(tmp_path: Path) -> None:
    image = LocalImage(tmp_path)
    image.add("/srv/app/main.pl", "my $f = '/usr/share/shop/tmpl/' . $name . '.tmpl'; my $g = '/usr/share/other/';\n")
    image.add("/usr/bin/perl", "x", mode=0o755)
    image.add("/usr/share/shop/tmpl/list.tmpl", "x")
    image.add("/usr/share/other/x.txt", "x")
    image.add("/var/lib/dpkg/status", "Package: other\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n\n")
    image.add("/var/lib/dpkg/info/other.list", "/usr/share/other\n/usr/share/other/x.txt\n")
    found = run_policy(Policy.BALANCED, image.view(opened("/srv/app/main.pl", by="/usr/bin/perl")))
    assert "/usr/share/shop/tmpl/list.tmpl" in found
    assert "/usr/share/other/x.txt" not in found
