"""Images with many folders and files, all of them opened and written: analyzers of folders end, and give the same answer each time."""

from __future__ import annotations

import pytest

from slimmer.image.config import ImageConfig
from slimmer.image.tree import Entry, Tree
from slimmer.keep.analyzer import Analyzer
from slimmer.keep.apps import environment_choices, language_folders, state, static_roots, unknown_languages
from slimmer.keep.core import hard_links
from slimmer.keep.image_view import ImageView
from slimmer.keep.languages.erlang import applications
from slimmer.observe.log import Access, AccessLog, Operation
from slimmer.testing import run
from tests.unit.tree_maker import record

CONFIG = ImageConfig(
    "sha256:1", "amd64", "linux", working_dir="/srv/app", env=("X=" + " ".join(f"w{n}" for n in range(2000)),)
)
FILES = 1000
ANALYZERS = (
    state.ANALYZER,
    static_roots.ANALYZER,
    language_folders.ANALYZER,
    unknown_languages.ANALYZER,
    environment_choices.ANALYZER,
)


class CountingTree(Tree):
    """A tree that counts the entries that are read."""

    read = 0

    def _entry(self, offset: int) -> Entry:
        self.read += 1
        return super()._entry(offset)


def view(paths: list[str], accesses: list[Access], mode: int = 0o644, content: bytes = b"x") -> ImageView:
    """Return an image that has these files and the folders above them. Each file has another name elsewhere."""
    folders = {"/"}
    for path in paths:
        folder = path.rpartition("/")[0] or "/"
        while folder not in folders:
            folders.add(folder)
            folder = folder.rpartition("/")[0] or "/"
    made = [record("d", path, mode=0o755) for path in sorted(folders)] + [
        record("f", path, mode=mode, inode=number, links=2) for number, path in enumerate(paths)
    ]
    return ImageView(
        CountingTree(b"".join(made)),
        AccessLog("sha256:1", tuple(accesses)),
        CONFIG,
        lambda wanted: ((path, content) for path in wanted),
    )


@pytest.mark.parametrize("analyzer", ANALYZERS, ids=lambda one: one.id)
@pytest.mark.parametrize(
    "shape", ["/srv/app/{n}.tcl", "/srv/x/{n}/en/w{n}.html", "/srv/x/en/{n}.txt", "/var/lib/x/{n}/index.html"]
)
def test_many_files_that_were_all_opened_and_written(analyzer: Analyzer, shape: str) -> None:
    paths = [shape.format(n=number) for number in range(FILES)]
    paths += [f"/srv/x/{name}/1.txt" for name in ("de", "fr", "it")]
    accesses = [
        Access(operation, path, path, True, 1, "/srv/app/tool")
        for path in paths
        for operation in (Operation.OPEN, Operation.WRITE)
    ]
    image = view(paths, accesses)
    assert run(analyzer, image).reasons == run(analyzer, image).reasons


def written(path: str, operation: Operation = Operation.WRITE) -> Access:
    return Access(operation, path, path, True, 1, "/srv/app/tool")


MANY = range(FILES)
REPOSITORIES = [f"/git/{n}/{name}" for n in range(300) for name in ("HEAD", "objects/x", "refs/y")]
KINDS = [f"/data/x/{n}.k{n}" for n in MANY]
PROGRAMS = [f"/srv/{n}/tool" for n in MANY]
TOOLS = [f"/srv/bin/{n}" for n in MANY]
MODULES = [f"/otp/lib/a{n}/ebin/m.beam" for n in range(300)]
NEEDED = b"{application, a, [{applications, [" + b", ".join(b"x%d" % n for n in range(500)) + b"]}]}."


@pytest.mark.parametrize(
    ("analyzer", "paths", "accesses"),
    [
        (state.ANALYZER, [*KINDS, "/data/x/app.py"], [written(path) for path in KINDS]),
        (
            state.ANALYZER,
            [*REPOSITORIES, *(f"/git/x{n}/file" for n in MANY)],
            [written(path, Operation.OPEN) for path in REPOSITORIES],
        ),
        (
            static_roots.ANALYZER,
            [*PROGRAMS, *(f"/srv/app/{n}/x" for n in MANY)],
            [Access(Operation.OPEN, "/srv/app/1/x", "/srv/app/1/x", True, 1, path) for path in PROGRAMS],
        ),
        (hard_links.ANALYZER, TOOLS, [written(path, Operation.OPEN) for path in TOOLS]),
        (
            applications.ANALYZER,
            [*MODULES, *(f"/otp/lib/a{n}/ebin/a{n}.app" for n in range(300))],
            [written(path, Operation.OPEN) for path in MODULES],
        ),
    ],
    ids=("kinds", "repositories", "programs", "hard-links", "applications"),
)
def test_no_folder_is_read_for_each_of_its_files(analyzer: Analyzer, paths: list[str], accesses: list[Access]) -> None:
    image = view(paths, accesses, mode=0o755, content=NEEDED)
    run(analyzer, image)
    assert isinstance(image.tree, CountingTree)
    assert image.tree.read < 40 * len(image.tree)
