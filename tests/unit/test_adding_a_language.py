"""The code of docs/adding-a-language.md: complete, typed, and it keeps what the page says."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from slimmer.image.config import ImageConfig
from slimmer.keep import installed
from slimmer.keep.analyzer import Analyzer, Policy
from slimmer.keep.sources.language_analyzer import LanguageAnalyzer
from slimmer.testing import LocalImage, by_rule, opened, run, run_policy
from tests.conftest import ROOT
from tests.distribution import install, on_path

PAGE = (ROOT / "docs/adding-a-language.md").read_text(encoding="utf-8")
INSIDE, OUTSIDE = "slimmer.keep.languages.toy", "slimmer_toy"
"""The package as slimmer's own, and as another one: what the page tells its reader to replace."""


def blocks(language: str) -> Iterator[str]:
    return (match[1] for match in re.finditer(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))


def files() -> dict[str, str]:
    """The page's files, made of its blocks in order."""
    found: dict[str, str] = defaultdict(str)
    for block in blocks("python"):
        first, _, rest = block.partition("\n")
        found[first.removeprefix("# ")] += rest
    return found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of sys.path with the page's files, as a package that is not slimmer's."""
    folder = tmp_path_factory.mktemp("site")
    for name, text in files().items():
        place = folder / name.replace(INSIDE.replace(".", "/"), OUTSIDE)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text.replace(INSIDE, OUTSIDE), encoding="utf-8")
    with on_path(folder):
        yield folder


@pytest.fixture
def analyzer(site: Path) -> Analyzer:
    found: Analyzer = importlib.import_module(f"{OUTSIDE}.analyzer").ANALYZER
    return found


@pytest.fixture
def image(tmp_path: Path) -> LocalImage:
    """The app at the top of the page."""
    image = LocalImage(tmp_path / "image")
    image.add("/srv/app/main.toy", next(blocks("toy")))
    for name in ("shop/cart/init.toy", "shop/pay/card.toy", "shop/pay/cash.toy", "prices.csv", "other.csv"):
        image.add(f"/srv/app/{name}")
    image.add("/usr/bin/sort", mode=0o755)
    return image


CONFIG = ImageConfig("sha256:1", "amd64", "linux", working_dir="/srv/app")
SEEN = opened("/srv/app/main.toy", by="/usr/bin/toy")


def test_the_example_at_the_top_brings_what_its_comments_say(analyzer: Analyzer, image: LocalImage) -> None:
    kept = run(analyzer, image.view(SEEN, config=CONFIG))
    assert by_rule(kept, "toy") == {"/srv/app/shop/cart/init.toy", "/srv/app/shop/pay/card.toy"}
    assert [str(why) for why in kept.reasons["/srv/app/shop/pay/card.toy"]] == [
        "toy: imported by /srv/app/main.toy in pay()"
    ]
    assert by_rule(kept, "named-path") == {"/srv/app/prices.csv"}
    assert by_rule(kept, "program") == {"/usr/bin/sort"}


def test_it_works_beside_all_other_analyzers(analyzer: Analyzer, image: LocalImage) -> None:
    view = image.view(SEEN, config=CONFIG)
    assert "/srv/app/shop/pay/card.toy" in run_policy(Policy.BALANCED, view, analyzer)
    assert "/srv/app/shop/pay/card.toy" not in run_policy(Policy.BALANCED, view)
    assert "/srv/app/shop/pay/card.toy" not in run_policy(Policy.OBSERVED, view, analyzer)


def test_the_tests_of_the_page_pass(site: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-W",
        "error",
        "tests/unit/keep/test_toy.py",
    ]
    done = subprocess.run(
        command,
        cwd=site,
        env={"PYTHONPATH": str(site), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_hooks_begin_with_a_command_and_with_scripts(site: Path, image: LocalImage) -> None:
    language = importlib.import_module(f"{OUTSIDE}.scripts").TOY_AND_SCRIPTS
    for name in ("two", "three", "four"):
        image.add(f"/srv/app/{name}.toy")
    image.add("/srv/app/start", '#!/usr/bin/toy\nimport "two"')
    image.add("/srv/app/notes", 'import "three"')
    config = ImageConfig(
        "sha256:1", "amd64", "linux", working_dir="/srv/app", cmd=("/usr/bin/toy", "-e", 'import "four"')
    )
    seen = (opened(f"/srv/app/{name}", by="/usr/bin/toy") for name in ("start", "notes"))
    kept = run(LanguageAnalyzer(language), image.view(*seen, config=config))
    assert by_rule(kept, "toy") == {"/srv/app/two.toy", "/srv/app/four.toy"}
    assert str(kept.reasons["/srv/app/four.toy"][0]) == "toy: imported by the image's command"


def test_the_entry_point_of_the_page_leads_to_the_analyzer(site: Path) -> None:
    (project,) = (tomllib.loads(block) for block in blocks("toml"))
    points: dict[str, Any] = project["project"]["entry-points"]["slimmer.analyzers"]
    install(site, project["project"]["name"], "", *(f"{name} = {value}" for name, value in points.items()))
    (found,) = installed.analyzers(frozenset())
    assert found.id == "toy"


@pytest.mark.parametrize(
    "data", [b"", b'import "a"\n' * 6000, b"\xff\0", b'run "\xff"; import "\xff#{x}"', b"def a" * 99]
)
def test_the_fuzz_target_holds(site: Path, data: bytes) -> None:
    space: dict[str, Any] = {}
    exec((site / "tests/fuzz/targets/toy.py").read_text(encoding="utf-8"), space)
    target: Callable[[bytes], None] = space["toy_source"]
    target(data)


def test_the_code_is_as_long_as_the_page_says() -> None:
    names = ("language", "reader", "resolver")
    code = "\n".join(files()[f"{INSIDE.replace('.', '/')}/{name}.py"] for name in names)
    (said,) = re.findall(r"about (\d+) lines of code", PAGE)
    assert sum(1 for line in code.splitlines() if line.strip()) == pytest.approx(int(said), rel=0.05)


@pytest.mark.parametrize("command", [["ruff", "check"], ["ruff", "format", "--check", "--diff"], ["mypy", "--strict"]])
def test_the_code_passes_the_checks(site: Path, command: list[str]) -> None:
    options = ["--config", str(ROOT / "pyproject.toml")] if command[0] == "ruff" else ["--follow-imports=silent"]
    options += (
        ["--ignore", "I001"] if command == ["ruff", "check"] else []
    )  # the order of imports depends on the package's name
    done = subprocess.run(
        [sys.executable, "-m", *command, *options, OUTSIDE, "tests"],
        cwd=site,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
