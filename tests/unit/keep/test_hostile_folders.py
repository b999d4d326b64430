"""Images with many folders and files, all of them opened and written: analyzers of folders end, and give the same answer each time."""

from __future__ import annotations

import pytest

from slimmer.image.config import ImageConfig
from slimmer.image.tree import Tree
from slimmer.keep.analyzer import Analyzer
from slimmer.keep.apps import environment_choices, language_folders, state, static_roots, unknown_languages
from slimmer.keep.image_view import ImageView
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


def view(paths: list[str], accesses: list[Access]) -> ImageView:
    """Return an image that has these files and the folders above them, with one byte in each file."""
    folders = {"/"}
    for path in paths:
        folder = path.rpartition("/")[0] or "/"
        while folder not in folders:
            folders.add(folder)
            folder = folder.rpartition("/")[0] or "/"
    made = [record("d", path, mode=0o755) for path in sorted(folders)] + [record("f", path) for path in paths]
    return ImageView(
        Tree(b"".join(made)),
        AccessLog("sha256:1", tuple(accesses)),
        CONFIG,
        lambda wanted: ((path, b"x") for path in wanted),
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
