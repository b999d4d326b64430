"""The libraries of programs and plug-ins in a real image, held against what the loader in that image finds."""

from __future__ import annotations

import re
import subprocess
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping

import pytest

from slimmer.engine import images
from slimmer.engine.connection import Engine, connect
from slimmer.image.tree import Tree
from slimmer.keep import registry
from slimmer.keep.image_view import ImageView
from slimmer.keep.keepset import KeepSetBuilder
from slimmer.keep.native.code_reader import Code, CodeReader
from slimmer.keep.native.elf import libraries
from slimmer.keep.native.library_needs import opened_objects
from slimmer.keep.native.library_search import LibrarySearch
from slimmer.observe.log import AccessLog
from slimmer.probe_binary import probe_path
from slimmer.runs.image_mount import image_tree, open_pristine
from tests.engine.names import LABEL, OWN
from tests.engine.prompt import PromptResources

TESTED = ("/usr/lib/jvm/", "/usr/bin/", "/usr/sbin/")
LIST_ALL = 'while IFS= read -r file; do echo "== $file"; ldd "$file" 2>/dev/null; done'


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = connect()
    yield engine
    engine.close()


def test_the_closure_of_every_file_is_the_loaders(
    engine: Engine, sample: Callable[[str], str], leftovers: None
) -> None:
    """Java's libraries have RPATHs with $ORIGIN, lack libraries that the program brings, and load others by name."""
    config = images.resolve(engine, sample("java"))
    with PromptResources(engine) as scope:
        probe = probe_path(engine.architecture)
        with open_pristine(scope, config, config.image_id, probe, "closure") as pristine:
            tree = image_tree(pristine, config)

            def read(paths: Iterable[str]) -> Iterator[tuple[str, bytes | None]]:
                return pristine.read(list(paths), 1 << 28)

            codes, ours = closures(ImageView(tree, AccessLog(config.image_id, ()), config, read))
    loading = {path for path, code in codes.items() if code.elf.library_names}
    theirs = listed(config.image_id, [path for path in ours if path.startswith(TESTED)], tree)
    assert len(theirs) > 100
    assert {path: found - ours[path] for path, found in theirs.items() if found - ours[path]} == {}
    more = {path: ours[path] - found for path, found in theirs.items() if path not in loading}
    assert {path: extra for path, extra in more.items() if extra} == {}


def closures(context: ImageView) -> tuple[Mapping[str, Code], Mapping[str, set[str]]]:
    """The ELF files of the image and, for each, the real paths of what it is linked with, at any depth."""
    reader, search = CodeReader(context), LibrarySearch(context)
    codes = reader.read(entry.path for entry in context.tree if reader.may_be_code(entry.path))
    return codes, {path: set(closure(context, reader, search, code)) for path, code in codes.items()}


def closure(context: ImageView, reader: CodeReader, search: LibrarySearch, code: Code) -> Iterator[str]:
    follow = libraries(context, reader, search, opened_objects(context))
    for finding in follow([code], [], KeepSetBuilder(context.tree, evidence=registry.evidence())):
        entry = context.tree.get(finding.path)
        if entry is not None and entry.is_file and finding.reason.detail.startswith(("needed by", "the loader of")):
            yield finding.path


def listed(image: str, paths: Iterable[str], tree: Tree) -> Mapping[str, set[str]]:
    """What ldd finds for each file, run in a container of the image."""
    command = [
        "docker",
        "run",
        "--rm",
        "--label",
        f"{LABEL}={OWN}",
        "--interactive",
        "--user",
        "0",
        "--entrypoint",
        "/bin/sh",
        image,
        "-c",
        LIST_ALL,
    ]
    text = "".join(f"{path}\n" for path in paths)
    answer = subprocess.run(command, input=text, check=True, capture_output=True, text=True, timeout=300)
    found: dict[str, set[str]] = defaultdict(set)
    current = ""
    for line in answer.stdout.splitlines():
        if line.startswith("== "):
            current = line.removeprefix("== ")
            found[current] = set()
        elif (match := re.search(r"(/\S+) \(0x", line)) is not None:
            found[current].add(str(tree.resolve(match[1]).end))
    return found
